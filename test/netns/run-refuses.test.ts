/**
 * Bad input to `evergate run`: one clear line, exit code 1, and nothing left behind in the namespace
 * (addresses, sockets, processes) or in the run directory.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Network, type NetworkNode, whyNoNamespaces } from '../kit/network.ts';
import { lookAtStatus } from '../kit/status.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
/** An account that nobody has. */
const STRANGER = 12_345;
const skip = whyNoNamespaces() ?? false;

describe('evergate run refuses', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let node: NetworkNode;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-refuses-'));
    network = await Network.create();
    node = await network.addNode('k8s-master', '192.168.1.92/24');
  });
  after(() => {
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  const haproxy = (port: number): string =>
    file(
      `haproxy-${port}.cfg`,
      `defaults
    mode tcp
    timeout connect 1s
    timeout client 1h
    timeout server 1h
listen kube-api
    bind 0.0.0.0:${port}
    server k8s-master 192.168.1.92:6443
`,
    );

  const keepalived = (name: string, device = 'ens192', more = ''): string =>
    file(
      name,
      `vrrp_instance VI_1 {
    state MASTER
    interface ${device}
    virtual_router_id 51
    priority 100
    virtual_ipaddress { 192.168.1.94/24 }
    ${more}
}
`,
    );

  const ipv4Addresses = async () =>
    (await node.addresses()).filter((address) => !address.includes(':'));

  /** Runs it to its end; asserts exit code 1 and that nothing is left; returns the last line it said. */
  async function refusal(args: readonly string[], prefix: readonly string[] = []): Promise<string> {
    const runDir = join(folder, 'run');
    const command = [...prefix, EVERGATE, 'run', ...args, '--run-dir', runDir];
    const [program = '', ...rest] = command;
    const sockets = (await node.run('ss', ['-Hlntuxp'])).stdout;
    const addresses = await ipv4Addresses();
    const done = await node.run(program, rest);
    assert.equal(done.code, 1, done.stderr);
    assert.deepEqual(await ipv4Addresses(), addresses);
    assert.equal((await node.run('ss', ['-Hlntuxp'])).stdout, sockets);
    assert.equal(existsSync(runDir), false);
    return done.stderr.trim().split('\n').at(-1) ?? '';
  }

  it('a file that does not parse', async () => {
    const broken = file('broken.cfg', 'frontend f\n    bnd :80\n');
    const line = await refusal(['--haproxy', broken]);
    assert.match(line, /The configuration has errors; nothing was started \[config-invalid\]$/);
  });

  it('a port in use, and names its owner', async () => {
    const occupant = node.spawn(process.execPath, [
      '-e',
      'process.title = "squatter"; require("net").createServer().listen(8443, () => console.log("up"))',
    ]);
    await waitUntil(
      'somebody listens on 8443',
      async () => (await node.run('ss', ['-Hlnt'])).stdout.includes(':8443'),
      50,
    );
    const line = await refusal(['--haproxy', haproxy(8443)]);
    assert.match(line, /haproxy-8443.cfg:\d+: Address 0.0.0.0:8443 is in use by process \d+/);
    assert.ok(line.includes(`process ${occupant.pid} ("squatter")`), line);
    const gone = once(occupant, 'exit');
    occupant.kill('SIGKILL');
    await gone;
  });

  it('an interface that does not exist, and names those that do', async () => {
    const line = await refusal([
      '--haproxy',
      haproxy(8444),
      '--keepalived',
      keepalived('eth9.conf', 'eth9'),
    ]);
    assert.match(line, /interface "eth9", which does not exist.*"ens192".*\[missing-interface\]$/);
  });

  it('a virtual address that a stranger answers for', async () => {
    const stranger = await network.addNode('stranger', '192.168.1.94/24');
    const line = await refusal([
      '--haproxy',
      haproxy(8445),
      '--keepalived',
      keepalived('taken.conf'),
    ]);
    assert.match(line, /192\.168\.1\.94.*([0-9a-f]{2}:){5}[0-9a-f]{2}.*\[address-taken\]$/);
    await stranger.ip('addr', 'del', '192.168.1.94/24', 'dev', 'ens192');
  });

  it('to take the virtual address from a keepalived that runs on the same machine', async () => {
    await node.ip('addr', 'add', '192.168.1.94/24', 'dev', 'ens192');
    const line = await refusal(['--keepalived', keepalived('beside.conf')]);
    assert.match(
      line,
      /192\.168\.1\.94 is on "ens192" already.*stop keepalived.*\[address-taken\]$/,
    );
    await node.ip('addr', 'del', '192.168.1.94/24', 'dev', 'ens192');
  });

  it('to speak VRRP without the right to open raw sockets', async () => {
    const unprivileged = ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw'];
    const line = await refusal(['--keepalived', keepalived('raw.conf')], unprivileged);
    assert.match(line, /CAP_NET_RAW.*\[no-raw-sockets\]$/);
  });

  it('a script account that does not exist', async () => {
    const script = `track_script { chk }
}
vrrp_script chk {
    script "/bin/true"
    user no-such-account`;
    const conf = keepalived('account.conf', 'ens192', script);
    const line = await refusal(['--keepalived', conf]);
    assert.match(line, /\[config-invalid\]$/);
  });

  it('a run directory that another guardian uses', async () => {
    const runDir = join(folder, 'busy');
    const args = ['run', '--haproxy', haproxy(8446), '--run-dir', runDir];
    const first = node.spawn(EVERGATE, args);
    await waitUntil('the first one is up', () => lookAtStatus(runDir));
    const second = await node.run(EVERGATE, [
      ...['run', '--haproxy', haproxy(8447), '--run-dir', runDir],
    ]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`guardian ${first.pid}\\).*\\[already-running\\]`));
    const gone = new Promise((done) => first.once('exit', done));
    first.kill('SIGTERM');
    assert.equal(await gone, 0);
    assert.equal(existsSync(runDir), false);
  });

  it('a run directory that another account owns, and follows none of its links', async () => {
    const runDir = join(folder, 'theirs');
    mkdirSync(runDir);
    writeFileSync(join(folder, 'precious'), 'precious');
    symlinkSync('../precious', join(runDir, 'guardian.pid'));
    chownSync(runDir, STRANGER, STRANGER);
    const args = ['run', '--haproxy', haproxy(8448), '--run-dir', runDir];
    const done = await node.run(EVERGATE, args);
    assert.equal(done.code, 1, done.stderr);
    const last = done.stderr.trim().split('\n').at(-1) ?? '';
    assert.match(last, /"[^"]*theirs" belongs to another account \(uid 12345\).*\[run-dir\]$/);
    assert.equal(readFileSync(join(folder, 'precious'), 'utf8'), 'precious');
    assert.deepEqual(readdirSync(runDir), ['guardian.pid']);
  });

  it('a full disk, wherever in its start it finds it', async (t) => {
    const disk = join(folder, 'disk');
    const runDir = join(disk, 'run');
    mkdirSync(disk);
    const fifo = `}\nglobal_defs {\nvrrp_notify_fifo ${join(runDir, 'fifo')}`;
    const conf = keepalived('full.conf', 'ens192', fifo);
    const args = ['run', '--haproxy', haproxy(8449), '--keepalived', conf, '--run-dir', runDir];
    /** What it said last; null: it came up. */
    const start = async (limit: string): Promise<string | null> => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', limit, 'tmpfs', disk]);
      try {
        const said: Buffer[] = [];
        const guardian = node.spawn(EVERGATE, args, { stdio: ['ignore', 'ignore', 'pipe'] });
        guardian.stderr?.on('data', (chunk: Buffer) => said.push(chunk));
        let code: number | null = null;
        guardian.once('close', (ended) => {
          code = ended ?? -1;
        });
        const isUp = async () => (await lookAtStatus(runDir)) !== null;
        await waitUntil('it is up or has ended', async () => code !== null || (await isUp()));
        if (code === null) {
          guardian.kill('SIGTERM');
          await waitUntil('it stops', () => code !== null);
          return null;
        }
        assert.equal(code, 1);
        const text = Buffer.concat(said).toString();
        assert.doesNotMatch(text, /^\s+at /m, 'a trace');
        return text.trim().split('\n').at(-1) ?? '';
      } finally {
        execFileSync('umount', ['--lazy', disk]);
      }
    };
    const refusals: string[] = [];
    for (const unit of [(n: number) => `nr_inodes=${n}`, (n: number) => `size=${n * 4}k`]) {
      for (let room = 1; ; room += room < 5 ? 1 : 8) {
        assert.ok(room < 60, 'it never comes up');
        const line = await start(unit(room));
        if (line === null) break;
        refusals.push(line);
        const error = /^evergate: error: .*(no space left on device|ENOSPC).* \[[a-z-]+\]$/i;
        assert.match(line, error, unit(room));
        assert.ok(!(await node.holds('192.168.1.94')), 'the VIP stays behind');
      }
    }
    t.diagnostic([...new Set(refusals)].join('\n'));
    assert.ok(refusals.length > 5, `${refusals.length}`);
  });
});
