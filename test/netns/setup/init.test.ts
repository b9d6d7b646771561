/**
 * `evergate init` on a node of kubeadm: what it takes from files, what it asks on a terminal, what it says of a VIP that
 * somebody has; and that it writes nothing when something is missing or wrong. /etc is a copy, in namespaces of its own.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { hasProgram, Network, type NetworkNode, whyNoNamespaces } from '../../kit/network.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const VIP = '192.168.1.94';
const skip = whyNoNamespaces() ?? (hasProgram('script') ? false : 'script is missing');

const POD = 'spec:\n  containers:\n  - command:\n';
const MEMBERS = 'k8s-master=https://192.168.1.92:2380,k8s-node1=https://192.168.1.93:2380';
const TEMPLATE = '# Fill this in.\n#vip: 192.168.1.94/24\n';
const FILE = `vip: 192.168.1.94/24
listen: 8443
nodes:
  k8s-master: 192.168.1.92
  k8s-node1: 192.168.1.93
`;

function withoutComments(text: string): string {
  return text.replaceAll(/^(#.*)?\n/gm, '');
}

describe('evergate init', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let node: NetworkNode;
  const output = (): string => join(folder, 'etc/evergate/evergate.yaml');

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-init-'));
    cpSync('/etc', join(folder, 'etc'), {
      recursive: true,
      verbatimSymlinks: true,
      filter: isPlain,
    });
    mkdirSync(join(folder, 'etc/evergate'), { recursive: true });
    const manifests = join(folder, 'etc/kubernetes/manifests');
    mkdirSync(manifests, { recursive: true });
    writeFileSync(
      join(manifests, 'kube-apiserver.yaml'),
      `${POD}    - --advertise-address=192.168.1.92\n`,
    );
    writeFileSync(join(manifests, 'etcd.yaml'), `${POD}    - --initial-cluster=${MEMBERS}\n`);
    writeFileSync(output(), TEMPLATE);
    network = await Network.create();
    node = await network.addNode('k8s-master', '192.168.1.92/24');
    const other = await network.addNode('k8s-node1', '192.168.1.93/24');
    await other.ip('address', 'add', `${VIP}/24`, 'dev', 'ens192');
  });
  after(() => {
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** With the copy for its /etc. */
  function shell(command: string): readonly string[] {
    return ['-c', `mount --bind ${folder}/etc /etc && exec ${command}`];
  }

  function init(args: readonly string[]) {
    return node.run('sh', shell(`${EVERGATE} init ${args.join(' ')} </dev/null`));
  }

  /** At a terminal: each answer is typed when its question is there. */
  async function answer(answers: readonly (readonly [question: string, typed: string])[]) {
    const command = shell(`script -qec '${EVERGATE} init' /dev/null`);
    const child = node.spawn('sh', command, { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    let said = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    let read = 0;
    for (const [question, typed] of answers) {
      await waitUntil(`it asks: ${question}`, () => said.includes(question, read));
      read = said.indexOf(question, read) + question.length;
      child.stdin?.write(typed);
    }
    const [code] = await ended;
    return { code, said };
  }

  it('names the flag that is missing where nobody can be asked, and writes nothing', async () => {
    const { code, stderr } = await init([]);
    assert.match(stderr, /Give --vip ADDRESS: nobody can be asked here \[not-answered\]/);
    assert.equal(code, 1);
    const outside = await init(['--vip', '10.5.5.5']);
    assert.match(outside.stderr, /warning: The VIP 10\.5\.5\.5 lies in no network of this machine/);
    assert.match(
      outside.stderr,
      /error: No interface has an address in the network.*\[vip-outside-network\]/,
    );
    assert.match(outside.stderr, /nothing is written \[config-invalid\]/);
    assert.equal(outside.code, 1);
    const bad = await init(['--vip', VIP, '--node', 'k8s-master']);
    assert.match(bad.stderr, /"k8s-master" is no node/);
    assert.equal(readFileSync(output(), 'utf8'), TEMPLATE);
  });

  it('asks at a terminal for what no file tells, and again after a wrong answer', async () => {
    const stopped = await answer([
      ['The VIP', '192.168.1.94\r'],
      ['All control-plane nodes', '\x03'],
    ]);
    assert.match(stopped.said, /nothing is written \[not-answered\]/);
    assert.equal(stopped.code, 1);
    assert.equal(readFileSync(output(), 'utf8'), TEMPLATE);
    const { code, said } = await answer([
      ['The VIP', 'vip\r'],
      ['"vip" is no address', '192.168.1.94\r'],
      ['[k8s-master=192.168.1.92 k8s-node1=192.168.1.93]', '\r'],
      ['The port that clients ask', '\r'],
      ['Write it (yes, no)', 'yes\r'],
    ]);
    assert.equal(withoutComments(readFileSync(output(), 'utf8')), FILE);
    assert.equal(code, 0, said);
  });

  it('leaves a filled-in file as it is, without --force; says who has the VIP, and what comes next', async () => {
    const before = statSync(output()).ino;
    const refused = await init(['--vip', VIP, '--listen', '9443']);
    assert.match(refused.stderr, /is filled in and left as it is: write over it with --force/);
    assert.equal(refused.code, 1);
    assert.equal(statSync(output()).ino, before);
    const { code, stdout, stderr } = await init(['--vip', VIP, '--listen', '9443', '--force']);
    assert.match(
      stderr,
      /warning: 192\.168\.1\.94 answers already: [0-9a-f:]{17} on "ens192" has it/,
    );
    assert.match(stdout, /is written\. Next:\n\n {2}evergate key/);
    assert.equal(withoutComments(readFileSync(output(), 'utf8')), FILE.replace('8443', '9443'));
    assert.equal(code, 0);
    const elsewhere = await init(['--vip', VIP, '--output', join(folder, 'none/e.yaml')]);
    assert.match(elsewhere.stderr, /cannot be written: .*\(ENOENT\): make its folder first/);
    assert.deepEqual(readdirSync(join(folder, 'etc/evergate')), ['evergate.yaml']);
    assert.ok(!existsSync(join(folder, 'none')));
  });
});

/** Sockets and pipes are not copied. */
function isPlain(path: string): boolean {
  const { mode } = statSync(path, { throwIfNoEntry: false }) ?? { mode: 0o100000 };
  return (mode & 0o170000) === 0o100000 || (mode & 0o170000) === 0o040000;
}
