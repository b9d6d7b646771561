/** Settings of interfaces under /proc/sys/net/ipv4/conf (ip-sysctl) that we need, and what was there before. */

import { readFileSync, writeFileSync } from 'node:fs';
import { ENODEV, ENOENT, SystemError } from '../linux/errno.ts';

/** By name; each a number, of which a higher one does not hurt. */
export type Settings = Readonly<Record<string, string>>;

type Raised = { readonly before: Readonly<Record<string, string>>; users: number };

export class RaisedSettings {
  readonly #wanted: Settings;
  readonly #raised = new Map<string, Raised>();

  constructor(wanted: Settings) {
    this.#wanted = wanted;
  }

  /** Throws SystemError with nothing raised: ENODEV where the interface went. */
  raise(device: string): void {
    const before: Record<string, string> = {};
    try {
      for (const [key, value] of Object.entries(this.#wanted)) {
        const path = pathOf(device, key);
        const found = inKernel(path, () => readFileSync(path, 'utf8').trim());
        if (Number(found) >= Number(value)) continue;
        // Also when it was raised before: the interface may have been made anew.
        writeSetting(path, value);
        before[key] = found;
      }
    } catch (error) {
      restore(device, before);
      throw error;
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
    restore(device, known.before);
  }
}

/** `path`: of a setting of an interface. Throws SystemError: ENODEV where the interface went. */
export function writeSetting(path: string, value: string): void {
  inKernel(path, () => writeFileSync(path, value));
}

function inKernel<Value>(path: string, call: () => Value): Value {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof Error) || !('errno' in error)) throw error;
    const errno = -Number(error.errno);
    // It has no folder any more.
    throw new SystemError('open', errno === ENOENT ? ENODEV : errno, path);
  }
}

function restore(device: string, before: Settings): void {
  try {
    for (const [key, value] of Object.entries(before)) writeSetting(pathOf(device, key), value);
  } catch {
    // The interface went.
  }
}

function pathOf(device: string, key: string): string {
  return `/proc/sys/net/ipv4/conf/${device}/${key}`;
}
