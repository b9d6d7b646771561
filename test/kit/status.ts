/**
 * What a running Evergate says of itself, asked over its admin socket: no process is started for a look, so
 * that a test may look often on a busy machine. `evergate status` prints the same bytes.
 */

import assert from 'node:assert/strict';
import { exchangeWithGuardian, STATUS_PATH } from '../../src/commands/admin-client.ts';
import { OperationalError } from '../../src/core/errors.ts';
import type { StatusReport } from '../../src/stats/status.ts';

/** Guards against hanging: `evergate status` gives up earlier, and has a user look again. */
const HANG_MS = 60_000;
const SILENT: readonly string[] = ['not-running', 'not-answering'];

/** Throws OperationalError 'not-running' or 'not-answering' where nobody answers. */
export async function askStatus(runDir: string): Promise<StatusReport> {
  const { status, body } = await exchangeWithGuardian(runDir, 'GET', STATUS_PATH, HANG_MS);
  assert.equal(status, 200, JSON.stringify(body));
  return body as StatusReport;
}

/** null: nobody answers (yet): its socket is there before anybody listens on it. */
export async function lookAtStatus(runDir: string): Promise<StatusReport | null> {
  try {
    return await askStatus(runDir);
  } catch (error) {
    const isSilent = error instanceof OperationalError && SILENT.includes(error.code);
    if (isSilent) return null;
    throw error;
  }
}
