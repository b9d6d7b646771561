/**
 * `evergate push` to three nodes that run, over real sshd: all have the new file, the owner of the VIP last; or, where one
 * refuses, falls ill, is cut off or somebody stops it, all have the old one and go by it. Each node sees a folder of its own
 * at the same place.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { hasProgram, Network, type NetworkNode, whyNoNamespaces } from '../../kit/network.ts';
import { findCommand } from '../../kit/peers.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const NAMES = ['cp1', 'cp2', 'cp3'] as const;
const ADMIN = '192.168.1.99';
const skip =
  whyNoNamespaces() ??
  ['sshd', 'ssh', 'ssh-keygen']
    .map((name) => (hasProgram(name) ? null : `${name} is missing`))
    .find(Boolean) ??
  false;

type Name = (typeof NAMES)[number];

/** Cuts its own connection before the reload, once, where a test asks for it. */
const PROGRAM = `#!/bin/sh
here=$(dirname "$0")
if test "$1" = reload && test -e "$here/cut"; then rm "$here/cut"; kill -9 $PPID; fi
exec ${EVERGATE} "$@"
`;

function configOf(lines: string): string {
  return `vip: 192.168.1.94/24
listen: 8443
nodes: { cp1: 192.168.1.91, cp2: 192.168.1.92, cp3: 192.168.1.93 }
servers: { s1: ${ADMIN}:6443 }
check: { type: tcp, interval: 300ms }
${lines}`;
}

