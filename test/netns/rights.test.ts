/**
 * The table of rights in docs/security.md says of each process what /proc says: who tightens one, or widens it,
 * writes it there.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { childIn } from '../../src/guardian/run-dir.ts';
import { FREE_ID_MAX, FREE_ID_MIN, groupId } from '../../src/linux/identity.ts';
import { Network, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { askStatus, lookAtStatus } from '../kit/status.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;

const HAPROXY = `global
    user eg-no-such-account
    nbthread 2
defaults
    mode tcp
    timeout connect 1s
    timeout client 1h
    timeout server 1h
listen kube-api
    bind 0.0.0.0:8443
    # A password: the check is run apart.
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host a hdr Authorization "Basic YTpi"
    server m1 127.0.0.1:6443 check
`;

const KEEPALIVED = `vrrp_instance VI_1 {
    state MASTER
    interface ${NODE_INTERFACE}
    virtual_router_id 51
    priority 100
    virtual_ipaddress { 192.168.1.94/24 }
}
`;

const ROLES = ['guardian', 'reaper', 'balancer', 'spare', 'checker'] as const;
const ROOT_UID = '0';
const NOBODY = 65_534;
/** A group that every Debian has. */
const LOOKERS = 'daemon';
/** 9229, as /proc/net/tcp shows it. */
const DEBUGGER_PORT = ':240D ';

describe('The table of rights', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  const pidOf = (role: string): number =>
    Number.parseInt(readFileSync(join(folder, 'run', `${role}.pid`), 'utf8'), 10);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-rights-'));
    network = await Network.create();
    const node = await network.addNode('k8s-master', '192.168.1.92/24');
    writeFileSync(join(folder, 'haproxy.cfg'), HAPROXY);
    writeFileSync(join(folder, 'keepalived.conf'), KEEPALIVED);
    const files = ['haproxy', 'keepalived'].flatMap((name) => [
      `--${name}`,
      join(folder, name === 'haproxy' ? 'haproxy.cfg' : 'keepalived.conf'),
    ]);
    // What lies in there is for its group, not the way to it.
    chmodSync(folder, 0o755);
    const args = ['run', ...files, '--run-dir', join(folder, 'run'), '--status-group', LOOKERS];
    node.spawn(resolve('bin/evergate'), args, { stdio: 'ignore' });
    await waitUntil('its spare and its checker are ready', async () => {
      const balancer = (await lookAtStatus(join(folder, 'run')))?.balancer;
      return balancer?.spare.state === 'ready' && balancer.checker?.state === 'ready';
    });
    // It takes its title when it has given up its rights.
    await waitUntil('its reaper is ready', () => childIn(join(folder, 'run'), 'reaper'));
  });
  after(async () => {
    const guardian = pidOf('guardian');
    process.kill(guardian, 'SIGTERM');
    await waitUntil('it stops', () => !existsSync(`/proc/${guardian}`));
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const role of ROLES) {
    it(`says of the ${role} what /proc says`, () => {
      const [account, capabilities = '', ...row] = documented().get(role) ?? [];
      const here = namesOf(BigInt(`0x${fullSet()}`)).split(' ');
      const words = capabilities.split(' ');
      const inForce = words.filter((word) => !CAPABILITIES.includes(word) || here.includes(word));
      assert.deepEqual(rightsOf(pidOf(role), role), [account, inForce.join(' '), ...row]);
    });
  }

  it('has balancer and spare be nobody else, where the account does not exist', () => {
    const [one, other] = (['balancer', 'spare'] as const).map((role) => {
      const field = fieldsOf(`/proc/${pidOf(role)}/status`);
      return [field('Uid'), field('Gid')];
    });
    assert.deepEqual(one, other);
    const [uid, gid] = (one ?? []).map(Number);
    assert.ok(uid !== undefined && uid >= FREE_ID_MIN && uid <= FREE_ID_MAX, String(uid));
    assert.equal(gid, uid);
    assert.match(readFileSync(`/proc/${pidOf('balancer')}/status`, 'utf8'), /^Groups:[ \t]*$/m);
  });

  it('has no process open a debugger to the machine, nor end, when somebody asks for one', async () => {
    const pids = ROLES.map(pidOf);
    for (const pid of pids) {
      const pending = () => Number.parseInt(fieldsOf(`/proc/${pid}/status`)('ShdPnd'), 16);
      process.kill(pid, 'SIGUSR1');
      await waitUntil('it has the signal', () => pending() === 0);
    }
    const { balancer } = await askStatus(join(folder, 'run'));
    assert.equal(balancer?.restarts, 0);
    assert.deepEqual(ROLES.map(pidOf), pids);
    const sockets = readFileSync(`/proc/${pids[0]}/net/tcp`, 'utf8').split('\n').slice(1);
    const listening = sockets.filter((line) => / 0A /.test(line));
    assert.ok(listening.length > 0, 'its own are seen');
    assert.deepEqual(
      listening.filter((line) => line.includes(DEBUGGER_PORT)),
      [],
    );
  });

  it('lets the members of one group look, and says to others that they may not', async (t) => {
    const ask = (gid: number) => {
      const args = ['status', '--run-dir', join(folder, 'run')];
      const { status, stdout, stderr, error } = spawnSync(resolve('bin/evergate'), args, {
        uid: NOBODY,
        gid,
        encoding: 'utf8',
      });
      return { status, text: `${stdout}${stderr}${error?.message ?? ''}` };
    };
    const outsider = ask(NOBODY);
    if (/EACCES|not found|Cannot find/.test(outsider.text)) {
      t.skip('another account cannot read this tree');
      return;
    }
    assert.equal(outsider.status, 3, outsider.text);
    assert.match(outsider.text, /no right to ask .*status-group.* \[no-right\]/);
    const looker = ask(groupId(LOOKERS) ?? 0);
    assert.match(looker.text, /^VRRP VI_1: \w+, priority 100/m);
    assert.ok((looker.status ?? 9) <= 2, looker.text);
  });

  for (const role of ['balancer', 'spare', 'checker'] as const) {
    it(`leaves no thread of the ${role} out`, () => {
      const tasks = `/proc/${pidOf(role)}/task`;
      for (const task of readdirSync(tasks)) {
        const field = fieldsOf(`${tasks}/${task}/status`);
        const seen = [field('CapEff'), field('CapPrm'), field('NoNewPrivs'), field('Seccomp')];
        assert.deepEqual(seen, ['0'.repeat(16), '0'.repeat(16), '1', '2'], field('Name'));
        // The engine's own threads are there before any code of ours.
        if (/^relay|^libuv/.test(field('Name'))) assert.match(field('CapBnd'), /^0+$/);
      }
    });
  }
});

