/** Programs that hear of changes of state: one for all nodes. */

import type { NotifyConfig } from '../model/election.ts';
import type { Old } from './cluster.ts';
import type { ImportDraft } from './draft.ts';
import type { Place } from './remarks.ts';
import { isSame } from './same.ts';

const STATES = ['master', 'backup', 'fault', 'stop', 'any'] as const;
type State = (typeof STATES)[number];

function placeOf({ node, instance }: Old, state: State): Place | null {
  return node.lines.find(instance.name, [state === 'any' ? 'notify' : `notify_${state}`]);
}

function command(notify: NotifyConfig, state: State) {
  const found = notify[state];
  return found === null
    ? null
    : { argv: found.argv, user: found.user ?? 'root', group: found.group };
}

/** keepalived looks a program up in the path; here it is named whole. */
function isWhole(argv: readonly string[]): boolean {
  return argv[0]?.startsWith('/') === true && argv.every((word) => word !== '');
}

/** Writes `notify` as the first instance has it, and tells of those that are not so. */
export function writeNotify(draft: ImportDraft, [first, ...others]: readonly Old[]): void {
  if (first === undefined) return;
  const account = STATES.map((state) => command(first.instance.notify, state)).find(
    (each) => each !== null,
  );
  for (const state of STATES) {
    const own = command(first.instance.notify, state);
    for (const other of others) {
      if (isSame(command(other.instance.notify, state), own)) continue;
      const text = `Programs of "notify" are the same for all nodes: those of "${first.instance.name}" in ${first.node.file}`;
      const place = placeOf(other, state) ?? placeOf(first, state);
      draft.remark('left-out', 'notify', place, text);
    }
    if (own === null) continue;
    const place = placeOf(first, state);
    const isOther = own.user !== account?.user || own.group !== account.group;
    if (!isWhole(own.argv) || isOther) {
      const why = isOther
        ? 'all programs run by one account'
        : 'a program is named by its whole path';
      draft.remark('left-out', 'notify', place, `The program for "${state}": ${why}`);
      continue;
    }
    const [program = ''] = own.argv;
    draft.set(['notify', state], own.argv.length === 1 ? program : [...own.argv]);
  }
  if (!draft.root.has('notify') || account === undefined) return;
  if (account.user !== 'root') draft.set(['notify', 'user'], account.user);
  if (account.group !== null) draft.set(['notify', 'group'], account.group);
}
