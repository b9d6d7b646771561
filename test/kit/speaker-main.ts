/**
 * The VRRP speaker alone in a process, for tests: `node speaker-main.ts CONFIG FILE` with a VrrpConfig as
 * JSON and the file that outlives it.
 * Prints JSON lines; takes commands as JSON lines on standard input; SIGTERM stops it in order.
 */

import { createInterface } from 'node:readline';
import { OperationalError } from '../../src/core/errors.ts';
import { startVrrp } from '../../src/election/vrrp/speaker.ts';

export type SpeakerCommand =
  | { readonly kind: 'status' }
  | {
      readonly kind: 'track';
      readonly instance: string;
      readonly priorityDelta: number;
      readonly faults: readonly string[];
    }
  /** Is answered by a line of kind 'drain-settled'. */
  | { readonly kind: 'drain'; readonly drained: boolean }
  /** Keeps the main thread busy. */
  | { readonly kind: 'block'; readonly ms: number }
  /** Ends the process without stopping the election first, as an uncaught error does. */
  | { readonly kind: 'exit' };

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const [, , config = '', file = ''] = process.argv;

try {
  const election = await startVrrp(JSON.parse(config), file, print);
  print({ kind: 'started' });
  process.once('SIGTERM', async () => {
    await election.stop();
    print({ kind: 'stopped' });
    process.exit(0);
  });
  for await (const line of createInterface({ input: process.stdin })) {
    const command: SpeakerCommand = JSON.parse(line);
    if (command.kind === 'status') {
      print({ kind: 'status', instances: election.status() });
    } else if (command.kind === 'track') {
      const { instance, priorityDelta, faults } = command;
      election.track(instance, { priorityDelta, faults });
    } else if (command.kind === 'drain') {
      const refusal = await election.setDrained(command.drained).then(
        () => null,
        (error: Error) => error.message,
      );
      print({ kind: 'drain-settled', refusal });
    } else if (command.kind === 'exit') {
      process.exit(1);
    } else {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, command.ms);
    }
  }
} catch (error) {
  const code = error instanceof OperationalError ? error.code : 'unexpected';
  print({ kind: 'refused', code, text: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
}
