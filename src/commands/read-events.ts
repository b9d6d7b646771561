/** The timeline of an instance, from its file. */

import { OperationalError } from '../core/errors.ts';
import { eventsPath } from '../guardian/run-dir.ts';
import { readEventFile } from '../guardian/timeline/event-file.ts';
import type { Kept } from '../timeline/ring.ts';

/** Throws OperationalError 'not-running' where nothing is kept, 'no-right' where this account may not look. */
export function readEvents(runDir: string): Kept {
  try {
    return readEventFile(eventsPath(runDir));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') {
      const text =
        `This account has no right to read the events in "${runDir}"; run it as root, or as a member of the ` +
        'group that "status-group" of evergate.yaml or --status-group of "evergate run" names';
      throw new OperationalError('no-right', text);
    }
    if (code !== 'ENOENT') throw new OperationalError('run-dir', message);
    const text =
      `No events are kept in "${runDir}": Evergate has not run with it since the machine was started, or was ` +
      'stopped and took the directory with it; name another --run-dir, or look into the journal ("journalctl -u evergate")';
    throw new OperationalError('not-running', text);
  }
}
