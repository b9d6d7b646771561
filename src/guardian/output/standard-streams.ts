/**
 * Standard output and error of a process that must outlive whoever reads them (docs/adr/0014). From take()
 * on nothing in the process writes to them but two StreamWriters.
 */

import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { endNow, replaceDescriptor, setBlocking } from '../../linux/files.ts';
import { createLog, type Log, type LogStyle, lossReport } from '../log.ts';
import { LAST_LINES_MS, leave } from './leave.ts';
import { StreamWriter } from './stream-writer.ts';

export type Outputs = { readonly stdout: StreamWriter; readonly stderr: StreamWriter };

export class StandardStreams implements Outputs {
  readonly stdout: StreamWriter;
  readonly stderr: StreamWriter;
  /** Goes to standard error. */
  readonly log: Log;

  private constructor(style: LogStyle) {
    this.stdout = new StreamWriter(1, lossReport(style, ' to standard output'));
    this.stderr = new StreamWriter(2, lossReport(style, ''));
    this.log = createLog((line) => this.stderr.write(line), style);
  }

  /** Before the first Worker, which would have Node open its own streams on them. */
  static take(style: LogStyle): StandardStreams {
    detach(1);
    detach(2);
    const streams = new StandardStreams(style);
    seal('stdout', streams.stdout);
    seal('stderr', streams.stderr);
    return streams;
  }

  leave(code: number): Promise<never> {
    return leave([this.stdout, this.stderr], code);
  }

  /** As leave(), but whoever would tidy up at the end of the process is not told. */
  async abandon(code: number): Promise<void> {
    await Promise.all([this.stdout, this.stderr].map((writer) => writer.flush(LAST_LINES_MS)));
    endNow(code);
  }
}

/**
 * Has `fd` refer to an open file description of our own which never blocks, where that is possible: then
 * what V8 and Node print by themselves cannot stop us either. O_NONBLOCK on the one we were given would
 * change it for the shell and all others who have it. Sockets cannot be opened again, and neither can a
 * pipe of another user's: they stay as they are. A file has no need of it.
 */
function detach(fd: number): void {
  // Node may have done just that: whoever imports node:util has it look at process.stderr, for its colours.
  setBlocking(fd, true);
  if (!fstatSync(fd).isFIFO() && !isatty(fd)) return;
  const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  let own: number;
  try {
    own = openSync(`/proc/self/fd/${fd}`, flags);
  } catch {
    return;
  }
  replaceDescriptor(fd, own);
  closeSync(own);
}

/** What a library or Node itself prints, a warning for instance, takes the same way. */
function seal(name: keyof Outputs, writer: StreamWriter): void {
  const value = new Writable({
    write(chunk: Buffer, _encoding, done) {
      writer.write(chunk);
      done();
    },
  });
  Object.defineProperty(process, name, { value, configurable: true, enumerable: true });
}
