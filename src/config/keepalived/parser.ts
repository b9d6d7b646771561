/**
 * keepalived.conf, second step: words and braces to a tree of statements. Knows no directive; the same
 * tree serves every brace style: on the line, glued, on the next line, or all on one line.
 */

import type { Position, Token, Word } from './lexer.ts';
import type { Report } from './report.ts';

/** keepalived's own files nest three deep. */
const NESTING_MAX = 8;

export type Statement = {
  readonly name: Word;
  readonly args: readonly Word[];
  /** null: without braces. */
  readonly children: readonly Statement[] | null;
};

type Draft = { name: Word; args: Word[]; children: Draft[] | null };

type Frame = { readonly statements: Draft[]; readonly openedAt: Position | null };

class Parser {
  readonly #report: Report;
  readonly #stack: Frame[] = [{ statements: [], openedAt: null }];
  /** The statement whose block an opening brace would be. */
  #last: Draft | null = null;
  #words: Word[] = [];

  constructor(report: Report) {
    this.#report = report;
  }

  #top(): Draft[] {
    return this.#stack.at(-1)?.statements ?? [];
  }

  /** Ends the statement under way, if there is one. */
  endStatement(): void {
    const [name, ...args] = this.#words;
    if (name === undefined) return;
    this.#last = { name, args, children: null };
    this.#top().push(this.#last);
    this.#words = [];
  }

  /** False when the nesting goes over its bound and reading on makes no sense. */
  take(token: Token): boolean {
    if (token.kind === 'word') {
      this.#words.push(token.word);
      return true;
    }
    this.endStatement();
    if (token.kind === 'close') {
      this.#close(token.at);
      return true;
    }
    return this.#open(token.at);
  }

  #open(at: Position): boolean {
    if (this.#stack.length > NESTING_MAX) {
      this.#report.error(at, 'syntax-error', `Blocks are nested more than ${NESTING_MAX} deep`);
      return false;
    }
    const statements: Draft[] = [];
    if (this.#last === null) {
      this.#report.error(at, 'syntax-error', 'The "{" follows no directive');
    } else {
      this.#last.children = statements;
    }
    this.#last = null;
    this.#stack.push({ statements, openedAt: at });
    return true;
  }

  #close(at: Position): void {
    this.#last = null;
    if (this.#stack.length > 1) this.#stack.pop();
    else this.#report.error(at, 'syntax-error', 'The "}" closes nothing; is one too many above');
  }

  finish(): readonly Statement[] {
    this.endStatement();
    for (const { openedAt } of this.#stack) {
      if (openedAt === null) continue;
      const text = 'The "{" is never closed; add the missing "}"';
      this.#report.error(openedAt, 'syntax-error', text);
    }
    return this.#stack[0]?.statements ?? [];
  }
}

/** Total and bounded: a malformed file gives errors and the statements that could be read. */
export function parseStatements(
  lines: readonly (readonly Token[])[],
  report: Report,
): readonly Statement[] {
  const parser = new Parser(report);
  for (const tokens of lines) {
    for (const token of tokens) {
      if (!parser.take(token)) return parser.finish();
    }
    parser.endStatement();
  }
  return parser.finish();
}
