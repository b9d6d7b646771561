/** Letters as protocols compare them, in which only those of ASCII have two cases. */

export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
