/** Text as a terminal of some width shows it: long lines go on below, further in; what matters is in colour. */

import { paint } from './paint.ts';

/** How much further in a line goes on. */
const HANG = 4;
/** Narrower than that nothing is gained. */
const COLUMNS_MIN = 40;

/** Lines of at most so many characters, broken between words; a longer word stays whole. */
export function fitColumns(text: string, columns: number): string {
  const width = Math.max(columns, COLUMNS_MIN);
  return text
    .split('\n')
    .map((line) => (line.length <= width ? line : broken(line, width)))
    .join('\n');
}

function broken(line: string, width: number): string {
  const [indent = ''] = /^ */.exec(line) ?? [];
  const lines: string[] = [];
  let now = indent;
  // Gaps of several spaces are columns; they stay where the line is not broken.
  for (const [, gap = '', word = ''] of line.slice(indent.length).matchAll(/( *)(\S+)/g)) {
    const isFirst = now.trim() === '';
    if (isFirst || now.length + gap.length + word.length <= width) {
      now += isFirst ? word : `${gap}${word}`;
      continue;
    }
    lines.push(now);
    now = `${indent}${' '.repeat(HANG)}${word}`;
  }
  return [...lines, now].join('\n');
}

type Colour = 'green' | 'yellow' | 'red';

/** The first line by what it says, and every line that begins with "!", with what goes on below it. */
export function paintReport(text: string, colour: Colour): string {
  let isTrouble = false;
  return text
    .split('\n')
    .map((line, index) => {
      if (index === 0) return paint(['bold', colour], line);
      const goesOn = line.startsWith(' '.repeat(2 + HANG));
      isTrouble = line.startsWith('  ! ') || (isTrouble && goesOn);
      return isTrouble ? paint(colour, line) : line;
    })
    .join('\n');
}
