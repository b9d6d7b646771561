/**
 * Reloads with real processes: what clients feel of them, what is refused, and that spare and VIP follow.
 * 250 new connections a second and 20 open ones stand for the traffic of a cluster.
 */

import assert from 'node:assert/strict';
import {
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
import type { StatusReport } from '../../src/stats/status.ts';
import { hearsKernel } from '../kit/address-watch.ts';
import { type CommandResult, Network, type NetworkNode, whyNoNamespaces } from '../kit/network.ts';
import { askStatus, lookAtStatus } from '../kit/status.ts';
import { judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const skip = whyNoNamespaces() ?? false;
const VIP = '10.99.0.100';
const NEW_VIP = '10.99.0.101';

/**
 * 20 connections that say a word every 50 ms, and once all of them were heard, of which a line tells, new ones every
 * 4 ms to the address given; SIGTERM: a line of JSON, once the last one is answered or lost.
 */
const CLIENT = `
const net = require('node:net');
const host = process.argv[1];
let sent = 0, answered = 0, cut = 0, heard = 0, isLastOver = true, last = performance.now(), gap = 0;
const ok = () => { const now = performance.now(); answered++; gap = Math.max(gap, now - last); last = now; };
const ask = () => {
  const number = ++sent;
  isLastOver = false;
  const socket = net.connect({ port: 8443, host }, () => socket.write('x'));
  socket.once('data', () => { ok(); socket.end(); });
  socket.on('error', () => {});
  socket.on('close', () => { isLastOver ||= number === sent; });
};
let timer;
const silent = new Set(Array.from({ length: 20 }, (_, at) => at));
const open = [...silent].map((at) => {
  const socket = net.connect(8443, host);
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    heard += bytes.length;
    silent.delete(at);
    if (silent.size > 0 || timer !== undefined) return;
    last = performance.now();
    timer = setInterval(ask, 4);
    console.log('all are open');
  });
  socket.on('close', () => { cut++; });
  return socket;
});
setInterval(() => { for (const socket of open) socket.write('y'); }, 50);
process.on('SIGTERM', () => {
  clearInterval(timer);
  const stoppedAt = performance.now();
  const tell = () => {
    if (!isLastOver && performance.now() - stoppedAt < 10000) return setTimeout(tell, 20);
    console.log(JSON.stringify({ sent, failed: sent - answered, cut, heard, gap }));
    process.exit();
  };
  setTimeout(tell, 300);
});
`;

const SERVER = `for (const port of [6443, 6444]) require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(port)`;

const haproxy = (lines = '', client = '1h') => `global
    stats socket FOLDER/haproxy.sock mode 600 level admin
defaults
    mode tcp
    timeout connect 1s
    timeout client ${client}
    timeout server 1h
listen kube-api
    bind :8443
    balance roundrobin
    server one 127.0.0.1:6443
${lines}`;

const keepalived = (priority: number, more = '') => `vrrp_instance VI_1 {
    state BACKUP
    interface ens192
    virtual_router_id 51
    version 3
    advert_int 0.1
    priority ${priority}
    virtual_ipaddress {
        ${VIP}/24
        ${more}
    }
}
`;

class Host {
  readonly node: NetworkNode;
  readonly folder: string;
  readonly #priority: number;

  constructor(node: NetworkNode, priority: number) {
    this.node = node;
    this.folder = mkdtempSync(join(tmpdir(), 'evergate-reload-'));
    this.#priority = priority;
  }

  async start(): Promise<void> {
    this.haproxy(haproxy());
    this.keepalived(keepalived(this.#priority));
    this.node.spawn(process.execPath, ['-e', SERVER]);
    const files = [
      '--haproxy',
      this.path('haproxy.cfg'),
      '--keepalived',
      this.path('keepalived.conf'),
    ];
    const log = openSync(this.path('log'), 'a');
    const args = ['run', ...files, '--run-dir', this.folder];
    this.node.spawn(EVERGATE, args, { stdio: ['ignore', 'ignore', log] });
    closeSync(log);
    await waitUntil('it is up', () => lookAtStatus(this.folder));
  }

  async stop(): Promise<void> {
    const guardian = Number(readFileSync(this.path('guardian.pid'), 'utf8'));
    process.kill(guardian, 'SIGTERM');
    await waitUntil('it stops', () => !existsSync(`/proc/${guardian}`));
    rmSync(this.folder, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  haproxy(text: string): void {
    writeFileSync(this.path('haproxy.cfg'), text.replace('FOLDER', this.folder));
  }

  keepalived(text: string): void {
    writeFileSync(this.path('keepalived.conf'), text);
  }

  log(): string {
    return readFileSync(this.path('log'), 'utf8');
  }

  reload(): Promise<CommandResult> {
    return this.node.run(EVERGATE, ['reload', '--run-dir', this.folder]);
  }

  /** Reloads, which must not be refused; what has changed. */
  async reloaded(): Promise<readonly string[]> {
    const { code, stdout, stderr } = await this.reload();
    assert.equal(code, 0, stderr);
    return stdout.trim().split('\n');
  }

  status(): Promise<StatusReport> {
    return askStatus(this.folder);
  }

  /** `restarts`: after that many of the balancer, at least. */
  spareIsReady(restarts = 0): Promise<StatusReport> {
    return waitUntil(
      'a spare is ready',
      async () => {
        const report = await this.status();
        const { balancer } = report;
        const isReady = balancer?.state === 'serving' && balancer.spare.state === 'ready';
        return isReady && balancer.restarts >= restarts ? report : null;
      },
      100,
    );
  }

  holds(address: string): Promise<boolean> {
    return this.node.holds(address);
  }

  /** What a word sent to the port comes back as. */
  async says(port: number): Promise<string> {
    const address = `TCP:127.0.0.1:${port}`;
    const script = `echo hello | timeout 30 socat -t 20 - ${address}`;
    return (await this.node.run('sh', ['-c', script])).stdout.trim();
  }
}

describe('A reload', { skip, timeout: 300_000 }, () => {
  let network: Network;
  let one: Host;
  let two: Host;
  let outside: NetworkNode;

  before(async () => {
    network = await Network.create();
    one = new Host(await network.addNode('one', '10.99.0.1/24'), 200);
    two = new Host(await network.addNode('two', '10.99.0.2/24'), 150);
    outside = await network.addNode('outside', '10.99.0.9/24');
    await one.start();
    await two.start();
    await waitUntil('the first node is master', () => one.holds(VIP));
    await one.spareIsReady();
  });
  after(async () => {
    await one?.stop();
    await two?.stop();
    network?.close();
  });

  type Felt = { sent: number; failed: number; cut: number; heard: number; gap: number };

  /** What clients of the VIP see while `action` runs. */
  async function felt(action: () => Promise<void>): Promise<Felt> {
    const client = outside.spawn(process.execPath, ['-e', CLIENT, VIP], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said: string[] = [];
    client.stdout?.setEncoding('utf8').on('data', (text: string) => said.push(text));
    await waitUntil('traffic flows', () => said.join('').includes('all are open\n'));
    await action();
    client.kill('SIGTERM');
    const told = await waitUntil('the client reports', () => /\{.*\}/.exec(said.join(''))?.[0]);
    return JSON.parse(told);
  }

  it('costs no connection, new or open, whatever changes around it', async (t) => {
    const { failed, cut, heard, sent, gap } = await felt(async () => {
      for (let turn = 0; turn < 10; turn++) {
        const other = turn % 2 === 0 ? '    server two 127.0.0.1:6444 backup\n' : '';
        const port =
          turn % 3 === 0 ? 'listen other\n    bind :9443\n    server one 127.0.0.1:6443\n' : '';
        one.haproxy(haproxy(other + port, `${turn + 2}h`));
        one.keepalived(keepalived(200, turn % 2 === 0 ? `${NEW_VIP}/24` : ''));
        const changes = await one.reloaded();
        assert.ok(changes.length >= 2, changes.join('\n'));
        await waitUntil('the new address is as asked', async () => {
          return (await one.holds(NEW_VIP)) === (turn % 2 === 0);
        });
      }
    });
    t.diagnostic(
      `${sent} new connections, ${failed} failed, ${cut} cut, longest gap ${gap.toFixed()} ms`,
    );
    assert.ok(sent > 200 && heard > 200);
    assert.deepEqual({ failed, cut }, { failed: 0, cut: 0 });
  });

  it('refuses a wrong file with its place, and what ran before runs on', async () => {
    one.haproxy(haproxy());
    one.keepalived(keepalived(200));
    await one.reloaded();
    assert.deepEqual(await one.reloaded(), ['Nothing has changed']);
    one.haproxy(haproxy('    sever two 127.0.0.1:6444\n'));
    const { failed, cut } = await felt(async () => {
      const { code, stdout, stderr } = await one.reload();
      assert.equal(code, 1);
      assert.equal(stdout, '');
      assert.match(stderr, /haproxy\.cfg:12:5: error: .*"sever".*\n.*what ran before goes on/);
    });
    assert.deepEqual({ failed, cut }, { failed: 0, cut: 0 });
    const report = await one.status();
    assert.match(report.configuration.refused?.reason ?? '', /haproxy\.cfg:12:5/);
    assert.match(report.notes.join(), /was refused.*haproxy\.cfg:12:5/);
    assert.equal(report.verdict, 'healthy');
  });

  it('refuses what this machine cannot carry, before anything is changed', async () => {
    const busy = 'listen busy\n    bind :7443\n    bind :6443\n    server one 127.0.0.1:6444\n';
    one.haproxy(haproxy(busy));
    const port = await one.reload();
    assert.equal(port.code, 1);
    assert.match(port.stderr, /haproxy\.cfg:14: Address \S*:6443 is in use by process \d+/);
    assert.equal(await one.says(7443), '');
    one.haproxy(haproxy());
    one.keepalived(keepalived(200).replace('ens192', 'ens193'));
    const device = await one.reload();
    assert.equal(device.code, 1);
    assert.match(device.stderr, /interface "ens193", which does not exist/);
    assert.equal(await one.holds(VIP), true);
    one.keepalived(keepalived(200));
    await one.reloaded();
    assert.equal((await one.status()).configuration.refused, null);
  });

  it('opens and closes ports, by SIGHUP too, and the runtime socket tells what came of it', async () => {
    const other = 'listen other\n    bind :9443\n    server one 127.0.0.1:6443\n';
    one.haproxy(haproxy(other));
    const before = (await one.status()).configuration.reloads;
    process.kill(Number(readFileSync(one.path('guardian.pid'), 'utf8')), 'SIGHUP');
    await waitUntil(
      'SIGHUP is obeyed',
      async () => {
        return (await one.status()).configuration.reloads === before + 1;
      },
      50,
    );
    assert.equal(await one.says(9443), 'hello');
    one.haproxy(haproxy(other.replace('9443', '9444')));
    const socket = `echo reload | socat -t 5 - UNIX:${one.path('haproxy.sock')}`;
    const { stdout } = await one.node.run('sh', ['-c', socket]);
    assert.match(stdout, /^Success=1\n--\n.*bind \S*:9444 added\n.*bind \S*:9443 removed\n/);
    assert.equal(await one.says(9443), '');
    assert.equal(await one.says(9444), 'hello');
    // From all of the address to a part of it.
    one.haproxy(haproxy(other.replace(':9443', '127.0.0.1:9444')));
    await one.reloaded();
    assert.equal(await one.says(9444), 'hello');
  });

  it('reaches the spare: it serves the new configuration when the balancer is killed', async () => {
    const other = 'listen other\n    bind :9445\n    server one 127.0.0.1:6443\n';
    const { balancer } = await one.spareIsReady();
    one.haproxy(haproxy(other));
    await one.reloaded();
    assert.equal((await one.status()).balancer?.spare.pid, balancer?.spare.pid);
    process.kill(balancer?.pid ?? 0, 'SIGKILL');
    const after = await one.spareIsReady((balancer?.restarts ?? 0) + 1);
    assert.equal(after.balancer?.pid, balancer?.spare.pid);
    assert.equal(await one.says(9445), 'hello');
    assert.equal(await one.says(9444), '');
  });

  it('resets the sessions of a server that goes, and no others', async () => {
    one.haproxy(haproxy('    server two 127.0.0.1:6444\n'));
    await one.reloaded();
    const { cut, heard } = await felt(async () => {
      one.haproxy(haproxy());
      const lines = await one.reloaded();
      assert.match(lines.join('\n'), /server kube-api\/two removed\n1\d connections .* were reset/);
    });
    assert.equal(cut, 10);
    assert.ok(heard > 0);
  });

  it('moves the VIP when it makes another node the better one', async (t) => {
    await judged(t, async (attempt) => {
      one.keepalived(keepalived(200));
      await one.reload();
      await waitUntil('the first node is master', () => one.holds(VIP));
      await waitUntil('and the only one', async () => !(await two.holds(VIP)));
      const { sent, failed, gap } = await felt(async () => {
        one.keepalived(keepalived(100));
        await one.reloaded();
        await waitUntil('the other node is master', () => two.holds(VIP));
        await waitUntil('and the only one', async () => !(await one.holds(VIP)));
      });
      t.diagnostic(`${failed} of ${sent} new connections failed, longest gap ${gap.toFixed()} ms`);
      // Those that were inside the node which had it; what comes later goes to the other.
      attempt.holds(failed <= 2, `${failed} connections failed`);
    });
  });

  it('lets instances come and go, and takes no address away that stays', async () => {
    const notify = (name: string) =>
      `    notify "/bin/sh ${one.path('notify.sh')} ${name}" root\n}\n`;
    const second = keepalived(200)
      .replace('VI_1', 'VI_2')
      .replace('router_id 51', 'router_id 52')
      .replace(VIP, '10.99.0.102');
    writeFileSync(one.path('notify.sh'), `echo "$*" >> ${one.path('notified')}\n`);
    one.keepalived(keepalived(200));
    await one.reloaded();
    await waitUntil('the VIP is back', () => one.holds(VIP));
    const monitor = one.node.spawn('ip', ['monitor', 'address'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await hearsKernel(monitor);
    let events = '';
    monitor.stdout?.setEncoding('utf8').on('data', (text: string) => {
      events += text;
    });
    one.keepalived(keepalived(200) + second.replace(/}\n$/, notify('added')));
    assert.deepEqual(await one.reloaded(), ['VRRP instance VI_2 added']);
    await waitUntil('the new instance is master', () => one.holds('10.99.0.102'));
    one.keepalived(keepalived(200).replace(/}\n$/, notify('kept')));
    const changes = await one.reloaded();
    assert.deepEqual(changes, [
      'VRRP instance VI_1: notify scripts changed',
      'VRRP instance VI_2 removed',
    ]);
    assert.equal(await one.holds('10.99.0.102'), false);
    const states = (await one.status()).vrrp.map(({ name, state }) => `${name} ${state}`);
    assert.deepEqual(states, ['VI_1 master']);
    const notified = () =>
      existsSync(one.path('notified')) && readFileSync(one.path('notified'), 'utf8');
    await waitUntil('the last word of the instance', () => String(notified()).includes('STOP'));
    assert.match(String(notified()), /added INSTANCE VI_2 MASTER 200\nadded INSTANCE VI_2 STOP/);
    assert.doesNotMatch(String(notified()), /kept/);
    await waitUntil('the kernel told of it', () => events.includes('10.99.0.102/32'));
    assert.doesNotMatch(events, new RegExp(`Deleted.*${VIP}/`));
  });

  it('brings another router id to one node after the other, and leaves none of them out', async () => {
    const other = (priority: number) =>
      keepalived(priority).replace('router_id 51', 'router_id 52');
    const state = async (host: Host) => (await host.status()).vrrp[0]?.state;
    two.keepalived(other(150));
    await two.reloaded();
    // For it the owner is a stranger now, until that one's file is changed, too.
    await waitUntil('the second node stays out', async () => (await state(two)) === 'fault');
    assert.equal(await one.holds(VIP), true);
    one.keepalived(other(200));
    await one.reloaded();
    await waitUntil('the first node is master again', async () => (await state(one)) === 'master');
    await waitUntil('the second stands by', async () => (await state(two)) === 'backup', 100);
    assert.equal(await two.holds(VIP), false);
    for (const [host, priority] of [
      [one, 200],
      [two, 150],
    ] as const) {
      host.keepalived(keepalived(priority));
      await host.reloaded();
    }
    await waitUntil('all is as before', async () => {
      return (await state(one)) === 'master' && (await state(two)) === 'backup';
    });
  });

  it('takes what is newly tracked to be well until its first word', async () => {
    writeFileSync(one.path('ok'), '0\n');
    const tracked = `vrrp_track_file ok {\n    file ${one.path('ok')}\n}\n`;
    const own = keepalived(200).replace(
      /}\n$/,
      '    track_file {\n        ok weight 0\n    }\n}\n',
    );
    one.keepalived(tracked + own);
    const before = one.log().length;
    const { failed } = await felt(async () => {
      await one.reloaded();
      await waitUntil(
        'the file is read',
        async () => {
          return (await one.status()).scripts.some(({ passing }) => passing === true);
        },
        50,
      );
    });
    assert.equal(failed, 0);
    assert.equal(await one.holds(VIP), true);
    assert.doesNotMatch(one.log().slice(before), /VI_1: master ->/);
  });

  it('says when there is nobody to ask, and takes no arguments', async () => {
    const nobody = await one.node.run(EVERGATE, ['reload', '--run-dir', join(one.folder, 'none')]);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /^evergate: error: Evergate is not running with .*\[not-running\]/);
    const wrong = await one.node.run(EVERGATE, ['reload', 'now']);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /^evergate: error: too many arguments/);
    const help = await one.node.run(EVERGATE, ['reload', '--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /the exit code is 1/);
  });
});
