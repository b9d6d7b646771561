import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { noCounts } from './rules.ts';
import { runScenario } from './scenario.ts';
import { Tally } from './tally.ts';

const RUN = fileURLToPath(new URL('./run.ts', import.meta.url));

function run(...args: readonly string[]) {
  const done = spawnSync(process.execPath, [RUN, ...args], { encoding: 'utf8', timeout: 60_000 });
  return { code: done.status, text: done.stdout + done.stderr };
}

test('npm run sim ends by itself with its figures', () => {
  const { code, text } = run('--faults', '500', '--seed', '1', '--threads', '2');
  assert.equal(code, 0, text);
  assert.match(text, /Every rule held: \d+ faults, \d+ scenarios, [\d.]+ simulated hours/);
});

test('npm run sim -- --replay prints the same events each time', () => {
  const { code, text } = run('--replay', '5');
  assert.equal(code, 0);
  assert.match(text, /node 0: initialize -> backup/);
  assert.equal(run('--replay', '5').text, text);
});

test('npm run sim refuses a seed that is none', () => {
  const { code, text } = run('--replay', 'five');
  assert.equal(code, 2);
  assert.match(text, /--replay takes a whole number from 0 to 4294967295, not "five"/);
});

test('a failure names its seed and the command that replays it', () => {
  const lines: string[] = [];
  const tally = new Tally(1000, (text) => lines.push(text));
  const outcome = runScenario(8);
  const violation = { rule: 'two owners' as const, text: 'nodes 0 and 1', at: 12 };
  const failures = [{ ...outcome, violation }];
  tally.add({ faults: 1, scenarios: 1, simulatedMs: 1, applied: noCounts(), failures });
  tally.finish();
  assert.equal(tally.isDone, true);
  assert.match(lines.join(''), /Scenario 8 broke "two owners" at 12\.000 ms: nodes 0 and 1/);
  assert.match(lines.join(''), /npm run sim -- --replay 8\n/);
  assert.match(lines.join(''), /FAILED/);
});
