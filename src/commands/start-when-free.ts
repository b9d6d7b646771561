/**
 * A start whose ports somebody else has. Under a service manager the first one fails at once and says who it is; the next,
 * which comes a moment later, waits for them, as for files with errors (start-config.ts).
 */

import { setTimeout } from 'node:timers/promises';
import { nodeCrypto } from '../builtins.ts';
import { OperationalError } from '../core/errors.ts';
import { CancelledStart } from '../guardian/service/cancelled-start.ts';
import {
  forgetRefusedStart,
  noteRefusedStart,
  pauseAfterMs,
  type RefusedStart,
} from '../guardian/service/refused-start.ts';
import type { ServiceManager } from '../guardian/service/service-manager.ts';
import { stateOf } from './start-config.ts';

/** Between two tries. */
const TRY_MS = 250;
/** What a start may take after its wait. */
const START_MS = 30_000;

export type StartWhenFreeOptions = {
  readonly runDir: string;
  /** The next start reads them where they change. */
  readonly files: readonly string[];
  readonly manager: ServiceManager;
  /** Whether somebody starts the node again at once. */
  readonly isService: boolean;
  /** What the start before this one ended over; null: over nothing. */
  readonly before: RefusedStart | null;
  /** Settles when the process is to end. */
  readonly ended: Promise<void>;
};

/** `start` leaves nothing behind where it throws, as this does. null: the process is to end before the node works. */
export async function startWhenFree<Started>(
  start: () => Promise<Started>,
  { runDir, files, manager, isService, before, ended }: StartWhenFreeOptions,
): Promise<Started | null> {
  let until: number | null = null;
  const read = stateOf(files);
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (error instanceof CancelledStart) {
        forgetRefusedStart(runDir);
        return null;
      }
      if (!isService || !(error instanceof OperationalError) || error.code !== 'port-busy')
        throw error;
      const { message } = error;
      const refusal = nodeCrypto().createHash('sha256').update(message).digest('hex');
      const starts = before?.files === refusal ? before.starts : 0;
      if (starts === 0 || (until !== null && performance.now() >= until)) {
        noteRefusedStart(runDir, { files: refusal, starts: starts + 1 });
        throw starts === 0 ? error : new OperationalError(error.code, `Still: ${message}`);
      }
      if (stateOf(files) !== read) {
        throw new OperationalError(error.code, 'The files have changed: the next start reads them');
      }
      if (until === null) {
        const pauseMs = pauseAfterMs(starts);
        until = performance.now() + pauseMs;
        manager.extendStart(pauseMs + START_MS);
        manager.status(`Does not serve, waits: ${message}`);
      }
    }
    const isOver = await Promise.race([setTimeout(TRY_MS, false), ended.then(() => true)]);
    if (!isOver) continue;
    // Whoever ends this process wants the next one to be as the first.
    forgetRefusedStart(runDir);
    return null;
  }
}
