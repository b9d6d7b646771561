/**
 * The packet by which a client finds out whether its connection is there: one that is not ends, of both families; one that
 * is goes on, however often it is poked, and so does one that is just being opened from the same address and port.
 */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  hasProgram,
  Network,
  type NetworkNode,
  NODE_INTERFACE,
  whyNoNamespaces,
} from '../../kit/network.ts';
import { judged } from '../../kit/time-verdict.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;
const VIPS = ['10.99.0.94', 'fd00:99::94'] as const;
const PORT = 8443;

const SERVER = `require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(${PORT}, '::', () => console.log('up'))`;

/** Lists its connections at the port, and pokes those on its standard input ("VIP KEY" in latin1 hex) as often as told. */
const POKER = `
import { ConnectionLister } from ${JSON.stringify(resolve('src/linux/socket-diag.ts'))};
import { Poker } from ${JSON.stringify(resolve('src/guardian/clients/poker.ts'))};
const [what, times, ...given] = process.argv.slice(1);
const lines = [];
const poker = new Poker(() => false, (level, text) => lines.push(level + ' ' + text));
if (what === 'list') {
  const dump = new ConnectionLister();
  dump.begin(true, ${PORT});
  const all = [];
  for (let some = dump.next(); some !== null; some = dump.next()) all.push(...some);
  console.log(all.map(({ local, remote, remotePort }) => [local, remote + remotePort].map((one) => Buffer.from(one, 'latin1').toString('hex')).join()).join(' '));
} else {
  const text = (hex) => Buffer.from(hex, 'hex').toString('latin1');
  const pairs = given.map((one) => one.split(',').map(text));
  for (let time = 0; time < Number(times); time++) {
    for (const vip of new Set(pairs.map(([vip]) => vip))) {
      poker.poke({ vip, port: ${PORT} }, [${PORT}], pairs.filter(([own]) => own === vip).map(([, key]) => key));
    }
    await new Promise((done) => setTimeout(done, 20));
  }
  const wait = setInterval(() => {}, 1000);
  setTimeout(() => { clearInterval(wait); poker.close(); console.log(JSON.stringify([poker.sent, poker.problem, lines])); }, 3200);
}
`;

/**
 * Opens `count` connections to each host. Of "silent" it says when each ends; of "busy" each sends numbers without end and
 * wants them back; of "anew" each begins again and again from its own port.
 */
const CLIENT = `
const net = require('node:net');
const [how, count, ...hosts] = process.argv.slice(1);
let open = 0, closed = 0, echoed = 0, wrong = 0, resets = 0, opened = 0;
const counts = () => JSON.stringify({ open, closed, echoed, wrong, resets, opened });
function start(host, localPort) {
  const socket = net.connect({ host, port: ${PORT}, ...(localPort ? { localPort } : {}) });
  let sent = 0, got = '';
  socket.on('error', (error) => { if (error.code === 'ECONNRESET') resets++; });
  socket.on('connect', () => { open++; opened++; if (how !== 'silent') socket.write(sent++ + ','); });
  socket.on('data', (data) => {
    got += data;
    const end = got.lastIndexOf(',');
    if (end < 0) return;
    for (const one of got.slice(0, end).split(',')) { echoed++; if (Number(one) !== sent - 1) wrong++; }
    got = got.slice(end + 1);
    if (how === 'anew' && sent > 2) socket.resetAndDestroy();
    else setTimeout(() => socket.write(sent++ + ','), 1);
  });
  socket.on('close', () => { open--; closed++; if (how === 'anew') setTimeout(start, 2, host, localPort); });
}
for (const host of hosts) for (let n = 0; n < Number(count); n++) start(host, how === 'anew' ? 20000 + n : 0);
process.on('message', () => process.send(counts()));
process.on('disconnect', () => process.exit());
`;

type Counts = {
  readonly open: number;
  readonly closed: number;
  readonly echoed: number;
  readonly wrong: number;
  readonly resets: number;
  readonly opened: number;
};

