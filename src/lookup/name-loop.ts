/** Asks for one name again and again, and keeps what is known of it: one question at a time and never more. */

import type { HoldConfig } from '../config/model/names.ts';
import type { Answer, Question } from '../names/answer.ts';
import { type Knowledge, knowNothing, learn } from '../names/knowledge.ts';
import { SOON_MS } from '../names/schedule.ts';
import type { Ask } from './ask.ts';

export type NameLoopOptions = {
  readonly question: Question;
  readonly ask: Ask;
  readonly hold: HoldConfig;
  /** How long after an answer it is asked for again. */
  readonly pauseMs: (answer: Answer) => number;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** After every answer. */
  readonly onLearned: () => void;
};

export class NameLoop {
  readonly #options: NameLoopOptions;
  #knowledge: Knowledge;
  #timer: NodeJS.Timeout | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(options: NameLoopOptions) {
    this.#options = options;
    this.#knowledge = knowNothing(options.now());
    this.#askIn(0);
  }

  get knowledge(): Knowledge {
    return this.#knowledge;
  }

  get hold(): HoldConfig {
    return this.#options.hold;
  }

  /** There is a reason to doubt the last answer. */
  askSoon(): void {
    if (this.#timer === null) return;
    this.#askIn(Math.max(0, this.#askedAt + SOON_MS - this.#options.now()));
  }

  /** What is still answered counts for nothing. */
  end(): void {
    this.#ended = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #askIn(delayMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), delayMs);
  }

  async #ask(): Promise<void> {
    const { question, ask, hold, pauseMs, now, onLearned } = this.#options;
    this.#timer = null;
    this.#askedAt = now();
    const answer = await ask(question);
    if (this.#ended) return;
    this.#knowledge = learn(this.#knowledge, answer, hold, now());
    onLearned();
    // Whoever learned of it may have ended it.
    if (!this.#ended) this.#askIn(pauseMs(answer));
  }
}
