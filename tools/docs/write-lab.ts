/**
 * Runs the lab, as root, breaks the owner of the VIP twice, and writes what it printed into README.md: the picture of the
 * cluster, the seconds around each fault, and the verdicts. A machine that is too busy for what the lab expects shows nothing
 * of Evergate: then it says so, and writes nothing. `node_modules/.bin/node tools/docs/write-lab.ts`, half a minute.
 */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { writePages } from './page-tables.ts';

const EVERGATE = join(import.meta.dirname, '..', '..', 'bin', 'evergate');
const FAULTS = ['kill-balancer', 'kill-all'];
/** The lab ends by itself after this time, whatever becomes of us. */
const LAB_SECONDS = 120;
/** Seconds before each fault, and those that are shown after it. */
const CALM_SECONDS = 3;
const SHOWN_SECONDS = 2;
const SECOND = /^\d\d:\d\d:\d\d /;

const lab = spawn(EVERGATE, ['lab', '--duration', String(LAB_SECONDS)], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const lines: string[] = [];
const seconds = new EventTarget();
createInterface({ input: lab.stdout }).on('line', (line) => {
  lines.push(line);
  if (SECOND.test(line)) seconds.dispatchEvent(new Event('second'));
});

async function waitSeconds(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) await once(seconds, 'second');
}

/** Of the lines from a fault on: a second before it, the first ones after it, and the verdict. */
function excerpt(fault: string): readonly string[] {
  const begin = lines.findLastIndex((line) => new RegExp(`^ +${fault} on \\S+: SIG`).test(line));
  const before = lines.slice(0, begin).findLast((line) => SECOND.test(line)) ?? '';
  const after = lines.slice(begin + 1);
  const verdict = after.findIndex((line) => line.trimStart().startsWith(`${fault} on `));
  const rows = after.slice(0, verdict).filter((line) => SECOND.test(line));
  const told = after.slice(verdict).filter((line) => line.startsWith(' '));
  return [before, lines[begin] ?? '', ...rows.slice(0, SHOWN_SECONDS), ...told];
}

await waitSeconds(CALM_SECONDS);
const picture = lines.findIndex((line) => /^ +VIP /.test(line));
const drawn = lines.slice(picture, lines.indexOf('', picture));
const head = lines.find((line) => line.startsWith('time ')) ?? '';
const shown: string[] = [];
for (const fault of FAULTS) {
  await promisify(execFile)(EVERGATE, ['lab', 'fault', fault]);
  await waitSeconds(1);
  shown.push(...excerpt(fault));
  await waitSeconds(CALM_SECONDS);
}
lab.kill('SIGTERM');
await once(lab, 'exit');
const verdict = shown.find((line) => line.includes('Not as expected'));
if (verdict !== undefined) throw new Error(`Nothing is written: ${verdict.trim()}`);
const text = ['```', ...drawn, '', head, ...shown, '```'].map((line) => line.trimEnd());
const busy = `On ${availableParallelism()} processors with a load of ${Math.round(loadavg()[0] ?? 0)}.`;
writePages({ 'README.md': { lab: `${text.join('\n')}\n\n${busy}\n` } });
