/** What one VRRP instance is given by the speaker's loop. */

import type { Mastership, MastershipRecord } from '../../address/mastership.ts';
import type { ElectionEvent } from '../../contracts/election.ts';
import type { OpenPorts } from './ports.ts';

export type InstanceContext = {
  readonly openPorts: OpenPorts;
  readonly onEvent: (event: ElectionEvent) => void;
  /** Whether the instance is in a sync group. */
  readonly grouped: boolean;
  /** Where it notes that it is master. */
  readonly record: MastershipRecord;
  /** It goes on where an earlier process was killed as master; null: it begins. */
  readonly resumed: Mastership | null;
};
