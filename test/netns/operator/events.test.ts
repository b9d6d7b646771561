/** The timeline of a node: what it keeps over ends of balancers and guardians, and what it says of a move of the VIP. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { EventKind, NodeEvent } from '../../../src/contracts/events.ts';
import { type Daemon, GuardianCluster, VIP } from '../../kit/guardian-cluster.ts';
import { whyNoNamespaces } from '../../kit/network.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;
const EVERGATE = resolve('bin/evergate');
const run = promisify(execFile);

describe('The timeline of a node', { skip, timeout: 300_000 }, () => {
  let cluster: GuardianCluster;
  let first: Daemon;
  let second: Daemon;

  before(async () => {
    cluster = await GuardianCluster.create();
    [first, second] = await cluster.pair(3);
  });
  after(() => cluster?.close());

  async function ask({ runDir }: Daemon, ...words: readonly string[]): Promise<string> {
    const { stdout } = await run(EVERGATE, [...words, '--run-dir', runDir]);
    return stdout;
  }

  async function events(daemon: Daemon, kind: EventKind): Promise<readonly NodeEvent[]> {
    const lines = (await ask(daemon, 'events', '--json')).split('\n').filter((line) => line !== '');
    const all = lines.map((line): NodeEvent & { version: number } => JSON.parse(line));
    assert.ok(all.every(({ version }) => version === 1));
    return all.filter((event) => event.kind === kind);
  }

  it('keeps what became of a balancer over a restart of its guardian', async () => {
    const following = spawn(EVERGATE, ['events', '--follow', '--run-dir', first.runDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said: string[] = [];
    following.stdout.setEncoding('utf8').on('data', (text: string) => said.push(text));
    await waitUntil('it shows what was', () => said.join('').includes(' is up; '));
    const killed = first.pid('balancer');
    first.kill('balancer');
    await waitUntil('it shows what happens', () =>
      said.join('').includes(`Balancer ${killed} is gone`),
    );
    await waitUntil('the spare serves', () => /Spare \d+ takes over/.test(said.join('')));
    await first.handOverAndRestart();
    await first.up(2);
    const changes = await events(first, 'balancer');
    const gone = changes.find((event) => event.kind === 'balancer' && event.to === 'gone');
    assert.ok(gone?.kind === 'balancer' && gone.pid === killed && /SIGKILL/.test(gone.why ?? ''));
    const words = (await events(first, 'guardian')).map((event) => 'to' in event && event.to);
    assert.deepEqual(words, ['started', 'hands-over', 'started']);
    await waitUntil(
      'it follows the next guardian, too',
      () => said.join('').split(' is up; ').length > 2,
    );
    following.kill('SIGTERM');
    // No colours for who is no terminal.
    assert.ok(!said.join('').includes('\x1b'));
  });

  it('says on both nodes why the VIP left one that was killed', async () => {
    // The reaper would hand the VIP over, so it goes, too.
    first.kill('guardian', 'reaper', 'balancer', 'spare');
    await waitUntil('b owns the VIP', () => cluster.b.holds(VIP));
    await waitUntil('b tells of it', async () => /took the VIP/.test(await ask(second, 'why')));
    const taken = await ask(second, 'why', VIP);
    assert.match(
      taken,
      /decision +backup -> master: no better master is heard: 192\.168\.1\.92 has/,
    );
    assert.match(taken, /last advertisement +\d+ ms before, from 192\.168\.1\.92, priority 100/);
    assert.match(taken, /balancer +serves/);
    const [, gap = ''] = /gap +(\d+) ms at most/.exec(taken) ?? [];
    const [, patience = ''] = /waited +an owner may be silent for (\d+) ms/.exec(taken) ?? [];
    // Three intervals and the skew of priority 90: RFC 9568 section 6.1.
    assert.equal(Number(patience), Math.round(300 + (166 * 100) / 256));
    assert.ok(Number(gap) >= Number(patience), taken);
    first.start();
    await first.up(3);
    const lost = await ask(first, 'why', 'VI_1');
    assert.match(lost, /lost the VIP: its guardian ended without a word/);
    assert.match(lost, /before it\n.*The guardian before \(\d+\) ended without a word/s);
    const [move] = (await ask(second, 'why', '--json')).trim().split('\n');
    const { version, what, facts } = JSON.parse(move ?? '');
    assert.deepEqual([version, what], [1, 'took']);
    assert.ok(facts.length >= 5);
  });

  it('is beside a status that is asked for again and again, in a pipe without colours', async () => {
    const { format, verdict, node } = JSON.parse(await ask(second, 'status', '--json'));
    assert.deepEqual([format, verdict, typeof node], [1, 'healthy', 'string']);
    const words = ['status', '--watch', '--run-dir', second.runDir];
    const watching = spawn(EVERGATE, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const said: string[] = [];
    watching.stdout.setEncoding('utf8').on('data', (text: string) => said.push(text));
    const seen = (text: string): number => said.join('').split(text).length - 1;
    await waitUntil('it tells twice', () => seen(': healthy (Evergate') >= 2);
    second.signal('guardian', 'SIGSTOP');
    await waitUntil('it tells of one that hangs', () => seen('does not answer within') >= 1);
    second.signal('guardian', 'SIGCONT');
    const before = seen('(Evergate');
    await waitUntil('it goes on', () => seen('(Evergate') > before);
    watching.kill('SIGTERM');
    assert.ok(!said.join('').includes('\x1b'));
  });

  it('follows also while Evergate is stopped: it ended there, by a trace of its stack', async (t) => {
    const words = ['events', '--follow', '--run-dir', second.runDir];
    const following = spawn(EVERGATE, words, { stdio: 'pipe' });
    t.after(() => following.kill('SIGTERM'));
    const said = { out: '', err: '' };
    following.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.out += text;
    });
    following.stderr.setEncoding('utf8').on('data', (text: string) => {
      said.err += text;
    });
    await waitUntil('it shows what was', () => said.out.includes(' is up; '));
    process.kill(second.pid('guardian'), 'SIGTERM');
    await waitUntil('its events are gone', () => !existsSync(second.runDir));
    await waitUntil('it says so', () => said.err.includes('Waiting for the next start'));
    const before = said.out.length;
    second.start();
    await waitUntil('it shows the next start', () => / is up; /.test(said.out.slice(before)));
    assert.equal(said.err.trim().split('\n').length, 1, said.err);
  });

  it('says where nothing is known what is', async () => {
    await assert.rejects(ask(first, 'why', '10.9.9.9'), /VIPs here: 192\.168\.1\.94\/24/);
    await assert.rejects(run(EVERGATE, ['events', '--run-dir', '/nowhere']), /No events are kept/);
  });
});
