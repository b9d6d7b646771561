/** Settings of interfaces under /proc/sys/net/ipv4/conf (ip-sysctl) that we need, and what was there before. */

import { readFileSync, writeFileSync } from 'node:fs';

/** By name; each a number, of which a higher one does not hurt. */
export type Settings = Readonly<Record<string, string>>;

type Raised = { readonly before: Readonly<Record<string, string>>; users: number };

export class RaisedSettings {
  readonly #wanted: Settings;
  readonly #raised = new Map<string, Raised>();

  constructor(wanted: Settings) {
    this.#wanted = wanted;
  }

  /** Throws what node:fs throws, e.g. where the interface went. */
  raise(device: string): void {
    const before: Record<string, string> = {};
    for (const [key, value] of Object.entries(this.#wanted)) {
      const path = pathOf(device, key);
      const found = readFileSync(path, 'utf8').trim();
      if (Number(found) >= Number(value)) continue;
      // Also when it was raised before: the interface may have been made anew.
      writeFileSync(path, value);
      before[key] = found;
    }
    const known = this.#raised.get(device);
    if (known === undefined) this.#raised.set(device, { before, users: 1 });
    else known.users += 1;
  }

  /** The way back from raise(), when the last user goes. Never throws. */
  lower(device: string): void {
    const known = this.#raised.get(device);
    if (known === undefined) return;
    known.users -= 1;
    if (known.users > 0) return;
    this.#raised.delete(device);
    try {
      for (const [key, value] of Object.entries(known.before)) {
        writeFileSync(pathOf(device, key), value);
      }
    } catch {
      // The interface went.
    }
  }
}

function pathOf(device: string, key: string): string {
  return `/proc/sys/net/ipv4/conf/${device}/${key}`;
}
