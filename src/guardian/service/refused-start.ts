/**
 * A start that ended over errors of the configuration, noted in the run directory: the next one, which a service manager
 * makes a moment later, does not tell the same errors again.
 */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { trustedHere, whyUntrusted } from '../../linux/trusted-path.ts';

export type RefusedStart = {
  /** SHA-256 in hex of what tells the files from others. */
  readonly files: string;
  /** How many starts in a row ended over them, from 1. */
  readonly starts: number;
};

const STARTS_MAX = 999;
const PAUSE_MAX_S = 60;
const NOTE = /^([1-9]\d{0,2}) ([0-9a-f]{64})\n$/;

/** How long the start after `starts` others waits for the files to change: 2 s, then twice as long each time. */
export function pauseAfterMs(starts: number): number {
  return Math.min(PAUSE_MAX_S, 2 ** Math.min(starts, 16)) * 1000;
}

/** null: there was none, or nothing that can be believed says so. */
export function readRefusedStart(runDir: string): RefusedStart | null {
  try {
    if (whyUntrusted(runDir, trustedHere()) !== null) return null;
    const [, starts, files] = NOTE.exec(readFileSync(noteIn(runDir), 'latin1')) ?? [];
    return starts === undefined || files === undefined ? null : { files, starts: Number(starts) };
  } catch {
    return null;
  }
}

/** Where it cannot be written the next start is as the first. */
export function noteRefusedStart(runDir: string, { files, starts }: RefusedStart): void {
  try {
    if (whyUntrusted(runDir, trustedHere()) !== null) return;
    rmSync(noteIn(runDir), { force: true });
    const text = `${Math.min(starts, STARTS_MAX)} ${files}\n`;
    writeFileSync(noteIn(runDir), text, { flag: 'wx', mode: 0o644 });
  } catch {
    // A service manager that keeps no run directory, or a full disk.
  }
}

export function forgetRefusedStart(runDir: string): void {
  try {
    rmSync(noteIn(runDir), { force: true });
  } catch {
    // As when it cannot be written.
  }
}

function noteIn(runDir: string): string {
  return join(runDir, 'refused-start');
}
