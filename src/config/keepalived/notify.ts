/** keepalived.conf: notify scripts of an instance or sync group, and the notify FIFOs of global_defs. */

import type { NotifyCommand, NotifyConfig, NotifyFifoConfig } from '../model/election.ts';
import type { Account, FifoDraft } from './global-defs.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';
import { splitShellWords } from './shell-words.ts';
import { firstValue } from './values.ts';
import type { Handlers } from './walk.ts';

/** NotifyConfig as it is gathered. */
export type NotifyDraft = { -readonly [Key in keyof NotifyConfig]: NotifyConfig[Key] };

/** `<command> [user [group]]`: the command with its parameters is one, perhaps quoted, word. */
function parseNotifyCommand(
  { name, args }: Statement,
  fallback: Account | null,
  report: Report,
): NotifyCommand | null {
  const [command, user, group] = args;
  if (command === undefined) return null;
  const words = splitShellWords(command.text);
  if (!words.ok || words.value.length === 0) {
    const reason = words.ok ? 'The command is empty' : words.reason;
    report.error(command, 'syntax-error', `${reason} in "${name.text}"`);
    return null;
  }
  return {
    argv: words.value,
    user: user === undefined ? (fallback?.user ?? null) : user.text,
    group: user === undefined ? (fallback?.group ?? null) : (group?.text ?? null),
  };
}

export function notifyHandlers(
  notify: NotifyDraft,
  account: Account | null,
  report: Report,
): Handlers {
  const into = (key: keyof NotifyDraft) => (statement: Statement) => {
    notify[key] = parseNotifyCommand(statement, account, report);
  };
  return {
    notify: into('any'),
    notify_master: into('master'),
    notify_backup: into('backup'),
    notify_fault: into('fault'),
    notify_stop: into('stop'),
    notify_master_rx_lower_pri: into('rival'),
  };
}

/** null: there is none, or a script without a FIFO, which is reported. */
export function finishFifo(
  { fifo, script }: FifoDraft,
  account: Account | null,
  report: Report,
): NotifyFifoConfig | null {
  if (fifo === null) {
    if (script !== null) {
      const text = `"${script.name.text}" without a FIFO to read is ignored; name one`;
      report.warning(script.name, 'ignored-directive', text);
    }
    return null;
  }
  const path = firstValue(fifo);
  if (!path.text.startsWith('/')) {
    report.error(path, 'bad-value', `"${path.text}" is no absolute path of a FIFO`);
    return null;
  }
  const [, user, group] = fifo.args;
  return {
    path: path.text,
    user: user?.text ?? account?.user ?? null,
    group: user === undefined ? (account?.group ?? null) : (group?.text ?? null),
    reader: script === null ? null : parseNotifyCommand(script, account, report),
  };
}
