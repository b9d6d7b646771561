/** What became of the watches: how many flow, how many were cut, how long one heard nothing. Pure: times in ms. */

import type { WatchReport } from './messages.ts';

type Slot = { open: boolean; heardAt: number | null };

export class WatchTally {
  /** One for each watch that is kept open, whichever connection it has. */
  readonly #slots: Slot[] = [];
  #events = 0;
  #broken = 0;
  #markAt: number;
  #brokenSinceMark = 0;
  #silenceSinceMark = 0;

  constructor(now: number) {
    this.#markAt = now;
  }

  /** One more watch; its number. */
  add(): number {
    return this.#slots.push({ open: false, heardAt: null }) - 1;
  }

  /** Data came; `events` of them were in it. */
  hear(index: number, events: number, now: number): void {
    const slot = this.#slots[index];
    if (slot === undefined) return;
    slot.open = true;
    if (events === 0) return;
    this.#events += events;
    this.#silenceSinceMark = Math.max(this.#silenceSinceMark, this.#silence(slot, now));
    slot.heardAt = now;
  }

  /** The connection is gone; one that had not yet begun to flow is none that was cut. */
  close(index: number): void {
    const slot = this.#slots[index];
    if (slot === undefined || !slot.open) return;
    slot.open = false;
    this.#broken += 1;
    this.#brokenSinceMark += 1;
  }

  mark(now: number): void {
    this.#markAt = now;
    this.#brokenSinceMark = 0;
    this.#silenceSinceMark = 0;
  }

  report(now: number): WatchReport {
    const running = this.#slots.map((slot) => this.#silence(slot, now));
    return {
      kept: this.#slots.length,
      open: this.#slots.filter(({ open }) => open).length,
      events: this.#events,
      silentMs: Math.round(Math.max(0, ...running)),
      broken: this.#broken,
      sinceMark: {
        broken: this.#brokenSinceMark,
        longestSilenceMs: Math.round(Math.max(this.#silenceSinceMark, 0, ...running)),
      },
    };
  }

  /** Since its last event, or since the mark: what lasted before is an earlier fault's. */
  #silence({ heardAt }: Slot, now: number): number {
    return now - Math.max(heardAt ?? this.#markAt, this.#markAt);
  }
}
