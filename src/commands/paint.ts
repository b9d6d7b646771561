/** Colours on a terminal: none where standard output is no terminal, or NO_COLOR is set (no-color.org). */

import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout, validateStream: true });
}
