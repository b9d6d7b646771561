/**
 * Code that got into the balancer attacks the guardian in every way it has: with each message mutated, with
 * bytes that are no message, with what it shares with it. The guardian lives, the VIP stays, the spare takes over.
 *
 * Ten thousand messages that fit the table, however senseless, are said by one process. Each that does not fit costs
 * one: EVERGATE_HOSTILE_REFUSED=10000 says how many of those, and takes hours; all that do not fit are said to the
 * guardian's end of the channel in balancer-channel.test.ts.
 */

import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { FROM_BALANCER, parseFromBalancer } from '../../src/contracts/protocol-table.ts';
import { AddressWatch } from '../kit/address-watch.ts';
import { anyFitting, anyMutated } from '../kit/any-shape.ts';
import type { HostileAct } from '../kit/hostile-main.ts';
import { Network, type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { residentOf } from '../kit/process-figures.ts';
import { askStatus, lookAtStatus } from '../kit/status.ts';
import { type Attempt, judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

const VIP = '192.168.1.94';
const MESSAGES = 10_000;
const REFUSED = Number(process.env.EVERGATE_HOSTILE_REFUSED ?? 9);
/** Kinds that end a balancer by coming out of turn; and that of the log, whose flood is another test. */
const NOT_SENSELESS: readonly string[] = ['prepared', 'serving', 'failed', 'log'];
const skip = whyNoNamespaces() ?? false;

const HAPROXY = `defaults
    mode tcp
    timeout connect 1s
    timeout client 1h
    timeout server 1h
listen kube-api
    bind 0.0.0.0:8443
    server m1 127.0.0.1:6443
`;

const KEEPALIVED = `vrrp_instance VI_1 {
    state MASTER
    interface ${NODE_INTERFACE}
    virtual_router_id 51
    priority 100
    virtual_ipaddress { ${VIP}/24 }
}
`;

/** Messages that fit. Made before: it takes seconds. */
const SENSELESS = skip === false ? senseless() : [];

describe('A balancer that somebody has got into', { skip, timeout: 6_000_000 }, () => {
  let folder = '';
  let network: Network;
  let node: NetworkNode;
  let watch: AddressWatch;
  let guardian = 0;
  /** Of the story that is told. A machine that is late may have its balancer taken for hung, and ended as well. */
  let holds: Attempt['holds'];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-hostile-'));
    network = await Network.create();
    node = await network.addNode('k8s-master', '192.168.1.92/24');
    writeFileSync(join(folder, 'haproxy.cfg'), HAPROXY);
    writeFileSync(join(folder, 'keepalived.conf'), KEEPALIVED);
    const log = openSync(join(folder, 'log'), 'a');
    const args = [
      ...['--import', resolve('test/kit/hostile-main.ts'), resolve('src/main.ts'), 'run'],
      ...['--haproxy', join(folder, 'haproxy.cfg'), '--run-dir', join(folder, 'run')],
      ...['--keepalived', join(folder, 'keepalived.conf')],
    ];
    // Its balancers open it when they start.
    writeFileSync(join(folder, 'act'), '');
    const env = { ...process.env, EVERGATE_HOSTILE_FILE: join(folder, 'act') };
    node.spawn(process.execPath, args, { stdio: ['ignore', 'ignore', log], env });
    closeSync(log);
    await waitUntil('it is up', () => lookAtStatus(join(folder, 'run')));
    guardian = Number(readFileSync(join(folder, 'run', 'guardian.pid'), 'utf8'));
    await waitUntil('it has the VIP', () => node.holds(VIP));
    watch = await AddressWatch.start([node], VIP);
  });
  after(async () => {
    watch?.close();
    if (guardian !== 0) {
      process.kill(guardian, 'SIGTERM');
      await waitUntil('it stops', () => !existsSync(`/proc/${guardian}`));
    }
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const log = (): string => readFileSync(join(folder, 'log'), 'utf8');
  /** Waits until the log, from `told` on, matches: it is written beside what it tells of. */
  const tells = (told: number, pattern: RegExp) =>
    waitUntil(`the log tells ${pattern}`, () => pattern.test(log().slice(told)));

  const ready = () =>
    waitUntil('a balancer serves and a spare is ready', async () => {
      const { balancer } = await askStatus(join(folder, 'run'));
      return balancer?.state === 'serving' && balancer.spare.state === 'ready' ? balancer : null;
    });

  /** What a balancer has said of what it was made to do, one line each. */
  const answers = (pid: number | null): readonly string[] =>
    readFileSync(join(folder, `act.${pid}`), 'utf8')
      .split('\n')
      .slice(0, -1);

  /** As attack(), of what does not end it; what it says of it. */
  async function tryOut(act: HostileAct): Promise<string> {
    await attack(act, false);
    return answers((await ready()).pid).at(-1) ?? '';
  }

  /**
   * Has the balancer of now do it; `ends`: it is ended for it, and the spare takes over. Returns which one it was, and
   * the log's length.
   */
  async function attack(
    act: HostileAct,
    ends: boolean,
  ): Promise<{ readonly pid: number; readonly told: number }> {
    const { pid, spare, restarts } = await ready();
    assert.ok(pid !== null);
    const told = log().length;
    writeFileSync(join(folder, 'act'), JSON.stringify(act));
    const before = answers(pid).length;
    process.kill(pid, 'SIGUSR2');
    if (!ends) {
      const gone = () => !existsSync(`/proc/${pid}`);
      await waitUntil('it is done', () => answers(pid).length > before || gone());
      holds(answers(pid).length > before, 'the balancer was ended first');
    } else {
      await waitUntil('it is ended', () => !existsSync(`/proc/${pid}`));
      const next = await ready();
      holds(next.restarts === restarts + 1, 'another one was ended, too');
      assert.equal(next.pid, spare.pid, 'the spare takes over');
      assert.match(next.lastExit ?? '', /^It broke the protocol: /);
    }
    return { pid, told };
  }

  /** What it does while nobody touches the VIP; on a machine that is late its guardian may have to. */
  const story = (what: string, body: () => Promise<void>) =>
    it(what, async (t) => {
      await judged(t, async (attempt) => {
        holds = attempt.holds;
        await waitUntil('the VIP is here', () => watch.owners.length === 1);
        const before = watch.changes.length;
        await body();
        const changes = watch.changes.slice(before);
        holds(changes.length === 0, `the VIP was touched: ${JSON.stringify(changes)}`);
      });
    });

  story('ends itself alone with what it says, whatever that is', async () => {
    const wrong = '{"kind":"log","level":"info","text":5}\n';
    await tells(
      (await attack({ act: 'say', text: wrong }, true)).told,
      /is killed: It broke the protocol: Field "text" is no text( \(the \d+th breach .*)?\n/,
    );
    const { told } = await attack({ act: 'say', text: 'null\n' }, true);
    await tells(told, /\(the \d+th breach since the/);
    await attack({ act: 'say', text: '{"kind":"serving"}\n' }, true);
    await attack({ act: 'say', text: '\u0000\u00ff\n' }, true);
    await attack({ act: 'close-channel' }, true);
  });

  story('poisons no successor with what it says of its servers', async () => {
    const poison = '{"kind":"servers","servers":[{"backend":5},null]}\n';
    await attack({ act: 'say', text: poison }, true);
    const admin = async () => (await ready()).report?.backends[0]?.servers[0]?.admin;
    assert.equal(await admin(), 'ready');
    // What fits the protocol is believed as long as the balancer is, and no longer.
    const record = { backend: 'kube-api', server: 'm1', admin: 'maint', check: 'up', health: 0 };
    const lie = JSON.stringify({ kind: 'servers', servers: [{ ...record, weight: null }] });
    const { told } = await attack({ act: 'say', text: `${lie}\nnull\n` }, true);
    await tells(told, /What was known of the servers is forgotten/);
    assert.equal(await admin(), 'ready');
  });

  story('has the guardian keep nothing of a message without an end', async () => {
    const before = residentOf(guardian);
    await attack(
      { act: 'flood', text: '{"kind":"log","level":"info","text":"', bytes: 126 << 20 },
      true,
    );
    const grown = residentOf(guardian) - before;
    assert.ok(grown < 20 << 20, `the guardian grew by ${grown} bytes`);
  });

  story('leaves its successor every socket that it has shut down', async () => {
    // Accepted, and reset as soon as the balancer knows that m1 refuses: to a late client that is one and the same.
    const connects = async () => {
      const code = `require('net').connect(8443, '127.0.0.1', () => process.exit(0))
        .on('error', ({ code }) => process.exit(code === 'ECONNRESET' ? 0 : 1))`;
      return (await node.run(process.execPath, ['-e', code])).code === 0;
    };
    // The balancer of the story before may be at its end.
    await waitUntil('it serves', connects, 50);
    const { pid, told } = await attack({ act: 'shut-listeners' }, false);
    // It may notice, or not: in the end somebody ends it.
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has noticed.
    }
    await waitUntil('another serves', async () => (await ready()).pid !== pid);
    assert.ok(await connects());
    await tells(told, / listening sockets were shut down; they listen again\n/);
  });

  story('forges no line of the log, and sends no terminal a command', async () => {
    const told = log().length;
    const text = 'one\nVRRP VI_1: master -> fault \u001b[2J\u009b31m';
    const line = JSON.stringify({ kind: 'log', level: 'info', text });
    await attack({ act: 'say', text: `${line}\n`.repeat(500) }, false);
    await attack({ act: 'print', text: 'printed \u001b]0;title\u0007\u009b31m \u007f\r\n' }, false);
    const said = await waitUntil('both are told of', () => {
      const now = log().slice(told);
      return now.includes('printed ') && now.includes('one') ? now : null;
    });
    assert.match(said, / info {4}one\\nVRRP VI_1: master -> fault \\x1b\[2J\\x9b31m\n/);
    assert.match(said, /^printed \\x1b\]0;title\\x07\\x9b31m \\x7f\\x0d$/m);
    assert.doesNotMatch(said, /[^\P{Cc}\n]/u);
    assert.doesNotMatch(said, /^VRRP/m);
    assert.ok(said.length < 5000, 'a line that comes again and again is written a few times');
  });

  story('fills the log with no more than a cluster that goes down has to say', async () => {
    const told = log().length;
    const lines = Array.from({ length: 20_000 }, (_, index) => {
      return `${JSON.stringify({ kind: 'log', level: 'info', text: `flood ${index}` })}\n`;
    });
    await attack({ act: 'say', text: `${lines.join('')}null\n` }, true);
    const written = () =>
      log()
        .slice(told)
        .match(/ flood \d+\n/g)?.length ?? 0;
    const counted = () => {
      const left = / (\d+) lines of the log of balancer \d+ were left out/g;
      const counts = [...log().slice(told).matchAll(left)].map(([, count]) => Number(count));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    await waitUntil('all are written or counted', () => written() + counted() >= lines.length);
    assert.ok(written() < 3000, `${written()} lines`);
    assert.equal(written() + counted(), lines.length);
  });

  story('runs no program, and so becomes nobody else by one', async () => {
    for (const program of ['/bin/true', '/bin/su', '/bin/sleep']) {
      assert.match(await tryOut({ act: 'run', program }), /^(EPERM|EAGAIN)$/, program);
    }
  });

  story(
    'opens no file but code and what belongs to the system, and ends no other process',
    async () => {
      const secret = join(folder, 'secret');
      writeFileSync(secret, 'everybody may read and write it', { mode: 0o666 });
      chmodSync(secret, 0o666);
      const { spare } = await ready();
      const found = {
        reads: await tryOut({ act: 'open', path: secret, flags: 'r' }),
        writes: await tryOut({ act: 'open', path: secret, flags: 'w' }),
        makes: await tryOut({ act: 'open', path: join(folder, 'new'), flags: 'w' }),
        home: await tryOut({ act: 'open', path: '/root', flags: 'r' }),
        code: await tryOut({ act: 'open', path: resolve('src/main.ts'), flags: 'r' }),
        changesCode: await tryOut({ act: 'open', path: resolve('src/main.ts'), flags: 'w' }),
        signals: await tryOut({ act: 'signal', pid: spare.pid ?? 0 }),
      };
      const no = 'EACCES';
      const expected = { reads: no, writes: no, makes: no, home: no, changesCode: no };
      assert.deepEqual(found, { ...expected, code: 'done', signals: 'EPERM' });
    },
  );

  story('cannot take the memory away in which its beats lie', async () => {
    await attack({ act: 'shrink-beats' }, false);
    const { pid } = await ready();
    assert.ok(existsSync(`/proc/${guardian}`) && existsSync(`/proc/${pid}`));
  });

  story('gets no further with whatever the protocol lets it say', async () => {
    const last = JSON.stringify({ kind: 'log', level: 'info', text: 'all is said' });
    const text = `${[...SENSELESS, last].join('\n')}\n`;
    const told = log().length;
    const { pid } = await attack({ act: 'say', text }, false);
    await waitUntil('all is read', () => log().slice(told).includes(' all is said'));
    holds((await ready()).pid === pid, 'it is believed, and lives');
    // Its successor has to live with what it has said of the servers.
    process.kill(pid, 'SIGKILL');
    await waitUntil('another serves', async () => (await ready()).pid !== pid);
  });

  story('gets no further with each of its messages mutated', async () => {
    for (const line of refused()) await attack({ act: 'say', text: `${line}\n` }, true);
    assert.ok(existsSync(`/proc/${guardian}`));
  });
});

function senseless(): readonly string[] {
  const kinds = Object.entries(FROM_BALANCER).filter(([kind]) => !NOT_SENSELESS.includes(kind));
  const each = Math.ceil(MESSAGES / kinds.length);
  const lines = kinds.map(([, { rule }]) => fc.sample(anyFitting(rule), each));
  // In turn, and not kind by kind.
  return Array.from({ length: each }, (_, index) =>
    lines.map((messages) => JSON.stringify(messages[index])),
  ).flat();
}

/** Messages that do not fit any more, of all kinds alike. */
function refused(): readonly string[] {
  const kinds = Object.values(FROM_BALANCER);
  return kinds.flatMap(({ rule }) => {
    const lines = anyMutated(anyFitting(rule))
      .map((message) => JSON.stringify(message) ?? 'undefined')
      .filter((line) => !parseFromBalancer(line).ok);
    return fc.sample(lines, Math.ceil(REFUSED / kinds.length));
  });
}
