/**
 * The .rpm on a host that systemd has booted: rpm(8) of this machine installs it there, upgrades it, removes it, and runs
 * its scripts there. The host is a Debian, as no other system can be had; rpm's database is its own.
 */

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Network } from '../kit/network.ts';
import { findCommand } from '../kit/peers.ts';
import { waitUntil } from '../kit/wait-until.ts';
import { BootedDebian, type Done, whyNotBooted } from './booted-debian.ts';

const VIP = '192.168.1.94';
const [rpm = null] = globSync('packages/evergate-*.x86_64.rpm').sort().reverse();
const CONFIG = `vip: ${VIP}/24
listen: 8443
nodes:
  k8s-master: 192.168.1.92
servers:
  one: 192.168.1.200:6443
check:
  type: tcp
`;

function whyNot(): string | false {
  if (rpm === null) return 'no package; run npm run test:package';
  return findCommand('rpm') === null ? 'missing: rpm' : whyNotBooted();
}

describe('The .rpm on a booted host', { skip: whyNot(), timeout: 1_200_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'eg-rpm-'));
  let network: Network;
  let host: BootedDebian;

  before(async () => {
    network = await Network.create();
    const node = await network.addNode('a', '192.168.1.92/24');
    host = await BootedDebian.boot('bookworm', node.namespace);
  });
  after(async () => {
    await host?.close();
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** rpm's files are this machine's, its root and its scripts are the host's. */
  function rpmThere(...words: readonly string[]): Promise<Done> {
    const root = `/proc/${host.leader}/root`;
    const there = ['--pid', '--net', '--ipc', '--uts'];
    const args = ['--target', String(host.leader), ...there, 'rpm', '--root', root, ...words];
    return new Promise((done) => {
      execFile('nsenter', args, { timeout: 300_000 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        done({ code, text: stdout + stderr });
      });
    });
  }

  async function did(done: Promise<Done>): Promise<string> {
    const { code, text } = await done;
    assert.equal(code, 0, text);
    return text;
  }

  const serves = (): Promise<unknown> =>
    waitUntil('it serves and has the VIP', async () => {
      const { text } = await host.run('systemctl show --property StatusText --value evergate');
      return text.includes('master') && (await network.owners(VIP)).includes('a');
    });
  const pid = async (): Promise<string> =>
    (await host.run('systemctl show --property MainPID --value evergate')).text.trim();

  it('says what it is for, and what it needs', () => {
    const ask = (...words: readonly string[]): string =>
      execFileSync('rpm', ['--query', '--package', rpm ?? '', ...words], { encoding: 'utf8' });
    assert.match(ask('--queryformat', '%{NAME} %{ARCH} %{LICENSE}'), /^evergate x86_64 Apache-2.0/);
    const needs = ask('--requires');
    for (const each of ['glibc >= 2.28', 'libatomic', 'systemd']) assert.ok(needs.includes(each));
    assert.match(ask('--configfiles'), /^\/etc\/evergate\/evergate\.yaml$/m);
  });

  it('is installed, and waits for its file', async () => {
    // What it needs is there under Debian's names.
    await did(rpmThere('--install', '--nodeps', rpm ?? ''));
    await did(host.run('id evergate && evergate --version'));
    assert.equal(await did(rpmThere('--verify', '--nodeps', 'evergate')), '');
    const { text } = await host.run('systemctl is-enabled evergate; systemctl is-active evergate');
    assert.deepEqual(text.trim().split('\n'), ['enabled', 'inactive']);
    writeFileSync(join(host.root, 'etc/evergate/evergate.yaml'), CONFIG);
    await did(host.run('systemctl start evergate'));
    await serves();
  });

  it('is upgraded under way, and keeps the file', async () => {
    const before = await pid();
    await did(rpmThere('--upgrade', '--replacepkgs', '--nodeps', rpm ?? ''));
    await waitUntil('another guardian has followed', async () => (await pid()) !== before);
    await serves();
    const { text } = await host.run('cat /etc/evergate/evergate.yaml');
    assert.equal(text, CONFIG);
  });

  it('is removed with the service, and keeps the file under the name that rpm gives it', async () => {
    const said = await did(rpmThere('--erase', 'evergate'));
    assert.match(said, /evergate\.yaml\.rpmsave/);
    assert.deepEqual(await network.owners(VIP), []);
    const left =
      'find /etc /usr /var/cache /run -name "*evergate*" -not -path "*/rpm/*" -not -name "*.rpmsave"';
    assert.equal((await host.run(left)).text, '/etc/evergate\n');
    assert.equal((await host.run('grep -ls ^evergate /proc/[0-9]*/comm')).text, '');
  });
});
