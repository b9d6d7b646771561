/**
 * What a service manager hears of a real node over NOTIFY_SOCKET (sd_notify(3)), in place of systemd, and the signal by
 * which a restart leaves everything to the next process.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { BALANCER_TITLE } from '../../src/contracts/run-directory.ts';
import { commandOf, hasEnded } from '../../src/guardian/process-table.ts';
import { openListener } from '../../src/linux/sockets.ts';
import { freePort } from '../kit/free-port.ts';
import { childrenOf } from '../kit/guardian-cluster.ts';
import { hasProgram } from '../kit/network.ts';
import { judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

const WATCHDOG_MS = 400;
const PLAIN = { v6only: false, reusePort: false };

const skip = hasProgram('socat') ? false : 'socat missing';

describe('A node under a service manager', { skip, timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'eg-notify-'));
  const config = join(folder, 'haproxy.cfg');
  const runDir = join(folder, 'run');
  let echo: Server;
  let port = 0;
  let started: ChildProcess[] = [];
  /** Who listens where; it has the descriptors that it was sent. */
  const managers = new Map<string, ChildProcess>();

  before(async () => {
    echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    port = await freePort();
    writeFileSync(config, configuration(port, (echo.address() as AddressInfo).port));
  });
  afterEach(() => {
    for (const child of started.reverse()) child.kill('SIGKILL');
    for (const role of ['balancer', 'spare', 'retired']) {
      const pid = pidOf(role);
      if (pid !== null && existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
    }
    started = [];
    rmSync(runDir, { recursive: true, force: true });
  });
  after(() => {
    echo.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Everything that is sent to the socket, each message on lines of its own. */
  async function listen(socket: string): Promise<() => string> {
    const [kind, name] = socket.startsWith('@') ? ['ABSTRACT', socket.slice(1)] : ['UNIX', socket];
    const child = spawn('socat', ['-u', `${kind}-RECV:${name}`, 'STDOUT'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    started.push(child);
    managers.set(socket, child);
    let heard = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    const names = () => readFileSync('/proc/net/unix', 'utf8');
    await waitUntil('somebody listens', () => names().includes(` ${socket}\n`));
    return () => heard;
  }

  /** Ends who listens there, and closes what it was sent. */
  async function forgetAll(socket: string): Promise<void> {
    managers.get(socket)?.kill('SIGKILL');
    await waitUntil('it has ended', () => managers.get(socket)?.signalCode);
  }

  /** `kept`: what the service manager has kept of the one before. */
  function start(
    socket: string,
    file = config,
    kept: readonly number[] = [],
  ): { readonly child: ChildProcess; readonly log: () => string } {
    const run = `LISTEN_PID=$$ exec bin/evergate run --haproxy ${file} --run-dir ${runDir}`;
    const child = spawn('sh', ['-c', run], {
      env: {
        ...process.env,
        NOTIFY_SOCKET: socket,
        WATCHDOG_USEC: String(WATCHDOG_MS * 1000),
        LISTEN_FDS: String(kept.length),
        LISTEN_FDNAMES: kept.map((_, at) => `kept${at}`).join(':'),
      },
      stdio: ['ignore', 'ignore', 'pipe', ...kept],
    });
    started.push(child);
    let log = '';
    child.stderr?.on('data', (chunk) => {
      log += chunk;
    });
    return { child, log: () => log };
  }

  function pidOf(role: string): number | null {
    const path = join(runDir, `${role}.pid`);
    return existsSync(path) ? Number(readFileSync(path, 'utf8')) : null;
  }

  it('says when it serves, how it is, that it lives, reloads and stops', async () => {
    const socket = join(folder, 'notify');
    const heard = await listen(socket);
    const { child } = start(socket);
    await waitUntil('it is ready', () => /^READY=1$/m.test(heard()));
    assert.equal(await answer(port), 'x', 'it serves when it says so');
    await waitUntil('it says how it is', () => /^STATUS=Healthy: .*1 of 1 servers/m.test(heard()));
    const fed = () => heard().match(/^WATCHDOG=1$/gm)?.length ?? 0;
    await waitUntil('the watchdog is fed', () => fed() >= 3);
    const spare = await waitUntil('a spare is there', () => pidOf('spare'));
    for (const pid of [pidOf('balancer'), spare]) {
      assert.doesNotMatch(readFileSync(`/proc/${pid}/environ`, 'utf8'), /NOTIFY|WATCHDOG/);
    }

    const before = heard().length;
    child.kill('SIGHUP');
    const reload = /^RELOADING=1\nMONOTONIC_USEC=(\d+)\n[\s\S]*?^READY=1$/m;
    const since = await waitUntil('it reloads', () => reload.exec(heard().slice(before))?.[1]);
    const uptimeUs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1e6;
    assert.ok(Math.abs(Number(since) - uptimeUs) < 60e6, `CLOCK_MONOTONIC: ${since}`);

    child.kill('SIGTERM');
    assert.equal(await exitOf(child), 0);
    assert.match(heard(), /^STOPPING=1$/m);
  });

  it('has the errors of a refused reload in the journal once', async () => {
    const socket = join(folder, 'notify-reload');
    const heard = await listen(socket);
    const file = join(folder, 'changed.cfg');
    writeFileSync(file, readFileSync(config));
    const { child, log } = start(socket, file);
    await waitUntil('it is ready', () => /^READY=1$/m.test(heard()));
    writeFileSync(file, readFileSync(config, 'utf8').replace('bind', 'bnd'));
    const alone = reloadTo(join(folder, 'terminal'), false);
    assert.match(alone, /changed\.cfg:7:5: error: .*"bnd"/);
    await waitUntil('the guardian tells it', () => log().includes('"bnd"'));
    const journal = reloadTo(join(folder, 'journal'), true);
    assert.equal(
      journal,
      'evergate: error: The reload was refused; what ran before goes on [refused]\n',
    );
    child.kill('SIGTERM');
    assert.equal(await exitOf(child), 0);
  });

  /** What a reload that is refused says, there. */
  function reloadTo(path: string, isJournal: boolean): string {
    const fd = openSync(path, 'w+');
    try {
      const { dev, ino } = fstatSync(fd);
      const { status } = spawnSync(resolve('bin/evergate'), ['reload', '--run-dir', runDir], {
        env: { ...process.env, ...(isJournal ? { JOURNAL_STREAM: `${dev}:${ino}` } : {}) },
        stdio: ['ignore', fd, fd],
      });
      assert.equal(status, 1);
      return readFileSync(path, 'utf8');
    } finally {
      closeSync(fd);
    }
  }

  it('tells the errors of its file once, then waits for another one', async () => {
    const socket = join(folder, 'notify-wrong');
    const heard = await listen(socket);
    const file = join(folder, 'wrong.cfg');
    const good = readFileSync(config, 'utf8');
    const wrong = good.replace('bind', 'bnd');
    const failed = async (): Promise<string> => {
      const { child, log } = start(socket, file);
      assert.equal(await exitOf(child), 1);
      await waitUntil('it says why', () => log().includes('[config-invalid]'));
      return log();
    };
    const waiting = async () => {
      // As after many starts: it waits longer than any machine takes for what follows.
      const note = join(runDir, 'refused-start');
      writeFileSync(note, readFileSync(note, 'utf8').replace(/^\d+/, '99'));
      const from = heard().length;
      const started = start(socket, file);
      await waitUntil('it waits', () =>
        /^STATUS=Does not serve, .* in \S*wrong\.cfg:\d+:\d+$/m.test(heard().slice(from)),
      );
      assert.match(heard().slice(from), /^EXTEND_TIMEOUT_USEC=\d+$/m);
      return started;
    };
    // What a service manager keeps from one start to the next.
    mkdirSync(runDir);
    writeFileSync(file, wrong);
    const told = await failed();
    assert.match(told, / error +"bnd".* \[unknown-directive\] in \S*wrong\.cfg:7:5\n/);
    assert.match(told, /The configuration has errors; nothing was started \[config-invalid\]$/m);
    const again = await failed();
    assert.match(
      again,
      /^evergate: error: Still: .* in \S*wrong\.cfg:\d+:\d+; .*\[config-invalid\]\n$/,
    );

    const ended = await waiting();
    ended.child.kill('SIGUSR2');
    assert.equal(await exitOf(ended.child), 0, 'a restart ends it in order');
    assert.equal(ended.log(), '');
    assert.match(await failed(), /"bnd"[\s\S]*The configuration has errors/, 'and is told again');

    const changed = await waiting();
    writeFileSync(file, good.replace('mode', 'mde'));
    assert.equal(await exitOf(changed.child), 1);
    assert.match(changed.log(), /"mde"[\s\S]*The configuration has errors/);

    const healed = await waiting();
    // A balancer that loads itself meanwhile may die, e.g. for want of memory: another one follows.
    const loaded = await waitUntil('its balancer is there', () => {
      return childrenOf(healed.child.pid ?? -1, 'balancer')[0];
    });
    process.kill(loaded, 'SIGKILL');
    await waitUntil('it has ended', () => hasEnded(loaded));
    writeFileSync(file, good);
    await waitUntil('it serves', () => /^READY=1$/m.test(heard()));
    assert.equal(await answer(port), 'x');
    assert.deepEqual(
      readdirSync(runDir).filter((name) => name.startsWith('refused')),
      [],
    );
    healed.child.kill('SIGTERM');
    assert.equal(await exitOf(healed.child), 0);
  });

  it('says once who has its port, then waits for it', async () => {
    const socket = join(folder, 'notify-busy');
    const heard = await listen(socket);
    const holder = createServer();
    holder.listen(port, '127.0.0.1');
    await once(holder, 'listening');
    const failed = async (): Promise<string> => {
      const { child, log } = start(socket);
      assert.equal(await exitOf(child), 1);
      await waitUntil('it says why', () => log().includes('[port-busy]'));
      return log();
    };
    mkdirSync(runDir);
    const busy = `haproxy\\.cfg:7: Address 127\\.0\\.0\\.1:${port} is in use by process ${process.pid} \\(`;
    assert.match(await failed(), new RegExp(`error: \\S*${busy}`));
    assert.match(await failed(), new RegExp(`^evergate: error: Still: \\S*${busy}.*\\n$`));
    const waiting = async () => {
      // As after many starts: it waits longer than any machine takes for what follows.
      const note = join(runDir, 'refused-start');
      writeFileSync(note, readFileSync(note, 'utf8').replace(/^\d+/, '99'));
      const from = heard().length;
      const started = start(socket);
      const says = () => /^STATUS=Does not serve, waits: .* is in use by process/m;
      await waitUntil('it waits', () => says().test(heard().slice(from)));
      return started;
    };
    const ended = await waiting();
    ended.child.kill('SIGTERM');
    assert.equal(await exitOf(ended.child), 0, 'it ends in order');
    assert.doesNotMatch(ended.log(), /in use/);
    assert.doesNotMatch(await failed(), /Still/, 'and the next one is as the first');
    const changed = await waiting();
    writeFileSync(config, readFileSync(config));
    assert.equal(await exitOf(changed.child), 1, 'another file is read by the next start');
    assert.match(await failed(), /in use/);
    const healed = await waiting();
    holder.close();
    await waitUntil('it serves', () => /^READY=1$/m.test(heard()));
    assert.equal(await answer(port), 'x');
    assert.deepEqual(
      readdirSync(runDir).filter((name) => name.startsWith('refused')),
      [],
    );
    healed.child.kill('SIGTERM');
    assert.equal(await exitOf(healed.child), 0);
  });

  it('takes over what the service manager has kept, and has the rest forgotten', async () => {
    const socket = join(folder, 'notify-kept');
    const heard = await listen(socket);
    const [there, gone] = [port, await freePort()].map((each) =>
      openListener({ kind: 'ipv4', host: '127.0.0.1', port: each }, PLAIN),
    );
    // Waits in the queue before anybody is there to accept it.
    const waits = answer(port);
    const { child, log } = start(socket, config, [there ?? -1, gone ?? -1]);
    for (const fd of [there, gone]) closeSync(fd ?? -1);
    await waitUntil('it is ready', () => /^READY=1$/m.test(heard()));
    assert.match(log(), /Takes listening sockets over from the service manager: 2/);
    assert.equal(await waits, 'x');
    assert.match(heard(), /^FDSTORE=1\nFDPOLL=0\nFDNAME=ip[!-9;-~]+$/m);
    assert.match(heard(), /^FDSTOREREMOVE=1\nFDNAME=kept1$/m);
    const from = heard().length;
    child.kill('SIGTERM');
    assert.equal(await exitOf(child), 0);
    assert.match(heard().slice(from), /^FDSTOREREMOVE=1\nFDNAME=ip[!-9;-~]+$/m);
  });

  /** In the place of a balancer whose guardian was killed, and with more patience; its socket is `listening`. */
  async function orphan(listening: number): Promise<ChildProcess> {
    const serve = `require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen({ fd: 3 })`;
    const code = `process.title = '${BALANCER_TITLE}'; ${serve}`;
    const child = spawn(process.execPath, ['-e', code], {
      stdio: ['ignore', 'ignore', 'inherit', listening],
    });
    started.push(child);
    await waitUntil('it passes for one', () => commandOf(child.pid ?? -1) === BALANCER_TITLE);
    mkdirSync(runDir);
    writeFileSync(join(runDir, 'balancer.pid'), `${child.pid}\n`);
    return child;
  }

  it('has the balancer of before serve, and its sockets kept, while a new port is busy', async (t) => {
    const socket = join(folder, 'notify-two');
    const heard = await listen(socket);
    const kept = openListener({ kind: 'ipv4', host: '127.0.0.1', port }, PLAIN);
    const before = await orphan(kept);
    const holder = createServer();
    t.after(() => {
      holder.close();
      closeSync(kept);
    });
    const busy = await freePort();
    holder.listen(busy, '127.0.0.1');
    await once(holder, 'listening');
    const file = join(folder, 'two-ports.cfg');
    const more = `    bind 127.0.0.1:${busy}\n`;
    writeFileSync(file, readFileSync(config, 'utf8').replace(/^ +server/m, `${more}$&`));

    const refused = start(socket, file, [kept]);
    assert.equal(await exitOf(refused.child), 1);
    await waitUntil('it says why', () => refused.log().includes('is in use'));
    assert.equal(await answer(port), 'x');
    const note = join(runDir, 'refused-start');
    writeFileSync(note, readFileSync(note, 'utf8').replace(/^\d+/, '99'));
    const next = start(socket, file, [kept]);
    await waitUntil('it waits', () => heard().includes('STATUS=Does not serve, waits'));
    assert.equal(await answer(port), 'x');
    assert.equal(before.signalCode, null);
    assert.doesNotMatch(heard(), /FDSTORE/);
    holder.close();
    await waitUntil('it is ready', () => /^READY=1$/m.test(heard()));
    const taken = /Takes listening sockets over from the service manager: 1/g;
    assert.equal(next.log().match(taken)?.length, 1, next.log());
    await waitUntil('it is relieved', () => next.log().includes(`Balancer ${before.pid} finishes`));
    next.child.kill('SIGTERM');
    assert.equal(await exitOf(next.child), 0);
  });

  for (const signal of ['SIGUSR2', 'SIGTERM'] as const) {
    it(`never says that it is ready where ${signal} ends its start, and takes nothing over`, async (t) => {
      const socket = join(folder, `notify-${signal}`);
      const heard = await listen(socket);
      const kept = openListener({ kind: 'ipv4', host: '127.0.0.1', port }, PLAIN);
      t.after(() => closeSync(kept));
      const before = await orphan(kept);
      const long = connect(port, '127.0.0.1').on('error', () => {});
      t.after(() => long.destroy());
      let echoed = '';
      long.on('data', (data) => {
        echoed += data;
      });
      const cancelled = start(socket, config, [kept]);
      const own = await waitUntil('its balancer is there', () => {
        return childrenOf(cancelled.child.pid ?? -1, 'balancer')[0];
      });
      // It will not come to serve, however fast the machine is.
      process.kill(own, 'SIGSTOP');
      await waitUntil('it takes over', () => pidOf('balancer') === own);
      cancelled.child.kill(signal);
      assert.equal(await exitOf(cancelled.child), 0, cancelled.log());
      assert.doesNotMatch(heard(), /READY|FDSTORE/);
      await waitUntil('its balancer has ended', () => hasEnded(own));
      assert.deepEqual([pidOf('balancer'), pidOf('retired')], [before.pid, null]);
      long.write('y');
      await waitUntil('the connection lives', () => echoed === 'y');
      const next = start(socket, config, [kept]);
      await waitUntil('the next is ready', () => /^READY=1$/m.test(heard()));
      await waitUntil('it relieves', () => next.log().includes(`Balancer ${before.pid} finishes`));
      assert.equal(await answer(port), 'x');
      next.child.kill('SIGTERM');
      assert.equal(await exitOf(next.child), 0);
    });
  }

  it('leaves connections to the next process on SIGUSR2', async (t) => {
    let attempts = 0;
    await judged(t, async (attempt) => {
      // In the abstract namespace, too, as containers have it.
      attempts += 1;
      const socket = `@eg-notify-${process.pid}-${attempts}`;
      let heard = await listen(socket);
      const first = start(socket);
      await waitUntil('it is ready', () => /^READY=1$/m.test(heard()));
      const long = connect(port, '127.0.0.1').on('error', () => {});
      let [echoed, cut] = ['', false];
      long.on('data', (data) => {
        echoed += data;
      });
      long.on('close', () => {
        cut = true;
      });
      long.write('x');
      await waitUntil('a connection is open', () => echoed === 'x');
      const balancer = pidOf('balancer');
      first.child.kill('SIGUSR2');
      assert.equal(await exitOf(first.child), 0);
      assert.match(first.log(), /SIGUSR2: leaves connections and VIP to the process that follows/);
      // One that keeps nothing: the sockets are in the balancer alone.
      await forgetAll(socket);
      heard = await listen(`${socket}-next`);
      const second = start(`${socket}-next`);
      await waitUntil('the next is ready', () => /^READY=1$/m.test(heard()));
      long.write('y');
      await waitUntil('an answer, or an end', () => cut || echoed === 'xy');
      const takenOver = second.log().includes(`listening sockets over from balancer ${balancer}`);
      assert.equal(await answer(port), 'x');
      long.destroy();
      second.child.kill('SIGTERM');
      await exitOf(second.child);
      await forgetAll(`${socket}-next`);
      // A balancer that is left alone waits for five seconds.
      attempt.holds(takenOver, 'The sockets were not taken over');
      attempt.holds(echoed === 'xy', 'The connection was cut');
    });
  });
});

/** Its code; null: a signal ended it. */
async function exitOf(child: ChildProcess): Promise<number | null> {
  await waitUntil('it ends', () => child.exitCode !== null || child.signalCode !== null);
  return child.exitCode;
}

function configuration(port: number, server: number): string {
  return `defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen echo
    bind 127.0.0.1:${port}
    server one 127.0.0.1:${server} check
`;
}

/** What comes back for an "x"; null: the connection fails. */
function answer(port: number): Promise<string | null> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('x'));
    socket.on('error', () => done(null)).on('close', () => done(null));
    socket.on('data', (data) => {
      done(String(data));
      socket.destroy();
    });
  });
}
