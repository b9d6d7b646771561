/**
 * Control characters in text that somebody else had a say in: written to a terminal they move its cursor, change
 * its title or hide what was there before; a line end makes a line up. C0, DEL and C1 (Unicode category Cc).
 */

const ALL_BUT_LINE_END_AND_TAB = /[^\P{Cc}\n\t]/gu;

/** Shown as what they are, e.g. "\x1b"; the ends of lines and tabs stay. */
export function escapeControls(text: string): string {
  return text.replace(ALL_BUT_LINE_END_AND_TAB, (control) => {
    return `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/** The same, and one line whatever is in it. */
export function oneLine(text: string): string {
  return escapeControls(text.replaceAll('\n', '\\n'));
}
