/** A moment in local time, as data, and how log lines write it. */

export type LocalTime = {
  readonly year: number;
  /** 1..12 */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
};

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** `Nov` */
export function monthName({ month }: LocalTime): string {
  return MONTHS[month - 1] ?? '???';
}

/** `02:58:04` */
export function clockText(time: LocalTime): string {
  return `${twoDigits(time.hour)}:${twoDigits(time.minute)}:${twoDigits(time.second)}`;
}

/** `03` */
export function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
