/** The clock of everything that must notice a sleep: CLOCK_BOOTTIME, clock_gettime(2). */

import { addressOf, bind, pinnedBuffer } from './libc.ts';

const clockGettime = bind<[number, number]>('int', 'clock_gettime', ['int', 'int64_t']);

const CLOCK_BOOTTIME = 7;

const timespec = pinnedBuffer(4096);
const words = new Uint32Array(timespec.buffer, timespec.byteOffset, 4);
const timespecAddress = addressOf(timespec);

/**
 * Milliseconds since boot, with fractions. Never goes back and, unlike performance.now(), goes on while the
 * machine is suspended. Without allocation.
 */
export function bootMs(): number {
  clockGettime(CLOCK_BOOTTIME, timespecAddress);
  return (words[0] ?? 0) * 1000 + (words[2] ?? 0) / 1e6;
}