/** By process: account, capabilities, what it can gain, system calls, whether it starts others, root directory. */
function documented(): ReadonlyMap<string, readonly string[]> {
  const lines = readFileSync('docs/security.md', 'utf8').split('\n');
  const rows = lines.map((line) => line.split('|').map((cell) => cell.trim()));
  const known = rows.filter(([, name]) => ROLES.some((role) => role === name));
  return new Map(known.map(([, name = '', ...cells]) => [name, cells.slice(0, 6)]));
}

function rightsOf(pid: number, role: string): readonly string[] {
  const field = fieldsOf(`/proc/${pid}/status`);
  const all = field('CapBnd');
  const has = (set: string): string =>
    /^0+$/.test(set) ? 'none' : set === fullSet() ? 'all' : namesOf(BigInt(`0x${set}`));
  const beyond = BigInt(`0x${all}`) & ~BigInt(`0x${field('CapEff')}`);
  const isNarrow = field('NoNewPrivs') === '1' && beyond === 0n;
  const gains = isNarrow ? 'nothing' : `by programs, ${has(all)}`;
  const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
  return [
    field('Uid') === ROOT_UID ? 'root' : role === 'checker' ? 'its own' : 'as configured',
    has(field('CapEff')),
    gains,
    field('Seccomp') === '2' ? 'filtered' : 'all',
    /^Max processes +0 +0 /m.test(limits) ? 'no' : role === 'spare' ? 'threads' : 'yes',
    readlinkSync(`/proc/${pid}/root`) === '/' ? '`/`' : 'its own',
  ];
}

/** linux/capability.h, from bit 0 on. */
const CAPABILITIES = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP'
).split(' ');

function namesOf(set: bigint): string {
  return CAPABILITIES.filter((_, bit) => (set >> BigInt(bit)) & 1n).join(' ');
}

function fieldsOf(path: string): (name: string) => string {
  const status = readFileSync(path, 'utf8');
  return (name) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '?';
}

/** What this test has, which runs as root: in a container it may be less than all there is. */
function fullSet(): string {
  const status = readFileSync('/proc/self/status', 'utf8');
  return /^CapBnd:\s+(\S+)$/m.exec(status)?.[1] ?? '?';
}
