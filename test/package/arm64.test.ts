/**
 * The packages for arm64 where no such machine is: each says so, their programs are of that kind, and those of the image,
 * with the libraries in it, run under qemu-user(1). A process cannot start another one there, and so the daemon is not run.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findCommand } from '../kit/peers.ts';

const newest = (pattern: string): string | null => globSync(pattern).sort().reverse()[0] ?? null;
const deb = newest('packages/evergate_*_arm64.deb');
const rpm = newest('packages/evergate-*.aarch64.rpm');
const image = newest('packages/evergate-*-image-arm64.tar');
/** The program, and Debian's package of it. */
const EMULATOR = 'qemu-aarch64-static';
const PROGRAM = '/usr/lib/evergate/dist';
/** Of elf(5): EM_AARCH64. */
const ELF_MACHINE = { offset: 18, aarch64: 183 };

/** It has to ask the kernel, by koffi: "lo" has another prefix length. */
const CONFIG = `vip: 127.0.0.94/24
listen: 8443
nodes:
  here: { address: 127.0.0.1, interface: lo }
`;

function whyNot(made: readonly (string | null)[], ...tools: readonly string[]): string | false {
  if (process.getuid?.() !== 0) return 'not root';
  if (made.includes(null)) return 'no packages for arm64; run npm run test:package';
  const missing = tools.filter((tool) => findCommand(tool) === null);
  return missing.length > 0 && `missing: ${missing.join(', ')}`;
}

describe('The packages for arm64', { skip: whyNot([deb, rpm], 'dpkg-deb', 'rpm') }, () => {
  it('say so to dpkg and rpm', () => {
    const ask = (tool: string, ...words: readonly string[]): string =>
      execFileSync(tool, words, { encoding: 'utf8' });
    assert.equal(ask('dpkg-deb', '--field', deb ?? '', 'Architecture'), 'arm64\n');
    const query = ['--query', '--package', '--queryformat', '%{ARCH}', rpm ?? ''];
    assert.equal(ask('rpm', ...query), 'aarch64');
  });
});

const tools = ['umoci', EMULATOR];
describe('The image for arm64', { skip: whyNot([image], ...tools), timeout: 600_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'eg-arm64-'));
  const root = join(folder, 'bundle/rootfs');

  before(() => {
    const layout = join(folder, 'layout');
    mkdirSync(layout);
    execFileSync('tar', ['-xf', image ?? '', '-C', layout]);
    const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
    const tag = manifests[0].annotations['org.opencontainers.image.ref.name'];
    const unpack = ['unpack', '--image', `${layout}:${tag}`, join(folder, 'bundle')];
    execFileSync('umoci', unpack, { stdio: 'ignore' });
    cpSync(findCommand(EMULATOR) ?? '', join(root, EMULATOR));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function evergate(...words: readonly string[]): string {
    const runtime = [`${PROGRAM}/node-arm64`, `${PROGRAM}/main.js`];
    const args = [root, `/${EMULATOR}`, ...runtime, ...words];
    return execFileSync('chroot', args, { encoding: 'utf8' });
  }

  it('holds programs of that kind', () => {
    for (const file of ['node-arm64', 'koffi.node']) {
      const header = readFileSync(join(root, PROGRAM, file)).subarray(0, 64);
      assert.equal(header.readUInt16LE(ELF_MACHINE.offset), ELF_MACHINE.aarch64, file);
    }
  });

  it('says its version', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    assert.equal(evergate('--version').trim(), version);
  });

  it('checks a file, and asks the kernel for it', () => {
    writeFileSync(join(root, 'tmp/evergate.yaml'), CONFIG);
    const said = evergate('check', '--config', '/tmp/evergate.yaml');
    assert.match(said, /its network on "lo" 8.*\[vip-outside-network\]/);
    assert.match(said, /^OK: /m);
  });
});