describe('evergate push', { skip, timeout: 900_000 }, () => {
  let folder = '';
  let network: Network;
  let admin: NetworkNode;
  const nodes = new Map<Name, NetworkNode>();
  const guardians: ReturnType<NetworkNode['spawn']>[] = [];
  const path = (...names: readonly string[]): string => join(folder, ...names);
  const fileOf = (name: Name): string => path(`etc-${name}`, 'evergate.yaml');

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-push-'));
    for (const name of ['etc', ...NAMES.map((each) => `etc-${each}`)]) mkdirSync(path(name));
    for (const name of ['host', 'user']) {
      spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path(name)]);
    }
    writeFileSync(
      path('sshd.conf'),
      `Port 2222\nHostKey ${path('host')}\nAuthorizedKeysFile ${path('user.pub')}\nStrictModes no\n` +
        'UsePAM no\nPidFile none\nPermitRootLogin yes\n',
    );
    network = await Network.create();
    admin = await network.addNode('admin', `${ADMIN}/24`);
    // Checks end their connections by a reset.
    const server =
      "require('node:net').createServer((c) => c.on('error', () => {}).resume()).listen(6443, '0.0.0.0')";
    admin.spawn(process.execPath, ['-e', server]);
    for (const [index, name] of NAMES.entries()) {
      const node = await network.addNode(name, `192.168.1.${91 + index}/24`);
      nodes.set(name, node);
      writeFileSync(fileOf(name), configOf(''));
      writeFileSync(path(`etc-${name}`, 'evergate'), PROGRAM);
      chmodSync(path(`etc-${name}`, 'evergate'), 0o755);
      const ssh = `mount -t tmpfs tmpfs /run && mkdir /run/sshd && exec ${findCommand('sshd')} -D -e -f ${path('sshd.conf')}`;
      node.spawn('sh', onNode(name, ssh), { stdio: 'ignore' });
      const run = `exec ${EVERGATE} run --config ${path('etc/evergate.yaml')} --run-dir ${path('etc/run')} --no-spare`;
      guardians.push(node.spawn('sh', onNode(name, run), { stdio: 'ignore' }));
    }
    await allGoBy(configOf(''));
  });
  after(async () => {
    for (const guardian of guardians.filter(({ exitCode }) => exitCode === null)) {
      guardian.kill('SIGTERM');
      await once(guardian, 'exit');
    }
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Where the node has its own folder for "etc". */
  function onNode(name: Name, command: string): readonly string[] {
    return ['-c', `mount --bind ${path(`etc-${name}`)} ${path('etc')} && ${command}`];
  }

  async function status(name: Name) {
    const ask = `exec ${EVERGATE} status --json --run-dir ${path('etc/run')}`;
    const { stdout } = (await nodes.get(name)?.run('sh', onNode(name, ask))) ?? { stdout: '{}' };
    return JSON.parse(stdout) as {
      readonly verdict: string;
      readonly reasons?: readonly string[];
      readonly configuration?: { readonly reloads: number };
      readonly vrrp?: readonly { readonly held: boolean }[];
    };
  }

  /** Every node has this file, nothing beside it but the one before, and is well. */
  async function allGoBy(text: string): Promise<void> {
    const nodesAreWell = NAMES.map(async (name) => {
      assert.equal(readFileSync(fileOf(name), 'utf8'), text, name);
      const left = readdirSync(path(`etc-${name}`)).filter((each) => /push|new/.test(each));
      assert.deepEqual(left, [], name);
      let last = '';
      const isWell = async (): Promise<boolean> => {
        const report = await status(name);
        last = JSON.stringify(report);
        return report.verdict === 'healthy';
      };
      await waitUntil(`${name} is well`, isWell, 200).catch((error: unknown) => {
        assert.fail(`${error}: ${last}`);
      });
    });
    await Promise.all(nodesAreWell);
  }

  function words(more: readonly string[]): readonly string[] {
    const options = ['Port=2222', `IdentityFile=${path('user')}`, 'StrictHostKeyChecking=no'];
    const quiet = ['UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'ConnectTimeout=5'];
    return [
      ...['push', '--config', path('next.yaml'), '--user', 'root', '--timeout', '20'],
      ...['--remote-file', path('etc/evergate.yaml'), '--run-dir', path('etc/run')],
      ...['--program', path('etc/evergate')],
      ...[...options, ...quiet].flatMap((option) => ['--ssh-option', option]),
      ...more,
    ];
  }

  async function push(text: string, ...more: readonly string[]) {
    writeFileSync(path('next.yaml'), text);
    return await admin.run(EVERGATE, words(more), 300_000);
  }

  const FIRST = configOf('timeouts: { idle: 2h }\n');

  it('gives all nodes the file, the owner of the VIP last, and keeps the old one', async () => {
    let owner: Name | undefined;
    await waitUntil('somebody holds the VIP', async () => {
      for (const name of NAMES) if ((await status(name)).vrrp?.[0]?.held === true) owner = name;
      return owner;
    });
    const { code, stdout, stderr } = await push(FIRST);
    assert.equal(code, 0, stdout + stderr);
    const order = [...stdout.matchAll(/^(cp\d) +has the file; reloaded/gm)].map(([, name]) => name);
    assert.equal(order.length, 3, stdout);
    assert.equal(order.at(-1), owner);
    await allGoBy(FIRST);
    assert.equal(readFileSync(`${fileOf('cp2')}.old`, 'utf8'), configOf(''));
    assert.equal((await status('cp2')).configuration?.reloads, 1);
    const again = await push(FIRST, 'cp2');
    assert.match(again.stdout, /^cp2 +has this file already$/m);
    assert.equal(again.code, 0);
    const nobody = await push(FIRST, 'cp9');
    assert.match(nobody.stderr, /No node is called "cp9"; the nodes are cp1, cp2, cp3/);
    assert.equal(nobody.code, 1);
  });

  it('changes nothing anywhere when a file is wrong, a node refuses it, hangs, or is not reached', async () => {
    const wrong = await push(FIRST.replace('8443', '84430'));
    assert.match(wrong.stderr, /The file has errors; nothing is sent \[config-invalid\]/);
    const key = path('etc/vrrp.key');
    for (const name of ['cp1', 'cp3'] as const) {
      writeFileSync(path(`etc-${name}`, 'vrrp.key'), `hex:${'5a'.repeat(32)}\n`, { mode: 0o600 });
    }
    const refused = await push(configOf(`vrrp: { key: ${key} }\n`));
    assert.match(
      refused.stdout,
      /^cp2 +\S+evergate\.yaml: error: The key file .* does not exist \[[a-z-]+\]$/m,
    );
    assert.equal(refused.code, 1);
    await nodes.get('cp3')?.setConnected(false);
    const unreached = await push(configOf('timeouts: { idle: 3h }\n'));
    await nodes.get('cp3')?.setConnected(true);
    assert.match(unreached.stdout, /^cp3 +was not reached \(/m);
    assert.equal(unreached.code, 1);
    const guardian = Number(readFileSync(path('etc-cp3/run/guardian.pid'), 'utf8'));
    process.kill(guardian, 'SIGSTOP');
    const hung = await push(configOf('timeouts: { idle: 3h }\n'));
    process.kill(guardian, 'SIGCONT');
    assert.match(hung.stdout, /^cp3 +is not known to be well: .*does not answer within 3000 ms/m);
    assert.equal(hung.code, 1);
    await allGoBy(FIRST);
    for (const name of ['cp1', 'cp2'] as const)
      assert.equal((await status(name)).configuration?.reloads, 1 + Number(name === 'cp2'));
  });

  it('takes all back when a node falls ill by the file', async () => {
    const { code, stdout } = await push(FIRST.replace(`${ADMIN}:6443`, `${ADMIN}:6444`));
    assert.match(stdout, /^cp\d +is not healthy within 20 s \(/m);
    assert.match(stdout, /^cp\d +has its old file again, and is as it was$/m);
    assert.doesNotMatch(stdout, /reloaded, and is well/);
    assert.equal(code, 1);
    await allGoBy(FIRST);
  });

  it('takes all back when ssh is cut in the middle of a reload', async () => {
    const next = configOf('timeouts: { idle: 4h }\n');
    writeFileSync(path('etc-cp2', 'cut'), '');
    const { code, stdout } = await push(next);
    assert.match(stdout, /^cp2 +was not reached \(/m);
    assert.match(stdout, /^cp2 +has its old file again, and is as it was$/m);
    assert.equal(code, 1);
    await allGoBy(FIRST);
  });

  it('takes all back at Ctrl-C', async () => {
    writeFileSync(path('next.yaml'), configOf('timeouts: { idle: 5h }\n'));
    const child = admin.spawn(EVERGATE, words([]), { stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = once(child, 'exit');
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    }
    await waitUntil('one node has the file', () => /has the file; reloaded/.test(said));
    child.kill('SIGINT');
    const [code] = await ended;
    assert.match(said, /has its old file again, and is as it was/);
    assert.match(said, /It was stopped; the lines before say what each node has \[push-failed\]/);
    assert.equal(code, 1);
    await allGoBy(FIRST);
  });
});
