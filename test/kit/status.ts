/**
 * What a running Evergate says of itself, asked over its admin socket: no process is started for a look, so
 * that a test may look often on a busy machine. `evergate status` prints the same bytes.
 */

import { askGuardian } from '../../src/commands/admin-client.ts';
import { OperationalError } from '../../src/core/errors.ts';
import type { StatusReport } from '../../src/stats/status.ts';

/** Throws OperationalError 'not-running' where nobody answers. */
export async function askStatus(runDir: string): Promise<StatusReport> {
  return (await askGuardian(runDir, 'GET', '/v1/status')) as StatusReport;
}

/** null: nobody answers (yet). */
export async function lookAtStatus(runDir: string): Promise<StatusReport | null> {
  try {
    return await askStatus(runDir);
  } catch (error) {
    if (error instanceof OperationalError && error.code === 'not-running') return null;
    throw error;
  }
}
