/** `bind` lines of a haproxy.cfg, with two relays: interface, ranges, lists, unix sockets and their owners. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { userId } from '../../src/linux/identity.ts';
import { Network, type NetworkNode, whyNoNamespaces } from '../kit/network.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const SERVER = `require('node:http').createServer((_, answer) => answer.end('here')).listen(6443)`;
/** Guards against hanging. */
const HANG_SECONDS = '30';
const skip = whyNoNamespaces() ?? false;
const run = promisify(execFile);

describe('listeners', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let node: NetworkNode;
  let client: NetworkNode;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-binds-'));
    network = await Network.create();
    node = await network.addNode('node', '10.99.0.1/24');
    client = await network.addNode('client', '10.99.0.2/24');
    node.spawn(process.execPath, ['-e', SERVER]);
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(
      file,
      `global
    nbthread 2
defaults
    timeout connect 1s
    timeout client 1h
    timeout server 1h
listen kube-api
    bind :8443 interface ens192
    bind 10.99.0.1:9443-9445,10.99.0.1:9500
    bind 10.99.0.94:9600
    bind unix@${folder}/api.sock mode 660 user nobody
    server one 10.99.0.1:6443
`,
    );
    const command = 'exec "$0" run --haproxy "$1" --run-dir "$2" 2>"$3"';
    node.spawn('sh', ['-c', command, EVERGATE, file, join(folder, 'run'), join(folder, 'log')]);
    await waitUntil(
      'it answers',
      async () => (await ask(client, 'http://10.99.0.1:9443/')) === 'here',
      50,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${readFileSync(join(folder, 'log'), 'utf8')}`);
    });
  });
  after(() => {
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function ask(from: NetworkNode, ...args: string[]): Promise<string> {
    return (await from.run('curl', ['-s', '--max-time', HANG_SECONDS, ...args])).stdout;
  }

  it('takes only what comes in by the interface', async () => {
    assert.equal(await ask(client, 'http://10.99.0.1:8443/'), 'here');
    const { code } = await node.run('curl', ['-s', 'http://127.0.0.1:8443/']);
    assert.equal(code, 7, 'refused on lo');
  });

  it('listens on every port of a range and a list', async () => {
    for (const port of [9443, 9444, 9445, 9500]) {
      assert.equal(await ask(client, `http://10.99.0.1:${port}/`), 'here', String(port));
    }
  });

  it('listens on an address that comes later', async () => {
    await node.ip('addr', 'add', '10.99.0.94/24', 'dev', 'ens192');
    assert.equal(await ask(client, 'http://10.99.0.94:9600/'), 'here');
  });

  it('serves a unix socket from every relay, with its owner and mode', async () => {
    const path = join(folder, 'api.sock');
    const { mode, uid } = statSync(path);
    assert.equal(mode & 0o777, 0o660);
    assert.equal(uid, userId('nobody'));
    const asked = Array.from({ length: 20 }, () =>
      run('curl', ['-s', '--max-time', HANG_SECONDS, '--unix-socket', path, 'http://localhost/']),
    );
    for (const { stdout } of await Promise.all(asked)) assert.equal(stdout, 'here');
  });
});
