/** What man pages are written in: man(7), as man-db, groff and mandoc take it. */

/** Text of a paragraph: no character of it means anything to roff. */
export function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('"', '\\(dq')
    .replaceAll('`', '')
    .replace(/^\./gm, '\\&.');
}

/** `name`, section `section`, of the day `date` (yyyy-mm-dd). */
export function title(name: string, section: number, date: string, version: string): string {
  return `.TH ${name} ${section} ${date} "Evergate ${version}"`;
}

export function heading(text: string): string {
  return `.SH ${text.toUpperCase()}`;
}

export function subheading(text: string): string {
  return `.SS "${escaped(text)}"`;
}

export function paragraph(text: string): string {
  return `.PP\n${escaped(text)}`;
}

/** A term and below it, indented, what it means. */
export function item(term: string, text: string): string {
  return `.TP\n.B ${escaped(term)}\n${escaped(text)}`;
}

/** As it stands, line by line. */
export function example(text: string): string {
  return `.PP\n.nf\n.RS 4\n${escaped(text)}\n.RE\n.fi`;
}
