/** keepalived.conf: `enable_script_security` is about every command of the file. */

import type { NotifyCommand, NotifyConfig } from '../model/election.ts';
import type { VrrpConfig } from '../model/vrrp.ts';

export function guardCommands(config: VrrpConfig): VrrpConfig {
  return {
    ...config,
    scripts: config.scripts.map((script) => ({ ...script, guarded: true })),
    instances: config.instances.map((each) => ({ ...each, notify: guardNotify(each.notify) })),
    syncGroups: config.syncGroups.map((each) => ({ ...each, notify: guardNotify(each.notify) })),
    notifyFifos: config.notifyFifos.map((each) => ({ ...each, reader: guard(each.reader) })),
  };
}

function guardNotify({ master, backup, fault, stop, any, rival }: NotifyConfig): NotifyConfig {
  return {
    master: guard(master),
    backup: guard(backup),
    fault: guard(fault),
    stop: guard(stop),
    any: guard(any),
    rival: guard(rival),
  };
}

function guard(command: NotifyCommand | null): NotifyCommand | null {
  return command === null ? null : { ...command, guarded: true };
}