describe('A poke', { skip, timeout: 300_000 }, () => {
  let network: Network;
  let client: NetworkNode;
  let one: NetworkNode;
  let other: NetworkNode;

  before(async () => {
    network = await Network.create();
    client = await network.addNode('client', '10.99.0.1/24');
    one = await network.addNode('one', '10.99.0.2/24');
    other = await network.addNode('other', '10.99.0.3/24');
    for (const [index, node] of [client, one, other].entries()) {
      await node.ip('addr', 'add', `fd00:99::${index + 1}/64`, 'dev', NODE_INTERFACE, 'nodad');
    }
    await Promise.all([one, other].map(serve));
  });
  after(() => network?.close());

  async function serve(node: NetworkNode): Promise<void> {
    const child = node.spawn(process.execPath, ['-e', SERVER], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout?.on('data', (text) => {
      said += text;
    });
    await waitUntil('a server listens', () => said.includes('up'));
  }

  async function giveVips(to: NetworkNode): Promise<void> {
    for (const node of [one, other]) {
      for (const vip of VIPS) {
        if (await node.holds(vip))
          await node.ip(
            'addr',
            'del',
            `${vip}/${vip.includes(':') ? 64 : 24}`,
            'dev',
            NODE_INTERFACE,
          );
      }
    }
    for (const vip of VIPS) {
      const more = vip.includes(':') ? ['nodad'] : [];
      await to.ip(
        'addr',
        'add',
        `${vip}/${vip.includes(':') ? 64 : 24}`,
        'dev',
        NODE_INTERFACE,
        ...more,
      );
    }
    // What gratuitous ARP does.
    await client.ip('neigh', 'flush', 'all');
  }

  function clients(
    how: string,
    count: number,
  ): { child: ChildProcess; counts: () => Promise<Counts> } {
    const child = client.spawn(process.execPath, ['-e', CLIENT, how, `${count}`, ...VIPS], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const counts = () =>
      new Promise<Counts>((done) => {
        child.once('message', (text) => done(JSON.parse(String(text))));
        child.send('counts');
      });
    return { child, counts };
  }

  const run = (node: NetworkNode, ...args: readonly string[]) =>
    node.run(process.execPath, ['--input-type=module', '-e', POKER, ...args]);

  async function connectionsOf(node: NetworkNode): Promise<string[]> {
    const { stdout, stderr } = await run(node, 'list', '0');
    assert.equal(stderr, '');
    return stdout.trim().split(' ').filter(Boolean);
  }

  it('ends connections that went with another node, of both families', async (t) => {
    await judged(t, async (attempt) => {
      await giveVips(one);
      const { child, counts } = clients('silent', 20);
      await waitUntil('all are open', async () => (await counts()).open === 40);
      const list = await connectionsOf(one);
      assert.equal(list.length, 40);
      await giveVips(other);
      const from = performance.now();
      const poked = run(other, 'poke', '1', ...list);
      await waitUntil('all know', async () => (await counts()).resets === 40);
      attempt.atMost(performance.now() - from, 3000, 'with the start of a program, all knew after');
      const { stdout, stderr } = await poked;
      assert.equal(stderr, '');
      assert.deepEqual(JSON.parse(stdout), [160, null, []]);
      child.kill('SIGKILL');
    });
  });

  it('counts as sent only where no firewall of its own refuses it, and is told of once', async (t) => {
    if (!hasProgram('nft')) return t.skip('No program "nft"');
    // 10.99.0.94 to 10.99.0.1, fd00:99::94 to fd00:99::1; each at port 40000.
    const list = [
      '0a63005e,0a6300019c40',
      `fd00${'0099'}${'0'.repeat(20)}0094,fd00${'0099'}${'0'.repeat(20)}00019c40`,
    ];
    const rules = 'add table inet t; add chain inet t o { type filter hook output priority 0; }';
    const refuse = 'add rule inet t o ip saddr 10.99.0.94 drop';
    assert.equal((await one.run('nft', [`${rules}; ${refuse}`])).code, 0);
    t.after(() => one.run('nft', ['delete', 'table', 'inet', 't']));
    const { stdout, stderr } = await run(one, 'poke', '1', ...list);
    assert.equal(stderr, '');
    const [sent, problem, lines] = JSON.parse(stdout);
    assert.deepEqual([sent, problem], [4, '4 pokes could not be sent: EPERM']);
    assert.equal(lines.length, 1, lines.join());
    assert.match(
      lines[0],
      /^warning Clients whose connections went .* cannot all be told .*: EPERM$/,
    );
  });

  it('harms no connection that is there, and none that is being opened', async () => {
    await giveVips(one);
    const busy = clients('busy', 20);
    await waitUntil('all are open', async () => (await busy.counts()).open === 40);
    const list = await connectionsOf(one);
    // The same addresses and ports again and again, each for some milliseconds.
    const anew = clients('anew', 20);
    await waitUntil('they come again and again', async () => (await anew.counts()).opened > 200);
    const hex = (vip: string): string =>
      list.find((each) => (vip.includes(':') ? each.length > 40 : each.length < 40)) ?? '';
    const ports = Array.from({ length: 20 }, (_, n) => (20_000 + n).toString(16));
    const theirs = VIPS.flatMap((vip) => ports.map((port) => hex(vip).slice(0, -4) + port));
    const before = await anew.counts();
    const { stdout, stderr } = await run(one, 'poke', '50', ...list, ...theirs);
    assert.equal(stderr, '');
    const [sent, problem] = JSON.parse(stdout);
    assert.equal(problem, null);
    assert.ok(sent >= 50 * 80 * 4, `${sent}`);
    const [kept, again] = [await busy.counts(), await anew.counts()];
    assert.deepEqual([kept.open, kept.closed, kept.wrong], [40, 0, 0]);
    assert.ok(kept.echoed > 1000, `${kept.echoed}`);
    assert.deepEqual([again.resets, again.wrong], [0, 0]);
    assert.ok(again.opened > before.opened + 200, `${again.opened}`);
    for (const { child } of [busy, anew]) child.kill('SIGKILL');
  });
});
