/** The live view's lines: aligned under their heading, coloured only when asked. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_REQUESTS } from '../client/messages.ts';
import type { Cluster } from '../cluster.ts';
import { expectationOf } from '../expectations.ts';
import { judgeFault } from '../fault-verdict.ts';
import type { Second } from './reporter.ts';
import { createTextReporter, secondLine, shortNames } from './text-reporter.ts';

/** What is shown of one. */
function clusterOf(names: readonly string[]): Cluster {
  const topology = { interface: 'ens192', apiserverPort: 6443, clientAddresses: ['192.168.1.201'] };
  const login = { user: 'admin', password: 'password' };
  const nodes = names.map((name) => ({ name, parts: { address: '192.168.1.92', daemon: {} } }));
  const urls = [{ what: 'stats of k8s-master', url: 'http://127.0.0.1:40001/stats', login }];
  const stack = { title: 'Evergate on three nodes', daemon: 'evergate' };
  const endpoint = '192.168.1.94:8443';
  const parts = { urls, stack, topology, endpoint, kubeconfigFile: '/tmp/x/kubeconfig' };
  return { id: 'abc', nodes, parts } as unknown as Cluster;
}

const LAYOUT = { names: ['k8s-master', 'k8s-node1'], vip: true };
const SECOND: Second = {
  at: new Date(2026, 0, 2, 3, 4, 5),
  owners: ['k8s-master'],
  ok: 49,
  failed: 1,
  nodes: { 'k8s-master': 25, 'k8s-node1': 24 },
  total: { ...NO_REQUESTS, watches: { ...NO_REQUESTS.watches, open: 6, events: 10 } },
};

test("the table of the article's nodes fits 80 columns, every figure below its name", () => {
  const written: string[] = [];
  const write = (text: string): void => void written.push(text);
  const reporter = createTextReporter({ write, coloured: false, keys: false, width: 80 });
  const names = ['k8s-master', 'k8s-node1', 'k8s-node2'];
  const withKeys = createTextReporter({ write, coloured: false, keys: true, width: 80 });
  for (const one of [reporter, withKeys]) one.built(clusterOf(names));
  // A line that somebody copies stays whole.
  const built = written.splice(0).join('').split('\n');
  assert.deepEqual(
    built.filter((line) => line.length > 80 && !line.includes('kubectl')),
    [],
  );
  const nodes = { 'k8s-master': 25, 'k8s-node1': 24, 'k8s-node2': 1 };
  reporter.second({ ...SECOND, nodes });
  reporter.second({ ...SECOND, nodes, owners: ['k8s-master', 'k8s-node1'], failed: 0 });
  assert.deepEqual(written.join('').split('\n'), [
    'time     VIP on        answered failed gap ms watches  master  node1  node2',
    '03:04:05 master              49      1      0       6      25     24      1',
    '03:04:05 master+node1        49      0      0       6      25     24      1',
    '',
  ]);
});

test('names are short by what all begin with up to a hyphen, and whole where that is nothing', () => {
  assert.deepEqual(shortNames(['k8s-master', 'k8s-node1']), ['master', 'node1']);
  assert.deepEqual(shortNames(['a-1', 'b-1']), ['a-1', 'b-1']);
  assert.deepEqual(shortNames(['alone-1']), ['alone-1']);
});

test('secondLine() shows nobody and two owners in red, failures too', () => {
  const painted: string[] = [];
  const paint = (style: string, text: string): string => {
    if (style === 'red') painted.push(text.trim());
    return text;
  };
  secondLine(LAYOUT, { ...SECOND, owners: [], failed: 0 }, paint);
  secondLine(LAYOUT, { ...SECOND, owners: ['k8s-master', 'k8s-node1'] }, paint);
  assert.deepEqual(painted.toSorted(), ['1', 'master+node1', 'nobody']);
});

test('createTextReporter() writes no escape sequence when it is not coloured', () => {
  const written: string[] = [];
  const write = (text: string): void => void written.push(text);
  const plain = createTextReporter({ write, coloured: false, keys: false, width: 80 });
  plain.problem('Something');
  plain.progress('Building');
  assert.equal(written.join('').includes('\u001b'), false);
  createTextReporter({ write, coloured: true, keys: false, width: 80 }).problem('Something');
  assert.equal(written.join('').includes('\u001b'), true);
});

test('createTextReporter() tells what was felt, and of what should be, within 80 columns', () => {
  const written: string[] = [];
  const write = (text: string): void => void written.push(text);
  const reporter = createTextReporter({ write, coloured: false, keys: false, width: 80 });
  const expected = expectationOf('evergate', 'power-off');
  const fault = { name: 'power-off', node: 'k8s-master', does: 'power cut' } as const;
  reporter.fault({ ...fault, expected });
  const verdict = judgeFault(expected, SECOND.total, true);
  reporter.verdict({ ...fault, felt: expected.felt, verdict });
  const lines = written.join('').split('\n');
  assert.ok(lines.every((line) => line.length <= 80));
  const text = lines.map((line) => line.trim()).join(' ');
  assert.match(text, /^power-off on k8s-master: power cut Expected: a backup takes the VIP/);
  assert.match(text, /gap 0 ms, 0 failed, 0 of 0 watches cut, silent for 0\.0 s at most/);
  assert.match(text, /As expected: a backup/);
});
