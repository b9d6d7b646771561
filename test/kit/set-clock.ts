/**
 * A clock of its own for what is started: the time of day by libfaketime, as a hand or NTP sets it, and the clocks since
 * boot by a time namespace. The machine's own are never touched.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findCommand } from './peers.ts';

const LIBRARY_FOLDERS = [
  '/usr/lib/x86_64-linux-gnu/faketime',
  '/usr/lib/aarch64-linux-gnu/faketime',
  '/usr/lib/faketime',
];
const LIBRARY = LIBRARY_FOLDERS.map((folder) => join(folder, 'libfaketimeMT.so.1')).find((path) =>
  existsSync(path),
);

/** Why no time of day can be set, for `skip`; null: it can. */
export function whyNoFakeTime(): string | null {
  return LIBRARY === undefined ? 'libfaketime (Debian: faketime) is missing' : null;
}

/** The time of day of one node: CLOCK_REALTIME, and no other. */
export class SettableClock {
  readonly #file: string;

  constructor(name: string) {
    // A balancer opens nothing but the system's files and those beside its code (src/balancer/confinement.ts).
    this.#file = resolve(`node_modules/.cache/evergate-clock-${process.pid}-${name}`);
    this.set(0);
  }

  /** Begins a command line: what is started by it has this clock. */
  get through(): readonly string[] {
    return [
      'env',
      `LD_PRELOAD=${LIBRARY}`,
      `FAKETIME_TIMESTAMP_FILE=${this.#file}`,
      'FAKETIME_NO_CACHE=1',
      'FAKETIME_DONT_FAKE_MONOTONIC=1',
    ];
  }

  /** At once, for all that has it; so far from the machine's own. */
  set(hours: number): void {
    const next = `${this.#file}.next`;
    writeFileSync(next, `${hours < 0 ? '' : '+'}${hours}h\n`, { mode: 0o644 });
    // At no moment is it empty.
    renameSync(next, this.#file);
  }

  close(): void {
    rmSync(this.#file, { force: true });
  }
}

/** Why no time namespace can be made, for `skip`; null: it can. */
export function whyNoTimeNamespaces(): string | null {
  const [command = '', ...args] = bootedHoursAgo(1);
  if (findCommand(command) === null) return 'The program "unshare" (Debian: util-linux) is missing';
  return spawnSync(command, [...args, 'true']).status === 0
    ? null
    : 'This machine does not let us create time namespaces';
}

/** Begins a command line: what is started by it believes that its machine was booted so much earlier. */
export function bootedHoursAgo(hours: number): readonly string[] {
  const seconds = `${hours * 3600}`;
  // Kernels before 6.3 put only children there.
  return ['unshare', '--fork', '--time', '--boottime', seconds, '--monotonic', seconds];
}
