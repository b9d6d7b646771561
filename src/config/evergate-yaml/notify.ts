/** The `notify` section: programs that hear of every change of state. */

import type { NotifyCommand, NotifyConfig } from '../model/election.ts';
import { NO_NOTIFY } from '../vrrp-defaults.ts';
import type { Draft } from './draft.ts';

const STATES = ['master', 'backup', 'fault', 'stop', 'any'] as const;

/** Complains about programs that are missing, where this machine is the node. */
export function toNotify(draft: Draft, here: boolean): NotifyConfig {
  const { notify } = draft.file;
  if (notify === undefined) return NO_NOTIFY;
  const { user, group = null } = notify;
  const commands = STATES.map((state) => {
    const argv = notify[state];
    if (argv === undefined) return [state, null] as const;
    const [program = ''] = argv;
    if (!draft.context.fileExists(program)) {
      const text = `The program "${program}" of "notify.${state}" does not exist; correct the path, or create it`;
      const place = draft.itemPlace(['notify', state], 0);
      if (here) draft.report.error(place, 'missing-script', text);
      else draft.report.warning(place, 'missing-script', text);
    }
    return [state, { argv, user, group, guarded: true } satisfies NotifyCommand] as const;
  });
  return { ...NO_NOTIFY, ...Object.fromEntries(commands) };
}

/** Without a VIP there is nothing to tell. */
export function judgeNotify(draft: Draft): void {
  const { notify, vip } = draft.file;
  if (notify === undefined) return;
  const place = draft.keyPlace(['notify']);
  if (vip === undefined) {
    draft.report.warning(place, 'ignored-directive', '"notify" is ignored: there is no "vip"');
  } else if (STATES.every((state) => notify[state] === undefined)) {
    const text = '"notify" names no program; give one for master, backup, fault, stop or any';
    draft.report.error(place, 'missing-value', text);
  }
}
