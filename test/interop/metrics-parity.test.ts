/**
 * The same servers behind the real HAProxy's exporter and behind ours: what both have is called alike, is of
 * one type, has the same labels and, where time plays no part, the same values. promtool has no complaint.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { testConfig } from '../../src/balancer/fixture.ts';
import { startBalancer } from '../kit/balancer.ts';
import { comparedServers } from '../kit/compared-servers.ts';
import { freePort } from '../kit/free-port.ts';
import { startHaproxy, whyNoHaproxy } from '../kit/haproxy.ts';
import { hasProgram } from '../kit/network.ts';
import { waitUntil } from '../kit/wait-until.ts';

type Metrics = {
  readonly types: ReadonlyMap<string, string>;
  /** Value by name and labels. */
  readonly samples: ReadonlyMap<string, string>;
};

function parse(text: string): Metrics {
  const lines = text.split('\n').filter((line) => line !== '');
  const types = lines.flatMap((line): [string, string][] => {
    const match = /^# TYPE (\S+) (\S+)$/.exec(line);
    return match === null ? [] : [[match[1] ?? '', match[2] ?? '']];
  });
  const samples = lines.flatMap((line): [string, string][] => {
    const match = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line);
    return match === null ? [] : [[match[1] ?? '', match[2] ?? '']];
  });
  return { types: new Map(types), samples: new Map(samples) };
}

async function scrape(port: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4');
  return await answer.text();
}

/** Texts of both exporters once the checks have settled: HAProxy's, ours. */
async function scrapeBoth(t: TestContext): Promise<readonly [string, string]> {
  const { backend, text } = await comparedServers(t);
  const base = testConfig();
  const [page] = base.httpFrontends;
  assert.ok(page !== undefined);
  const ours = await startBalancer(t, {
    ...base,
    httpFrontends: [
      { ...page, name: 'prometheus', stats: null, metrics: { path: '/metrics', guarded: false } },
    ],
    backends: [backend],
  });
  const port = await freePort();
  startHaproxy(
    t,
    ours.folder,
    `global
  maxconn 4000
${text}listen prometheus
  mode http
  bind 127.0.0.1:${port}
  http-request use-service prometheus-exporter if { path /metrics }
`,
  );
  const settled = async (each: number): Promise<string | null> => {
    const text = await scrape(each).catch(() => '');
    const done = /server="down",state="L4CON"\} 1/.test(text);
    return done && /server="up",state="L4OK"\} 1/.test(text) ? text : null;
  };
  const texts: string[] = [];
  for (const each of [port, ours.ports.prometheus ?? 0]) {
    texts.push(await waitUntil(`the checks behind ${each}`, () => settled(each), 100));
  }
  return [texts[0] ?? '', texts[1] ?? ''];
}

/** They count processes, moments or scrapes, or are ours to choose. */
const VOLATILE =
  /^haproxy_(process_|[a-z]+_.*(seconds|rate)|.*\{proxy="prometheus"|backend_limit_sessions)/;

test('names, types, labels and values are those of the exporter of HAProxy', async (t) => {
  const missing = whyNoHaproxy();
  if (missing !== null) return t.skip(missing);
  const [theirText, ourText] = await scrapeBoth(t);
  const [theirs, ours] = [parse(theirText), parse(ourText)];
  const shared = [...ours.types].filter(([name]) => name.startsWith('haproxy_'));
  assert.ok(shared.length > 80, String(shared.length));
  for (const [name, type] of shared) {
    assert.equal(theirs.types.get(name), type, `${name} is there, and a ${type}`);
  }
  let compared = 0;
  for (const [sample, value] of ours.samples) {
    if (!sample.startsWith('haproxy_') || sample.includes('build_info')) continue;
    const their = theirs.samples.get(sample);
    assert.notEqual(their, undefined, `${sample} has the labels of HAProxy`);
    if (VOLATILE.test(sample)) continue;
    assert.equal(Number(value), Number(their), sample);
    compared++;
  }
  assert.ok(compared > 150, String(compared));
  // The other way round: of these samples HAProxy has no label that we lack, but for checks by programs.
  const known = new Set(shared.map(([name]) => name));
  for (const sample of theirs.samples.keys()) {
    const [name = ''] = sample.split('{');
    if (!known.has(name) || /build_info|state="PROC/.test(sample)) continue;
    assert.ok(ours.samples.has(sample), `${sample} is in ours`);
  }
});

test('promtool finds nothing to complain of that HAProxy did not name', async (t) => {
  if (!hasProgram('promtool')) return t.skip('promtool (Debian: prometheus) is missing');
  const missing = whyNoHaproxy();
  if (missing !== null) return t.skip(missing);
  const [, ours] = await scrapeBoth(t);
  const { stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], {
    input: ours,
    encoding: 'utf8',
    timeout: 60_000,
  });
  const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line.trim() !== '');
  assert.deepEqual(complaints, []);
});
