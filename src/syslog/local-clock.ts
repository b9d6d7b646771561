/** The machine's local time for log lines, broken down once per second: that costs more than a line does. */

import type { LocalTime } from '../core/local-time.ts';

export class LocalClock {
  #second = Number.NaN;
  #time: LocalTime = brokenDown(0);

  /** `wallMs`: ms since 1970, UTC. */
  at(wallMs: number): LocalTime {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#time = brokenDown(wallMs);
    }
    return this.#time;
  }
}

function brokenDown(wallMs: number): LocalTime {
  const date = new Date(wallMs);
  return {
    year: date.getFullYear(),
    month: date.getMonth() + 1,
    day: date.getDate(),
    hour: date.getHours(),
    minute: date.getMinutes(),
    second: date.getSeconds(),
  };
}
