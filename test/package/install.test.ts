/**
 * The package on hosts that systemd has booted, beside a second host and a client: each command of docs/install.md, in
 * its order, and what the page says of it. `npm run test:package` makes the package first.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { Network, type NetworkNode } from '../kit/network.ts';
import { judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';
import { BootedDebian, type Done, whyNotBooted } from './booted-debian.ts';

const PAGE = 'docs/install.md';
/** Debian 12 and 13. */
const RELEASES = ['bookworm', 'trixie'] as const;
/** Upgrades and downgrades in a row, half of them each. */
const CHANGES = 20;
const VIP = '192.168.1.94';
const [deb = null] = globSync('packages/evergate_*_amd64.deb').sort().reverse();
const skip = deb === null ? 'no package; run npm run test:package' : whyNotBooted();

const CONFIG = `vip: ${VIP}/24
listen: 8443
nodes:
  k8s-master: 192.168.1.92
  k8s-node1: 192.168.1.93
servers:
  one: 192.168.1.200:6443
check:
  type: tcp
`;

const SERVER = `require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(6443)`;

/** 250 new connections a second, and one that is kept; a line of JSON when told to stop. */
const CLIENT = `
const net = require('node:net');
let [sent, answered, slowestMs, echoed, cut] = [0, 0, 0, 0, false];
const failures = {};
const long = net.connect(8443, '${VIP}', () => long.write('x'));
long.on('error', () => {}).on('close', () => { cut = true; }).on('data', () => { echoed++; });
const timer = setInterval(() => {
  if (sent % 50 === 0) long.write('x');
  sent++;
  const at = performance.now();
  let done = false;
  const socket = net.connect(8443, '${VIP}', () => socket.write('x'));
  socket.on('error', ({ code }) => { failures[code] = (failures[code] ?? 0) + 1; });
  socket.on('close', () => { if (!done) failures.closed = (failures.closed ?? 0) + 1; });
  socket.on('data', () => {
    done = true;
    answered++;
    slowestMs = Math.max(slowestMs, Math.round(performance.now() - at));
    socket.destroy();
  });
}, 4);
process.on('SIGTERM', () => {
  clearInterval(timer);
  echoed = 0;
  long.write('x');
  setTimeout(() => {
    console.log(JSON.stringify({ sent, failed: sent - answered, failures, slowestMs, kept: !cut && echoed > 0 }));
    process.exit();
  }, 5000);
});
console.log('up');
`;

const REQUEST = `
const socket = require('node:net').connect(8443, '${VIP}', () => socket.write('x'));
socket.on('data', () => process.exit(0)).on('error', () => process.exit(1));
`;

type Seen = {
  readonly sent: number;
  readonly failed: number;
  readonly slowestMs: number;
  readonly kept: boolean;
};

