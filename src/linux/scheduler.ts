/** Real-time scheduling of the calling thread: sched_setscheduler(2), sched(7). */

import { addressOf, bind, errno, pinnedBuffer } from './libc.ts';

const schedSetscheduler = bind<[number, number, number]>('int', 'sched_setscheduler', [
  'int',
  'int',
  'int64_t',
]);

const SCHED_FIFO = 1;
/** Threads and processes made by this one are ordinary ones. */
const SCHED_RESET_ON_FORK = 0x40000000;

/** Puts the calling thread before all ordinary ones; 0 or the errno (EPERM without CAP_SYS_NICE). */
export function becomeRealTime(priority: number): number {
  const parameter = pinnedBuffer(128);
  parameter.writeInt32LE(priority);
  const result = schedSetscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, addressOf(parameter));
  return result === 0 ? 0 : errno();
}
