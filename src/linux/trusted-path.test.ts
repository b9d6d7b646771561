import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { trustedHere, whyUntrusted } from './trusted-path.ts';

const skip = process.getuid?.() === 0 ? false : 'Only root gives files away';
const STRANGER = 12_345;

describe('whyUntrusted()', () => {
  let parent = '';
  let path = '';
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'evergate-trust-'));
    path = join(parent, 'a', 'b');
    mkdirSync(path, { recursive: true, mode: 0o755 });
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  const why = (at = path): string | null => whyUntrusted(at, trustedHere());

  it('trusts what is ours, also below /tmp, and what is not there yet', () => {
    assert.equal(why(), null);
    assert.equal(why(join(path, 'not', 'there')), null);
    assert.equal(why('/'), null);
  });

  it('refuses what every account, or another group, can write, and names it', { skip }, () => {
    chmodSync(path, 0o777);
    assert.equal(why(), `every account can write "${path}" (mode 0777)`);
    chmodSync(path, 0o775);
    assert.equal(why(), null, 'the group is ours');
    chownSync(path, 0, STRANGER);
    assert.equal(why(), `group ${STRANGER} can write "${path}" (mode 0775)`);
  });

  it('refuses a sticky directory itself, where free names are anybody’s', () => {
    chmodSync(path, 0o1777);
    assert.match(why() ?? '', /every account can write .* \(mode 1777\)/);
    mkdirSync(join(path, 'ours'));
    assert.equal(why(join(path, 'ours')), null);
  });

  it('refuses what another account owns, whatever lies below', { skip }, () => {
    chownSync(join(parent, 'a'), STRANGER, STRANGER);
    const reason = `"${join(parent, 'a')}" belongs to another account (uid ${STRANGER})`;
    assert.equal(why(), reason);
    assert.equal(why(join(path, 'not', 'there')), reason);
  });

  it('follows links that are ours, and judges where they lead', { skip }, () => {
    const link = join(parent, 'link');
    symlinkSync('a/b', link);
    assert.equal(why(link), null);
    assert.equal(why(join(link, 'c')), null);
    chmodSync(join(parent, 'a'), 0o777);
    assert.match(why(link) ?? '', /every account can write/);
    symlinkSync('circle', join(parent, 'circle'));
    assert.match(why(join(parent, 'circle')) ?? '', /in a circle/);
  });
});
