/** Questions on a terminal, one at a time. Ctrl-C and Ctrl-D end them: whoever is asked need not answer. */

import { createInterface, type Interface } from 'node:readline';
import { escapeControls } from '../core/controls.ts';

/** Wrong answers to one question; who goes on with them is no person. */
const TRIES_MAX = 10;
/** Lines that were typed ahead, or pasted. */
const LINES_MAX = 100;

export class Terminal {
  readonly #lines: Interface;
  readonly #typed: string[] = [];
  #isOpen = true;
  #wake: () => void = () => {};

  constructor() {
    this.#lines = createInterface({ input: process.stdin, output: process.stdout });
    this.#lines.on('line', (line) => {
      if (this.#typed.length < LINES_MAX) this.#typed.push(line);
      this.#wake();
    });
    this.#lines.on('SIGINT', () => this.#lines.close());
    this.#lines.once('close', () => {
      this.#isOpen = false;
      this.#wake();
    });
  }

  /**
   * The answer, or `usual` for an empty one; null: there was none. `problem` says what is wrong with an answer, and it
   * is asked for again.
   */
  async ask(
    question: string,
    usual: string | null,
    problem: (answer: string) => string | null,
  ): Promise<string | null> {
    this.#lines.setPrompt(escapeControls(`${question}${usual === null ? '' : ` [${usual}]`}: `));
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const said = await this.#nextLine();
      if (said === null) return null;
      const answer = said.trim() === '' ? (usual ?? '') : said.trim();
      const wrong = answer === '' ? 'An answer is needed' : problem(answer);
      if (wrong === null) return answer;
      process.stdout.write(`${escapeControls(wrong)}\n`);
    }
    return null;
  }

  close(): void {
    this.#lines.close();
  }

  /** null: there will be none. */
  async #nextLine(): Promise<string | null> {
    if (this.#isOpen) this.#lines.prompt();
    if (this.#typed.length === 0 && this.#isOpen) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    return this.#typed.shift() ?? null;
  }
}
