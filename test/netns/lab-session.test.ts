/**
 * `evergate lab` as a newcomer uses it: evergate.yaml without a word, the article's daemons by --stack, a verdict after
 * each fault, reasons in its status, and logs without a flood of connections.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { EVERGATE } from '../../src/lab/build-node.ts';
import type { FaultReport } from '../../src/lab/cluster.ts';
import type { LabStatus } from '../../src/lab/control.ts';
import { missingPrerequisites } from '../../src/lab/prerequisites.ts';
import { runCommand } from '../../src/lab/run-command.ts';
import type { ToldVerdict } from '../../src/lab/session/reporter.ts';
import { missingPrograms } from '../../src/lab/stacks/article.ts';
import { judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

/** A verdict waits until a fault is over. */
const VERDICT_MS = 60_000;

const missing = (await missingPrerequisites()).map(({ what }) => what);
const skip = missing.length === 0 ? false : missing.join('; ');
const withoutPeers = missingPrograms();
const skipArticle = skip || (withoutPeers.length === 0 ? false : withoutPeers.join(', '));

/** Asks a lab of these options; it ends with the test. */
async function startLab(t: TestContext, ...options: readonly string[]) {
  const child = spawn(EVERGATE, ['lab', '--json', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(async () => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  });
  let id = '';
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    if (event.event !== 'built') continue;
    id = event.id;
    break;
  }
  child.stdout.resume();
  const ask = (...args: readonly string[]) =>
    runCommand(EVERGATE, ['lab', ...args, '--id', id], null, { patienceMs: VERDICT_MS });
  return {
    ask,
    status: async (): Promise<LabStatus> => JSON.parse(await ask('status', '--json')),
    fault: async (...args: readonly string[]) => {
      const [report = '', verdict = ''] = (await ask('fault', '--json', ...args)).split('\n');
      return {
        report: JSON.parse(report) as FaultReport,
        told: JSON.parse(verdict) as ToldVerdict,
      };
    },
  };
}

test('lab runs an evergate.yaml, and says what was felt of a fault', { skip }, async (t) => {
  const lab = await startLab(t);
  // A lab is built when its VIP answers: a node may still be starting its spare.
  let before = await lab.status();
  const areWell = async (): Promise<boolean> => {
    before = await lab.status();
    return before.nodes.every(({ verdict }) => verdict === 'healthy');
  };
  await waitUntil('three healthy nodes', areWell, 200).catch(() => {});
  assert.equal(before.stack, 'evergate');
  assert.deepEqual(
    before.nodes.map(({ verdict, reasons }) => [verdict, reasons]),
    Array(3).fill(['healthy', []]),
  );
  await judged(t, async (attempt) => {
    const { report, told } = await lab.fault('kill-balancer');
    const { verdict } = told;
    assert.equal(verdict.ended, true, JSON.stringify(verdict));
    assert.ok(verdict.watchesCut >= 1, 'a balancer carries the watches');
    attempt.atMost(verdict.gapMs, report.expected.gapMs ?? 0, 'without an answer, ms');
    t.diagnostic(JSON.stringify(verdict));
  });
  const [first] = before.nodes;
  const hung = await lab.fault('hang-apiserver', '--node', first?.name ?? '');
  assert.equal(hung.told.verdict.ended, true, JSON.stringify(hung.told));
  await waitUntil(
    'status says why',
    async () => /^ {4}! Server /m.test(await lab.ask('status')),
    200,
  );
  const back = await lab.fault('power-on');
  assert.equal(back.report.does, 'start of the apiserver, or SIGCONT to it');
  assert.match(back.report.expected.felt, /^nobody notices/);
  // Another node may have seen it first.
  await waitUntil(
    'both logs of the node have something to say',
    async () => {
      const logs = await lab.ask('logs', first?.name ?? '');
      return /^evergate: /m.test(logs) && /^syslog: .*Server kube-apiserver/m.test(logs);
    },
    200,
  );
});

test('lab --stack article runs HAProxy and keepalived', { skip: skipArticle }, async (t) => {
  const lab = await startLab(t, '--stack', 'article');
  const { stack, nodes, owners } = await lab.status();
  assert.equal(stack, 'article');
  assert.ok(nodes.every(({ daemon, verdict }) => daemon && verdict === null));
  assert.match(
    await lab.ask('status'),
    /HAProxy and keepalived run, apiserver runs, holds the VIP/,
  );
  const { told } = await lab.fault('kill-apiserver', '--node', 'k8s-node2');
  assert.equal(told.verdict.ended, true, JSON.stringify(told.verdict));
  const [owner = ''] = owners;
  await waitUntil('a connection is logged', async () => {
    return /^syslog: .*kube-api/m.test(await lab.ask('logs', owner, '--only', 'connections'));
  });
  const events = await waitUntil('an event is logged', async () => {
    const told = await lab.ask('logs', owner, '--only', 'events');
    return /^syslog: .*Server kube-master\/k8s-node2 is DOWN/m.test(told) ? told : null;
  });
  assert.doesNotMatch(events, /^syslog: .* 192\.168\.1\.\d+:\d+ \[/m);
  await lab.ask('fault', 'kill-guardian', '--node', owner);
  const isWhole = async () => (await lab.status()).nodes.every(({ daemon }) => daemon);
  await waitUntil('keepalived is gone', async () => !(await isWhole()), 200);
  await lab.ask('fault', 'power-on', '--node', owner);
  await waitUntil('keepalived runs again', isWhole, 200);
});

test('lab refuses what does not go together', async () => {
  const refused = (...args: readonly string[]) => runCommand(EVERGATE, ['lab', ...args]);
  await assert.rejects(refused('--article', '--stack', 'article'), /cannot be used with/);
  await assert.rejects(refused('--single', '--article'), /--single has a file of its own/);
  await assert.rejects(
    refused('--stack', 'evergate', '--seed', '.'),
    /--seed has files of HAProxy/,
  );
});
