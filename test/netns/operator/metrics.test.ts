/**
 * Metrics of nodes that have a VIP and balance nothing, and what packaging/ makes of all metrics: alerts that promtool tries,
 * a dashboard that asks for nothing that is not there.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { METRICS } from '../../../src/stats/metrics/metrics.ts';
import { hasProgram, Network, type NetworkNode, whyNoNamespaces } from '../../kit/network.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const PACKAGING = resolve('packaging');
const VIP = '192.168.1.94';
const CONFIG = `vip: ${VIP}/24
nodes:
  a: 192.168.1.92
  b: 192.168.1.93
stats:
  listen: 1080
  users:
    prometheus: a-long-secret
`;
const NO_PROMTOOL = hasProgram('promtool') ? false : 'promtool (Debian: prometheus) is missing';
const skip = whyNoNamespaces() ?? false;

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-metrics-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function promtool(words: readonly string[], input = ''): string {
  const { stdout, stderr, status } = spawnSync('promtool', words, { encoding: 'utf8', input });
  assert.equal(status, 0, stdout + stderr);
  return stdout + stderr;
}

async function scrape(node: NetworkNode): Promise<string> {
  const words = ['-s', '-u', 'prometheus:a-long-secret', `http://${node.address}:1080/metrics`];
  return (await node.run('curl', words)).stdout;
}

test('a node that balances nothing tells its metrics, moves with their gap', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  const network = await Network.create();
  t.after(() => network.close());
  const config = join(folder, 'evergate.yaml');
  writeFileSync(config, CONFIG);
  const start = async (name: string, address: string): Promise<NetworkNode> => {
    const node = await network.addNode(name, `${address}/24`);
    const runDir = join(folder, name);
    mkdirSync(runDir);
    node.spawn(EVERGATE, ['run', '--config', config, '--run-dir', runDir]);
    return node;
  };
  const a = await start('a', '192.168.1.92');
  await waitUntil('a owns the VIP', () => a.holds(VIP));
  const b = await start('b', '192.168.1.93');
  const isBackup = /^evergate_vrrp_state\{instance="control-plane",state="backup"\} 1$/m;
  await waitUntil('b hears a', async () => isBackup.test(await scrape(b)));
  const calm = await scrape(b);
  assert.match(calm, /^evergate_vip_moves_total\{instance="control-plane",to="here"\} 0$/m);
  assert.doesNotMatch(calm, /vip_last_gap/);
  await a.setConnected(false);
  await waitUntil('b owns the VIP', () => b.holds(VIP));
  const moved = /^evergate_vip_moves_total\{instance="control-plane",to="here"\} 1$/m;
  await waitUntil('b counts it', async () => moved.test(await scrape(b)));
  const text = await scrape(b);
  const [, gap = ''] = /^evergate_vip_last_gap_seconds\S+ (\S+)$/m.exec(text) ?? [];
  // Three intervals of 0.1 s at least.
  assert.ok(Number(gap) >= 0.3 && Number(gap) < 30, text);
  if (NO_PROMTOOL === false) assert.doesNotMatch(promtool(['check', 'metrics'], text), /evergate_/);
});

test('each alert comes when it is to, and not before', { skip: NO_PROMTOOL }, () => {
  promtool(['check', 'rules', join(PACKAGING, 'prometheus/evergate-alerts.yml')]);
  promtool(['test', 'rules', join(PACKAGING, 'prometheus/evergate-alerts.test.yml')]);
});

test('each alert is tried, and names a place in the runbook', () => {
  const read = (name: string): string => readFileSync(join(PACKAGING, 'prometheus', name), 'utf8');
  const rules = read('evergate-alerts.yml');
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const tried = new Set(
    [...read('evergate-alerts.test.yml').matchAll(/alertname: (\w+)/g)].map(([, name]) => name),
  );
  assert.deepEqual([...tried].toSorted(), alerts.toSorted());
  const places = [...rules.matchAll(/runbook: docs\/runbook\.md#([a-z-]+)$/gm)];
  assert.equal(places.length, alerts.length);
});

const PANEL = z.object({
  id: z.int().positive(),
  type: z.enum(['stat', 'state-timeline', 'timeseries']),
  title: z.string().min(1),
  datasource: z.object({
    type: z.literal('prometheus'),
    uid: z.string().regex(/^\$\{datasource\}$/),
  }),
  gridPos: z.object({ h: z.int(), w: z.int().max(24), x: z.int().max(23), y: z.int() }),
  targets: z
    .array(z.object({ expr: z.string(), legendFormat: z.string(), refId: z.string() }))
    .min(1),
});
const DASHBOARD = z.object({
  uid: z.string().max(40),
  title: z.string(),
  schemaVersion: z.int().min(36),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() })) }),
  panels: z.array(PANEL).min(10),
});

test('what the dashboard and the alerts ask for is there', (t) => {
  const file = join(PACKAGING, 'grafana/evergate-dashboard.json');
  const { panels } = DASHBOARD.parse(JSON.parse(readFileSync(file, 'utf8')));
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const asked = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const rules = readFileSync(join(PACKAGING, 'prometheus/evergate-alerts.yml'), 'utf8');
  const known = new Set(METRICS.map(({ name }) => name));
  const names = [...asked, rules].flatMap(
    (text) => text.match(/\b(?:evergate|haproxy)_[a-z_]+/g) ?? [],
  );
  assert.deepEqual(
    names.filter((name) => !known.has(name)),
    [],
  );
  if (NO_PROMTOOL !== false) return;
  // Grafana puts a span there.
  const rule = (expr: string, index: number) => ({
    record: `panel:${index}`,
    expr: expr.replaceAll('$__rate_interval', '5m'),
  });
  const groups = [{ name: 'dashboard', rules: asked.map(rule) }];
  const made = join(newFolder(t), 'rules.yml');
  writeFileSync(made, JSON.stringify({ groups }));
  promtool(['check', 'rules', made]);
});
