/**
 * The PROXY protocol between real programs: HAProxy sends headers to us, we send them to HAProxy, and what it
 * shows is the address of the client at the very beginning.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import { startBalancer } from '../kit/balancer.ts';
import { freePort } from '../kit/free-port.ts';
import { whyNoHaproxy } from '../kit/haproxy.ts';
import { waitUntil } from '../kit/wait-until.ts';

/** Any address of loopback will do for a client; this one nobody else has. */
const CLIENT = '127.0.0.77';

const TIMES = 'timeout client 5s\n timeout connect 5s\n timeout server 5s\n';

async function startHaproxy(t: TestContext, lines: string, port: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'eg-proxy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'haproxy.cfg');
  writeFileSync(path, `defaults\n ${TIMES}${lines}`);
  const haproxy = spawn('haproxy', ['-db', '-f', path], { stdio: 'ignore' });
  t.after(() => haproxy.kill('SIGKILL'));
  const answers = (): Promise<boolean> =>
    new Promise((resolve) => {
      const probe = connect(port, '127.0.0.1');
      probe.on('connect', () => {
        probe.destroy();
        resolve(true);
      });
      probe.on('error', () => resolve(false));
    });
  await waitUntil('HAProxy listens', answers, 50);
}

function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ port, host: '127.0.0.1', localAddress: CLIENT, agent: false });
    request.on('response', (response) => resolve(text(response)));
    request.on('error', reject);
  });
}

for (const [sent, passed] of [
  ['send-proxy', 'send-proxy-v2'],
  ['send-proxy-v2', 'send-proxy'],
] as const) {
  test(`a client is known behind HAProxy's ${sent} and our ${passed}`, async (t) => {
    const reason = whyNoHaproxy();
    if (reason !== null) return t.skip(reason);
    const behind = await freePort();
    const last =
      `frontend last\n mode http\n bind 127.0.0.1:${behind} accept-proxy\n` +
      ' http-request return status 200 content-type text/plain lf-string "%[src]"\n';
    await startHaproxy(t, last, behind);
    const { config, diagnostics } = parseHaproxy(
      'haproxy.cfg',
      `listen kube\n bind 127.0.0.1:1 accept-proxy\n ${TIMES} server s 127.0.0.1:${behind} ${passed}\n`,
      {},
    );
    assert.ok(config !== null, JSON.stringify(diagnostics));
    const balancer = await startBalancer(t, config);
    const front = await freePort();
    const first =
      `listen first\n mode tcp\n bind 127.0.0.1:${front}\n` +
      ` server evergate 127.0.0.1:${balancer.ports.kube} ${sent}\n`;
    await startHaproxy(t, first, front);
    assert.equal(await ask(front), CLIENT);
  });
}
