/**
 * What commands print. A reader that has gone (`evergate status | head -1`) ends nothing and changes no exit
 * code: the command has done what it was asked. Only what could not be written is an error. What is printed may
 * quote servers and peers: a terminal gets none of their control characters.
 */

import { fstatSync } from 'node:fs';
import { escapeControls } from '../core/controls.ts';
import { OperationalError } from '../core/errors.ts';
import { errorName, errorText } from '../linux/errno.ts';

const heard = new WeakSet<NodeJS.WriteStream>();

/** To standard output. */
export function print(text: string): void {
  printPainted(escapeControls(text));
}

/** The same, for text whose control characters are our own colours: what it quotes is escaped already. */
export function printPainted(text: string): void {
  hear(process.stdout, (error) => {
    if (error.code === 'EPIPE') return;
    complain(errorLine(new OperationalError('not-printed', explain(error))));
    process.exitCode ||= 1;
  });
  process.stdout.write(text);
}

/** To standard error; where that fails nobody can be told. */
export function complain(text: string): void {
  hear(process.stderr, () => {});
  process.stderr.write(escapeControls(text));
}

/** Whether what is complained of goes to the journal, as for a command of a unit (systemd.exec(5), JOURNAL_STREAM). */
export function complainsToJournal(): boolean {
  const { JOURNAL_STREAM: stream } = process.env;
  if (stream === undefined) return false;
  const { dev, ino } = fstatSync(process.stderr.fd);
  return stream === `${dev}:${ino}`;
}

/** As every command tells what ended it. */
export function errorLine({ message, code }: OperationalError): string {
  return `evergate: error: ${message} [${code}]\n`;
}

/** Once: Node tells of a failed write by an event, and ends the process when nobody hears it. */
function hear(stream: NodeJS.WriteStream, onError: (error: NodeJS.ErrnoException) => void): void {
  if (heard.has(stream)) return;
  heard.add(stream);
  stream.on('error', onError);
}

function explain({ errno = 0 }: NodeJS.ErrnoException): string {
  return `Standard output cannot be written: ${errorText(-errno)} (${errorName(-errno)})`;
}
