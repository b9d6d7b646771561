/**
 * A netlink socket in a network namespace of a test: looks at its addresses without starting a process, which
 * took most of a processor where a test looked often.
 */

import { closeSync, openSync } from 'node:fs';
import { SystemError } from '../../src/linux/errno.ts';
import { bind, errno } from '../../src/linux/libc.ts';
import { RouteSocket } from '../../src/linux/netlink-route.ts';

const CLONE_NEWNET = 0x40000000;
const setns = bind<[number, number]>('int', 'setns', ['int', 'int']);

/**
 * Its socket stays in the namespace, this thread comes back at once (setns(2) is a thread's own affair).
 * Throws SystemError; the owner closes it.
 */
export function openRouteIn(namespace: string): RouteSocket {
  const here = openSync('/proc/thread-self/ns/net', 'r');
  const there = openSync(`/run/netns/${namespace}`, 'r');
  try {
    enter(there);
    try {
      return new RouteSocket();
    } finally {
      enter(here);
    }
  } finally {
    closeSync(there);
    closeSync(here);
  }
}

function enter(fd: number): void {
  if (setns(fd, CLONE_NEWNET) !== 0) throw new SystemError('setns', errno());
}
