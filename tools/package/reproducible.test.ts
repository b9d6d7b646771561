import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, lutimesSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { findCommand } from '../../test/kit/peers.ts';
import { writeDeb } from './deb.ts';
import { LIGHT_BUNDLE, lightBinaries } from './fixture.ts';
import { writeRpm } from './rpm.ts';
import { writeTarball } from './tarball.ts';
import { layOut } from './tree.ts';

const FACTS = { root: process.cwd(), version: '1.2.3', epoch: 1_000_000_000 };
const KINDS = [
  ['dpkg-deb', writeDeb, 'evergate_1.2.3-1_arm64.deb'],
  ['rpmbuild', writeRpm, 'evergate-1.2.3-1.aarch64.rpm'],
  ['tar', writeTarball, 'evergate-1.2.3-linux-arm64.tar.gz'],
] as const;

describe('A package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'eg-same-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [tool, write, name] of KINDS) {
    const skip = findCommand(tool) === null ? `${tool} missing` : false;
    it(`written by ${tool} has the same bytes each time`, { skip }, async () => {
      const binaries = lightBinaries(join(folder, 'binaries'));
      const made: Buffer[] = [];
      for (const [round, day] of ['2020-01-02', '2021-03-04'].entries()) {
        const [tree, output] = [join(folder, 'tree'), join(folder, `${tool}-${round}`)];
        mkdirSync(tree);
        mkdirSync(output);
        await layOut(tree, LIGHT_BUNDLE, binaries, FACTS);
        for (const path of globSync('**', { cwd: tree })) {
          lutimesSync(join(tree, path), new Date(day), new Date(day));
        }
        assert.equal(write(tree, output, 'arm64', FACTS), name);
        made.push(readFileSync(join(output, name)));
        rmSync(tree, { recursive: true });
      }
      assert.ok(made[0]?.equals(made[1] ?? Buffer.alloc(0)), name);
    });
  }

  it('of Debian says what is in it, and by whom', {
    skip: findCommand('dpkg-deb') === null,
  }, () => {
    const deb = join(folder, 'dpkg-deb-0/evergate_1.2.3-1_arm64.deb');
    const said = (...args: readonly string[]) =>
      execFileSync('dpkg-deb', args, { encoding: 'utf8' });
    assert.match(
      said('-f', deb, 'Architecture', 'Version'),
      /^Architecture: arm64\nVersion: 1\.2\.3-1$/m,
    );
    const list = said('-c', deb);
    assert.match(
      list,
      /^-rwxr-xr-x root\/root .* 2001-09-09 \d\d:\d\d \.\/usr\/lib\/evergate\/bin\/evergate$/m,
    );
    assert.doesNotMatch(list.replaceAll(' root/root ', ''), /\/root /);
  });
});
