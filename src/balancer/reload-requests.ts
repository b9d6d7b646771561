/** Reloads that operators ask for on a runtime socket: the guardian does them and says what came of each. */

export class ReloadRequests {
  readonly #open = new Map<number, (text: string) => void>();
  readonly #send: (id: number) => void;
  #next = 1;

  /** `send`: asks the guardian under this number. */
  constructor(send: (id: number) => void) {
    this.#send = send;
  }

  /** Resolves with what came of it, in lines; never, when the guardian is gone. */
  ask(): Promise<string> {
    return new Promise((resolve) => {
      const id = this.#next++;
      this.#open.set(id, resolve);
      this.#send(id);
    });
  }

  /** The guardian's answer; one to a question that nobody asked is dropped. */
  answer(id: number, text: string): void {
    this.#open.get(id)?.(text);
    this.#open.delete(id);
  }
}
