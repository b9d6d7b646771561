/** What the entries of processes share that only the guardian starts: balancer and checker. */

import { fstatSync } from 'node:fs';
import { GUARDIAN_FD } from '../contracts/protocol.ts';

/** A last message that does not get out must not keep a failed process alive. */
const LAST_WORDS_MS = 200;

/** Ends a process that somebody else has started. */
export function demandGuardian(name: string): void {
  if (hasGuardian()) return;
  process.stderr.write(`The ${name} is started by "evergate run", not by hand\n`);
  process.exit(1);
}

/** Errors that nobody has handled end it, after `tell` has said why. */
export function dieOfErrors(tell: (why: string) => void): (error: unknown) => void {
  const die = (error: unknown): void => {
    setTimeout(() => process.exit(1), LAST_WORDS_MS);
    tell(error instanceof Error ? (error.stack ?? error.message) : String(error));
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  return die;
}

function hasGuardian(): boolean {
  try {
    return fstatSync(GUARDIAN_FD).isSocket();
  } catch {
    return false;
  }
}
