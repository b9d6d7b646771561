/** Entry of the speaker's thread. Ends with everything released, whatever happened. */

import { workerData } from 'node:worker_threads';
import { readMastership } from '../../address/mastership.ts';
import { OperationalError } from '../../core/errors.ts';
import { errorText } from '../../linux/errno.ts';
import { becomeRealTime } from '../../linux/scheduler.ts';
import { dropGarbageNow } from '../../start-garbage.ts';
import { SpeakerLoop } from './loop.ts';
import { DONE_SLOT, type FromSpeaker, GO_SLOT, type SpeakerData, STOP_SLOT } from './messages.ts';
import { explainSystemError } from './resolve.ts';

/** Above ordinary threads, below the kernel's own. */
const REAL_TIME_PRIORITY = 10;

const data: SpeakerData = workerData;

function post(message: FromSpeaker): void {
  data.port.postMessage(message);
}

function run(): void {
  let loop: SpeakerLoop | null = null;
  try {
    // Later it would delay advertisements. Where an earlier one was master, others wait, on a busy machine for long.
    if (readMastership(data.mastershipFile).size === 0) dropGarbageNow();
    post({ kind: 'loaded' });
    const slots = new Int32Array(data.shared);
    Atomics.wait(slots, GO_SLOT, 0);
    if (Atomics.load(slots, STOP_SLOT) === 1) return;
    loop = new SpeakerLoop(data);
    const refused = becomeRealTime(REAL_TIME_PRIORITY);
    if (refused !== 0) {
      const text = `VRRP runs without real-time priority (${errorText(refused)}): a busy machine may delay it`;
      post({ kind: 'event', event: { kind: 'warning', text } });
    }
    loop.run();
  } catch (thrown) {
    const error = explainSystemError(thrown);
    if (error instanceof OperationalError) {
      post({ kind: 'refused', code: error.code, text: error.message });
    } else {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      post({ kind: 'failed', text });
    }
  } finally {
    loop?.close();
    const slots = new Int32Array(data.shared);
    Atomics.store(slots, DONE_SLOT, 1);
    Atomics.notify(slots, DONE_SLOT);
    data.port.close();
  }
}

run();
