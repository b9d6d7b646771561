/**
 * Who could have root run what he likes through a script of a keepalived.conf: with `enable_script_security` such a
 * script does not run, without it that is a warning. A script that is tracked and does not run would be in the
 * way for ever, so it is an error, as one that is missing (machine.ts).
 */

import type { Diagnostic, Severity } from '../config/diagnostics.ts';
import type { NodeFacts } from '../config/lint.ts';
import type { NotifyCommand } from '../config/model/election.ts';
import type { VrrpConfig } from '../config/model/vrrp.ts';
import type { Place } from '../config/place.ts';
import { type Runner, whyForbidden, whyUnsafe } from '../linux/command-safety.ts';
import { findAccount, groupId, SCRIPT_ACCOUNT } from '../linux/identity.ts';

/** `mayBeElsewhere`: the file may be that of another node. */
export function checkScriptSecurity(
  file: string,
  config: VrrpConfig,
  facts: Pick<NodeFacts, 'scripts'>,
  mayBeElsewhere: boolean,
): readonly Diagnostic[] {
  const whole = { file, line: 0, column: 0 };
  const severity = mayBeElsewhere ? 'warning' : 'error';
  const scripts = config.scripts.map((script) => {
    const place = facts.scripts.find(({ name }) => name === script.name)?.place ?? whole;
    return judge(`Script "${script.name}"`, script, severity, place);
  });
  const notifies = notifyCommands(config).map((command) =>
    judge(`The notify script "${command.argv[0]}"`, command, 'warning', whole),
  );
  const found = [...scripts, ...notifies].filter((diagnostic) => diagnostic !== null);
  const texts = found.map(({ text }) => text);
  return found.filter(({ text }, index) => texts.indexOf(text) === index);
}

function judge(
  what: string,
  { argv, user, group, guarded }: NotifyCommand,
  severity: Severity,
  { file, line, column }: Place,
): Diagnostic | null {
  const [command = ''] = argv;
  const runner = runnerOf(user, group);
  const at = { file, line, column, code: 'unsafe-script' } as const;
  if (guarded === true) {
    const reason = whyForbidden(command, runner);
    if (reason === null) return null;
    const text = `${what} does not run: with "enable_script_security" it must not, as ${reason}`;
    return { ...at, severity, text };
  }
  const reason = whyUnsafe(command, runner);
  if (reason === null) return null;
  const text = `${what} runs as root, and others decide what it does: ${reason}; "enable_script_security" would not run it`;
  return { ...at, severity: 'warning', text };
}

/** null: nobody is named. An account that does not exist is told of elsewhere, and runs nothing. */
function runnerOf(user: string | null, group: string | null): Runner {
  const account = findAccount(user ?? SCRIPT_ACCOUNT);
  if (account === null) return user === null ? null : NOBODY_THERE;
  return { uid: account.uid, gid: (group === null ? null : groupId(group)) ?? account.gid };
}

const NOBODY_THERE: Runner = { uid: -1, gid: -1 };

function notifyCommands({
  instances,
  syncGroups,
  notifyFifos,
}: VrrpConfig): readonly NotifyCommand[] {
  const told = [...instances, ...syncGroups].flatMap(({ notify }) => Object.values(notify));
  const readers = notifyFifos.map(({ reader }) => reader);
  return [...told, ...readers].filter((command) => command !== null);
}
