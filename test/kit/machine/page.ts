/** The commands and files that a page shows, for a test that runs them as they stand there. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..', '..');

type Block = { readonly heading: string; readonly language: string; readonly text: string };

export class Page {
  readonly #file: string;
  readonly #lines: readonly string[];
  readonly #blocks: readonly Block[];
  readonly #taken = new Set<Block>();

  /** `file`: from the root on, such as docs/lab.md. */
  constructor(file: string) {
    this.#file = file;
    const text = readFileSync(join(ROOT, file), 'utf8');
    this.#lines = text.split('\n');
    this.#blocks = blocksOf(text);
  }

  /** The shell's lines of the `nth` such block below a heading, which may be given by its beginning. */
  sh(heading: string, nth = 1): string {
    return this.#block(heading, 'sh', nth);
  }

  /** The same of blocks in another language, "yaml" for one. */
  text(heading: string, language: string, nth = 1): string {
    return this.#block(heading, language, nth);
  }

  /** What commands print, as lines indented by four below a heading show it, without what stands before them. */
  shown(heading: string): readonly string[] {
    const start = this.#lines.findIndex((line) => /^#+ /.test(line) && line.includes(heading));
    const section = this.#lines.slice(start + 1);
    const end = section.findIndex((line) => /^#+ /.test(line));
    const lines = (end === -1 ? section : section.slice(0, end)).filter((line) =>
      line.startsWith('    '),
    );
    if (start === -1 || lines.length === 0) {
      throw new Error(`${this.#file} shows nothing below "${heading}"`);
    }
    return lines.map((line) => line.trim());
  }

  /** All of it, for what stands in tables. */
  lines(): readonly string[] {
    return this.#lines;
  }

  /** What the page tells its reader to type, and nobody has asked for: a test that runs a page ends with it. */
  left(): readonly string[] {
    return this.#blocks
      .filter((block) => block.language === 'sh' && !this.#taken.has(block))
      .map(({ heading, text }) => `${this.#file}, ${heading}: ${text}`);
  }

  #block(heading: string, language: string, nth: number): string {
    const found = this.#blocks.filter(
      (block) => block.heading.startsWith(heading) && block.language === language,
    )[nth - 1];
    if (found === undefined) {
      throw new Error(`${this.#file} has no block ${nth} of ${language} below "${heading}"`);
    }
    this.#taken.add(found);
    return found.text;
  }
}

function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = [];
  let heading = '';
  for (const [, title, indent = '', language = '', text = ''] of page.matchAll(
    /^#+ (.*)$|^( *)```(\w*)\n([\s\S]*?)^ *```$/gm,
  )) {
    if (title !== undefined) heading = title;
    else
      blocks.push({
        heading,
        language,
        text: text.replaceAll(`\n${indent}`, '\n').slice(indent.length),
      });
  }
  return blocks;
}
