/** A node's monotonic clock, which runs a little faster or slower than the world's. */

export class Clock {
  #rate: number;
  #offset = 0;

  constructor(rate: number) {
    this.#rate = rate;
  }

  /** What the clock shows at this time of the world. */
  read(worldMs: number): number {
    return this.#offset + this.#rate * worldMs;
  }

  /** When in the world it will show `localMs`; `worldMs` is now. */
  when(localMs: number, worldMs: number): number {
    const at = (localMs - this.#offset) / this.#rate;
    return Math.max(at, worldMs);
  }

  /** Goes on from `localMs`, where it stood still, as the clock of a paused virtual machine may. */
  goOnFrom(localMs: number, worldMs: number): void {
    this.#offset = localMs - this.#rate * worldMs;
  }

  /** It never jumps: only its speed changes. */
  setRate(rate: number, worldMs: number): void {
    this.#offset = this.read(worldMs) - rate * worldMs;
    this.#rate = rate;
  }
}
