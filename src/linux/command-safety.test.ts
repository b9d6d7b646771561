import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { commandFile, whyForbidden, whyUnsafe } from './command-safety.ts';

const skip = process.getuid?.() === 0 ? false : 'Only root gives files away';
const ROOT = { uid: 0, gid: 0 };
const NOBODY = { uid: 65_534, gid: 65_534 };

describe('whyUnsafe()', { skip }, () => {
  let folder = '';
  let script = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-safety-'));
    mkdirSync(join(folder, 'a'), { mode: 0o755 });
    script = join(folder, 'a', 'chk.sh');
    writeFileSync(script, '#!/bin/sh\n', { mode: 0o755 });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('lets root run what root alone can change', () => {
    assert.equal(whyUnsafe(script, ROOT), null);
    assert.equal(whyUnsafe(script, null), null);
    assert.equal(
      whyUnsafe(join(folder, 'none'), ROOT),
      null,
      'what is not there is told of elsewhere',
    );
  });

  it('names the file, or the folder on the way to it, that others can write', () => {
    chmodSync(script, 0o757);
    assert.equal(whyUnsafe(script, ROOT), `every account can write "${script}" (mode 0757)`);
    chmodSync(script, 0o755);
    chmodSync(join(folder, 'a'), 0o777);
    assert.match(whyUnsafe(script, null) ?? '', /every account can write ".*\/a" \(mode 0777\)/);
    chmodSync(join(folder, 'a'), 0o755);
    chownSync(folder, NOBODY.uid, NOBODY.gid);
    assert.match(whyUnsafe(script, ROOT) ?? '', /belongs to another account \(uid 65534\)/);
  });

  it('trusts nothing that it cannot look at', () => {
    symlinkSync(join(folder, 'circle'), join(folder, 'circle'));
    assert.match(whyUnsafe(join(folder, 'circle'), ROOT) ?? '', /cannot be looked at: ELOOP/);
  });

  it('does not mind what somebody else runs, unless it becomes root', () => {
    chmodSync(script, 0o777);
    assert.equal(whyUnsafe(script, NOBODY), null);
    assert.notEqual(whyUnsafe(script, { ...NOBODY, gid: 0 }), null, 'in the group of root');
    chmodSync(script, 0o4777);
    assert.notEqual(whyUnsafe(script, NOBODY), null, 'set-user-ID');
    chmodSync(script, 0o2777);
    assert.notEqual(whyUnsafe(script, NOBODY), null, 'set-group-ID');
  });
});

describe('whyForbidden()', () => {
  it('lets nobody be root unasked', () => {
    assert.match(whyForbidden('/bin/true', null) ?? '', /would run as root, as nobody is named/);
    assert.equal(whyForbidden('/bin/true', NOBODY), null);
  });

  it('finds a command by PATH', () => {
    assert.match(commandFile('sh') ?? '', /^\/.*\/sh$/);
    assert.equal(commandFile('no-such-command'), null);
    assert.equal(commandFile('./x'), './x');
    assert.equal(whyForbidden('no-such-command', NOBODY), null);
  });
});
