/**
 * What a file means: a real HAProxy (Debian: haproxy) runs on a golden file in a network namespace of its
 * own, and its statistics must show the limits, weights and check settings we read from the same file.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import type { BalancerConfig } from '../../src/config/model/config.ts';
import type { ServerConfig } from '../../src/config/model/traffic.ts';
import { GOLDEN_ENV, goldenFiles, leaveOutOf, splitGolden } from '../golden/haproxy-golden.ts';
import { findCommand } from '../kit/peers.ts';
import { waitUntil } from '../kit/wait-until.ts';

const haproxy = findCommand('haproxy');
const unshare = findCommand('unshare');

function whyNot(): string | null {
  if (haproxy === null) return 'The program "haproxy" (Debian: haproxy) is missing';
  if (unshare === null) return 'The program "unshare" (Debian: util-linux) is missing';
  return process.getuid?.() === 0 ? null : 'A network namespace needs root';
}

type Row = ReadonlyMap<string, string>;

async function ask(socketPath: string, command: string): Promise<string> {
  const socket = createConnection(socketPath);
  socket.setTimeout(5_000, () => socket.destroy(new Error('HAProxy does not answer')));
  socket.end(`${command}\n`);
  return await text(socket);
}

/** `show stat` by "proxy/service". */
function readStat(csv: string): ReadonlyMap<string, Row> {
  const [header = '', ...lines] = csv.trim().split('\n');
  const names = header.replace(/^# /, '').split(',');
  const rows = lines.map((line): [string, Row] => {
    const cells = line.split(',');
    const row = new Map(names.map((name, index) => [name, cells[index] ?? '']));
    return [`${row.get('pxname')}/${row.get('svname')}`, row];
  });
  return new Map(rows);
}

/** Statistics of a HAProxy running on `input`; it ends with the test. */
async function observe(t: TestContext, input: string): Promise<ReadonlyMap<string, Row>> {
  const folder = mkdtempSync(join(tmpdir(), 'eg-haproxy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const socketPath = join(folder, 'stats.sock');
  const path = join(folder, 'haproxy.cfg');
  writeFileSync(path, `${input}\nglobal\n    stats socket ${socketPath} level admin\n`);
  const child = spawn(unshare ?? '', ['-n', haproxy ?? '', '-db', '-f', path], {
    env: { ...process.env, ...GOLDEN_ENV },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  // Its socket is there before it listens.
  const shown = await waitUntil('HAProxy answers', async () => {
    assert.equal(child.exitCode, null, said);
    return await ask(socketPath, 'show stat').catch(() => null);
  });
  return readStat(shown);
}

/** The cells of a server's row that the configuration alone decides. */
function expectedServer(server: ServerConfig): Readonly<Record<string, string>> {
  // In maintenance nothing is shown of the check.
  const check = server.disabled ? null : server.check;
  return {
    // "weight" is what is in force: 0 in maintenance and for what does not take part.
    uweight: String(server.weight),
    slim: server.connectionsMax === 0 ? '' : String(server.connectionsMax),
    act: server.backup ? '0' : '1',
    bck: server.backup ? '1' : '0',
    check_rise: check === null ? '' : String(check.rise),
    check_fall: check === null ? '' : String(check.fall),
  };
}

/** `show stat` of HAProxy 2.6 has no name for "random". */
function expectedAlgorithm(kind: string): string {
  return kind === 'random' ? 'unknown' : kind;
}

/** Every row the model says there is, with the cells that must agree. */
function expectedRows(
  config: BalancerConfig,
): readonly [string, Readonly<Record<string, string>>][] {
  const rows: [string, Readonly<Record<string, string>>][] = [];
  // Without "maxconn" HAProxy reckons a limit from the machine's.
  for (const { name, connectionsMax } of config.frontends) {
    const slim = connectionsMax === 0 ? {} : { slim: String(connectionsMax) };
    rows.push([`${name}/FRONTEND`, slim]);
  }
  for (const { name } of config.httpFrontends) rows.push([`${name}/FRONTEND`, { mode: 'http' }]);
  const named = config.backends.filter(({ name }) =>
    config.order?.some((section) => section.name === name),
  );
  for (const backend of named) {
    const algo = expectedAlgorithm(backend.balance.kind);
    rows.push([`${backend.name}/BACKEND`, { algo, mode: 'tcp' }]);
    for (const server of backend.servers) {
      rows.push([`${backend.name}/${server.name}`, expectedServer(server)]);
    }
  }
  return rows;
}

/** Valid files HAProxy does not start from in a bare namespace. */
const NOT_RUN: ReadonlyMap<string, string> = new Map([
  ['binds', 'the namespace lacks its addresses, the machine the folder of its sockets'],
  ['binds-special', 'the namespace lacks its interfaces, the machine the folder of its sockets'],
  ['stats-page', 'the machine lacks the folder of its sockets'],
  ['harmless', 'its "ulimit-n" is more than a machine need grant'],
  ['nbproc', 'HAProxy refuses it'],
  ['check-files', 'its certificates are not there'],
]);

for (const { name, path } of goldenFiles()) {
  const { input, valid } = splitGolden(readFileSync(path, 'utf8'));
  if (!valid || NOT_RUN.has(name)) continue;
  test(`a running HAProxy shows what we read from ${name}`, async (t) => {
    const reason = whyNot();
    if (reason !== null) return t.skip(reason);
    const { config } = parseHaproxy('haproxy.cfg', input, GOLDEN_ENV, leaveOutOf(input));
    assert.ok(config !== null);
    const stat = await observe(t, input);
    for (const [key, cells] of expectedRows(config)) {
      const row = stat.get(key);
      assert.ok(row !== undefined, `HAProxy has no row "${key}"`);
      const shown = Object.fromEntries(Object.keys(cells).map((cell) => [cell, row.get(cell)]));
      assert.deepEqual(shown, cells, key);
    }
  });
}