/** Lines of the page's shell blocks, in their order. */
const documented = [...readFileSync(PAGE, 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(
  ([, block = '']) => block.trim().split('\n'),
);

for (const release of RELEASES)
  describe(`The package on a booted host with ${release}`, { skip, timeout: 2_400_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'eg-package-'));
    const untried = new Set(documented);
    let network: Network;
    let host: BootedDebian;
    let peer: NetworkNode;
    let client: NetworkNode;
    let log = '';

    before(async () => {
      network = await Network.create();
      const node = await network.addNode('a', '192.168.1.92/24');
      peer = await network.addNode('b', '192.168.1.93/24');
      client = await network.addNode('client', '192.168.1.200/24');
      client.spawn(process.execPath, ['-e', SERVER]);
      host = await BootedDebian.boot(release, node.namespace);
      assert.ok(deb !== null);
      copyFileSync(deb, join(host.root, 'root/evergate.deb'));
      repack(deb, join(host.root, 'root/evergate-next.deb'), { version: '0.2.0~next-1' });
      repack(deb, join(host.root, 'root/evergate-other.deb'), { architecture: 'arm64' });
    });
    after(async () => {
      network?.close();
      await host?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    /** With another version or machine in its control file; not compressed, which is faster. */
    function repack(
      from: string,
      to: string,
      { version, architecture }: { readonly version?: string; readonly architecture?: string },
    ): void {
      const tree = join(folder, 'tree');
      execFileSync('dpkg-deb', ['--raw-extract', from, tree]);
      const control = join(tree, 'DEBIAN/control');
      let text = readFileSync(control, 'utf8');
      if (version !== undefined) text = text.replace(/^Version: .*$/m, `Version: ${version}`);
      if (architecture !== undefined)
        text = text.replace(/^(Architecture): .*$/m, `$1: ${architecture}`);
      writeFileSync(control, text);
      execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, to], {
        stdio: 'ignore',
      });
      rmSync(tree, { recursive: true });
    }

    /** A command of the page. */
    async function tried(line: string): Promise<Done> {
      assert.ok(documented.includes(line), `${PAGE} has no line "${line}"`);
      untried.delete(line);
      return await host.run(`cd /root; ${line}`);
    }

    async function succeeds(line: string): Promise<string> {
      const { code, text } = await tried(line);
      assert.equal(
        code,
        0,
        `${line}: ${text}\n${(await host.run('journalctl --no-pager -u evergate -n 40')).text}`,
      );
      return text;
    }

    async function told(line: string): Promise<string> {
      return (await host.run(line)).text.trim();
    }

    /** It has failed once, told so, and is quiet from then on; a start that is asked for now fails all the same. */
    async function waitsForItsFile(): Promise<void> {
      await waitUntil('it waits for its file', async () =>
        /Status: "Does not serve, waits for its files to change: .*evergate\.yaml:2:1/.test(
          await told('systemctl status --no-pager evergate'),
        ),
      );
      assert.match((await host.run('systemctl start evergate')).text, /failed/);
      const journal = await told('journalctl --no-pager -u evergate');
      assert.equal(journal.match(/The configuration has errors; nothing was started/g)?.length, 1);
      assert.ok(journal.split('\n').length < 50, journal);
    }

    function configure(text: string): void {
      writeFileSync(join(host.root, 'etc/evergate/evergate.yaml'), text);
    }

    async function load(): Promise<() => Promise<Seen>> {
      const child = client.spawn(process.execPath, ['-e', CLIENT], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      await waitUntil('the client runs', () => said !== '');
      return async () => {
        child.kill('SIGTERM');
        return JSON.parse(await waitUntil('it reports', () => /\{.*\}/.exec(said)?.[0]));
      };
    }

    /** How often the VIP came and went, as both hosts tell. */
    async function moves(): Promise<number> {
      const journal = await told('journalctl --no-pager -u evergate');
      return (
        `${journal}\n${log}`.match(/(?:backup|fault) -> master|master -> (?:backup|fault)/g)
          ?.length ?? 0
      );
    }

    /** The second host, which only has to be one of the nodes. */
    async function startPeer(): Promise<ChildProcess> {
      const file = join(folder, 'evergate.yaml');
      writeFileSync(file, `${CONFIG}vrrp:\n  key: ${join(folder, 'key')}\n`);
      const args = [
        'run',
        '--config',
        file,
        '--node',
        'k8s-node1',
        '--run-dir',
        join(folder, 'run'),
      ];
      const stdio: StdioOptions = ['ignore', 'ignore', 'pipe'];
      const child = peer.spawn(resolve('bin/evergate'), args, { stdio });
      const from = log.length;
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
      await waitUntil('it is a backup', () => log.slice(from).includes('-> backup'));
      return child;
    }

    async function endPeer(child: ChildProcess): Promise<void> {
      child.kill('SIGTERM');
      await waitUntil('it has ended', () => child.exitCode !== null || child.signalCode !== null);
    }

    /** How long it took, for the output. */
    async function timed<Value>(
      t: TestContext,
      step: string,
      run: () => Promise<Value>,
    ): Promise<Value> {
      const from = performance.now();
      const value = await run();
      t.diagnostic(`${release}: ${step}: ${Math.round(performance.now() - from)} ms`);
      return value;
    }

    /** One connection through the VIP that is answered. */
    async function asks(): Promise<void> {
      const child = client.spawn(process.execPath, ['-e', REQUEST], { stdio: 'ignore' });
      const [code] = await once(child, 'exit');
      assert.equal(code, 0, 'a request through the VIP is answered');
    }

    it('installs, and waits for its file', async (t) => {
      const { code, text } = await host.run('dpkg -i /root/evergate-other.deb');
      assert.notEqual(code, 0);
      assert.match(text, /package architecture \(arm64\) does not match system \(amd64\)/);
      await host.run('dpkg --purge evergate');
      assert.match(
        (await host.run('setpriv --reuid=1 dpkg -i /root/evergate.deb')).text,
        /requires superuser privilege/,
      );

      const said = await timed(t, 'apt-get install', () =>
        succeeds('apt-get install -y ./evergate.deb'),
      );
      assert.match(said, /Evergate starts when \/etc\/evergate\/evergate\.yaml is filled in/);
      assert.equal(await told('systemctl is-enabled evergate'), 'enabled');
      assert.match(
        await told('systemctl start evergate; systemctl status --no-pager evergate'),
        /start condition (?:failed|unmet)[\s\S]*evergate\.yaml is not filled in yet/,
      );
      assert.match(await told('evergate status'), /evergate\.yaml" is not filled in yet/);
      assert.match(
        await told('getent passwd evergate'),
        /^evergate:.*:\/nonexistent:\/usr\/sbin\/nologin$/,
      );
      assert.equal(await told('dpkg -V evergate'), '');
    });

    it('serves a few lines later', async (t) => {
      configure(CONFIG.replace('listen', 'lisen'));
      assert.match((await host.run('systemctl start evergate')).text, /failed/);
      assert.match(await told('journalctl --no-pager -u evergate'), / in \S*evergate\.yaml:2:1\n/);
      await waitsForItsFile();
      configure(CONFIG);
      await waitUntil(
        'it gets well by itself',
        async () => (await told('systemctl is-active evergate')) === 'active',
      );
      await host.run('systemctl stop evergate');
      const check = await timed(t, 'evergate check', () =>
        succeeds('evergate check --config /etc/evergate/evergate.yaml'),
      );
      assert.match(check, /^OK: /m);
      await timed(t, 'systemctl start', () => succeeds('systemctl start evergate'));
      await timed(t, 'from there to the VIP', () =>
        waitUntil('the VIP is here', async () => (await network.owners(VIP)).includes('a')),
      );
      await timed(t, 'the first request through the VIP', asks);
      const stop = await load();
      await waitUntil('systemd knows', async () =>
        /Status: "Healthy: master of 192\.168\.1\.94\/24; kube-apiserver: 1 of 1 servers/.test(
          await succeeds('systemctl status --no-pager evergate'),
        ),
      );
      assert.match(await succeeds('evergate status'), /healthy/i);
      assert.match(await succeeds('journalctl --no-pager -u evergate'), /backup -> master/);
      const seen = await stop();
      t.diagnostic(JSON.stringify(seen));
      assert.ok(seen.sent > 20);
      assert.ok(seen.kept, 'a request through the VIP is answered');
      const exposure = await told('systemd-analyze --no-pager security evergate | tail -1');
      t.diagnostic(exposure);
      assert.ok(
        Number(/level for evergate.service: ([\d.]+)/.exec(exposure)?.[1]) <= 3.0,
        exposure,
      );
      const balancer = await told(
        'ps -o user= -p $(cat /run/evergate/balancer.pid) 2>/dev/null || stat -c %U /proc/$(cat /run/evergate/balancer.pid)',
      );
      assert.equal(balancer, 'evergate');
      assert.doesNotMatch(
        await told('journalctl --no-pager -u evergate'),
        /more rights than it needs/,
      );
    });

    it('reloads, and refuses a wrong file', async () => {
      await succeeds('evergate key');
      configure(`${CONFIG}vrrp:\n  key: /etc/evergate/vrrp.key\n`);
      // Without a key a restart has 1.5 s to be there, which a busy machine may need longer for.
      assert.equal((await host.run('systemctl stop evergate; systemctl start evergate')).code, 0);
      configure(`${CONFIG}vrrp:\n  key: /etc/evergate/vrrp.key\nretries: 5\nstatus-group: adm\n`);
      await succeeds('systemctl reload evergate');
      assert.equal(await told('stat -c "%U %G %a" /run/evergate/status.sock'), 'root adm 660');
      assert.equal(await told('stat -c "%U %G %a" /run/evergate/events'), 'root adm 640');
      configure('nonsense');
      assert.notEqual((await tried('systemctl reload evergate')).code, 0);
      assert.match(
        await told('journalctl --no-pager -u evergate'),
        /reload was refused; what ran before goes on/,
      );
      assert.equal(await told('systemctl is-active evergate'), 'active');
      configure(`${CONFIG}vrrp:\n  key: /etc/evergate/vrrp.key\n`);
      await succeeds('systemctl reload evergate');
    });

    it('is upgraded and downgraded without a failed connection, and without a move of the VIP', async (t) => {
      copyFileSync(join(host.root, 'etc/evergate/vrrp.key'), join(folder, 'key'));
      const up = 'cd /root; apt-get install -y ./evergate-next.deb';
      const back = 'cd /root; apt-get install -y --allow-downgrades ./evergate.deb';
      const steps = [
        ['upgrade', () => succeeds('apt-get install -y ./evergate-next.deb')],
        ['downgrade', async () => assert.equal((await host.run(back)).code, 0)],
        ['restart', () => succeeds('systemctl restart evergate')],
      ] as const;
      let other: ChildProcess | null = null;
      const beginAnew = async (): Promise<void> => {
        // The last attempt may have left the VIP with it.
        if (other !== null) await endPeer(other);
        await waitUntil('the VIP is here', async () => (await network.owners(VIP)).join() === 'a');
        other = await startPeer();
      };
      await judged(t, async (attempt) => {
        await beginAnew();
        const before = await moves();
        for (const [step, run] of steps) {
          const stop = await load();
          await run();
          const seen = await stop();
          t.diagnostic(`${step}: ${JSON.stringify(seen)}`);
          attempt.holds(seen.failed === 0, `${step}: ${seen.failed} connections failed`);
          attempt.holds(seen.kept, `${step} cut the long connection`);
        }
        attempt.holds((await moves()) === before, 'the VIP moved');
      });
      await judged(t, async (attempt) => {
        await beginAnew();
        const before = await moves();
        const stop = await load();
        for (let change = 0; change < CHANGES; change += 1) {
          const to = change % 2 === 0 ? up : back;
          assert.equal((await host.run(to)).code, 0);
        }
        // The one that is kept ends with the second change.
        const { kept: _, ...seen } = await stop();
        const { failed } = seen;
        const moved = (await moves()) - before;
        t.diagnostic(`${release}: ${CHANGES} in a row: ${JSON.stringify({ ...seen, moved })}`);
        attempt.holds(failed === 0, `${CHANGES} in a row: ${failed} connections failed`);
        attempt.holds(moved === 0, `${CHANGES} in a row: the VIP moved`);
      });
      await succeeds('systemctl stop evergate');
      await waitUntil('the other host has the VIP', () =>
        network.owners(VIP).then((owners) => owners.join() === 'b'),
      );
      assert.ok(other !== null);
      await endPeer(other);
      assert.equal((await host.run('cd /root; apt-get install -y ./evergate-next.deb')).code, 0);
      assert.equal(await told('systemctl is-active evergate'), 'inactive');
      assert.equal((await host.run('systemctl start evergate')).code, 0);
    });

    it('goes on where dpkg is interrupted, and where the disk is full', async () => {
      const kill =
        'dpkg -i /root/evergate.deb >/dev/null 2>&1 & P=$!; until [ -e /usr/lib/evergate/dist/node-x64.dpkg-new ]; do sleep 0.01; done; kill -9 $P';
      await host.run(kill);
      assert.equal(await told('systemctl is-active evergate'), 'active');
      const again = await host.run('dpkg -i /root/evergate.deb');
      assert.equal(again.code, 0, again.text);
      assert.equal(await told('dpkg -V evergate'), '??5?????? c /etc/evergate/evergate.yaml');

      await host.run('fallocate -l $(( $(df --output=avail -B1 / | tail -1) - 60000000 )) /full');
      const full = await host.run('dpkg -i /root/evergate-next.deb');
      assert.notEqual(full.code, 0);
      assert.match(full.text, /No space left on device/);
      await host.run('rm /full');
      assert.equal(await told('dpkg -V evergate'), '??5?????? c /etc/evergate/evergate.yaml');
      assert.equal(
        await told('evergate --version'),
        JSON.parse(readFileSync('package.json', 'utf8')).version,
      );
      assert.equal(await told('systemctl is-active evergate'), 'active');
    });

    it('starts again where it was removed, and its file kept', async () => {
      assert.equal((await host.run('apt-get remove -y evergate')).code, 0);
      assert.equal(await told('ls /etc/evergate/evergate.yaml'), '/etc/evergate/evergate.yaml');
      const again = await host.run('cd /root; apt-get install -y ./evergate.deb');
      assert.equal(again.code, 0, again.text);
      assert.equal(await told('systemctl is-active evergate'), 'active');
    });

    it('leaves nothing behind', async () => {
      await succeeds('apt-get purge -y evergate');
      const left = await told(
        'find / -xdev -name "*evergate*" -not -path "/proc/*" -not -path "/root/*" -not -path "/var/log/*"',
      );
      assert.equal(left, '');
      assert.equal(await told('getent passwd evergate; getent group evergate'), '');
      assert.equal(await told('ls /proc/*/exe -l 2>/dev/null | grep evergate'), '');
      assert.equal((await network.owners(VIP)).length, 0);
      assert.deepEqual([...untried], [], `${PAGE} has commands that nothing tries`);
    });
  });
