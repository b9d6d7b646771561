/**
 * A kubelet that looks for its node's address by itself may find the VIP, when it is started while the VIP is
 * here, and tell the whole cluster so. Says it before that happens.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { commandOf } from './process-table.ts';

/** Processes looked at. */
const PROCESSES_MAX = 65_536;
/** A kubelet is not started and stopped all the time, and looking takes some milliseconds. */
const LOOK_INTERVAL_MS = 60_000;

export class KubeletWatch {
  readonly #commands: () => Iterable<string>;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #note: string | null = null;

  /** `commands`: the command lines of all kubelets here. */
  constructor(commands: () => Iterable<string> = kubeletCommands) {
    this.#commands = commands;
  }

  /** What an operator should know; null: nothing. `now` in milliseconds. */
  note(vip: string | undefined, now: number): string | null {
    if (vip === undefined) return null;
    if (now - this.#lookedAt < LOOK_INTERVAL_MS) return this.#note;
    this.#lookedAt = now;
    const isUnbound = [...this.#commands()].some((command) => !/\s--?node-ip[= ]/.test(command));
    this.#note = isUnbound
      ? `kubelet runs without --node-ip: started again while the VIP ${vip} is here, it may take that ` +
        "for this node's address; give it --node-ip with the node's own"
      : null;
    return this.#note;
  }
}

function* kubeletCommands(): Generator<string> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  for (const pid of pids.slice(0, PROCESSES_MAX)) {
    if (nameOf(pid) === 'kubelet') yield commandOf(Number(pid)) ?? '';
  }
}

/** As the kernel names it (proc(5)); empty when it has ended. */
function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}
