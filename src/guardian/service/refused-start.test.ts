import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import {
  forgetRefusedStart,
  noteRefusedStart,
  pauseAfterMs,
  readRefusedStart,
} from './refused-start.ts';

describe('A refused start', () => {
  const folder = mkdtempSync(join(tmpdir(), 'eg-refused-'));
  const note = { files: 'a'.repeat(64), starts: 3 };
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('is known to the next one, until it is forgotten', () => {
    assert.equal(readRefusedStart(folder), null);
    noteRefusedStart(folder, note);
    assert.deepEqual(readRefusedStart(folder), note);
    noteRefusedStart(folder, { ...note, starts: 5000 });
    assert.equal(readRefusedStart(folder)?.starts, 999);
    forgetRefusedStart(folder);
    assert.equal(readRefusedStart(folder), null);
  });

  it('is as none where there is no such directory, or something else in it', () => {
    const missing = join(folder, 'missing');
    noteRefusedStart(missing, note);
    assert.equal(readRefusedStart(missing), null);
    writeFileSync(join(folder, 'refused-start'), 'who knows\n');
    assert.equal(readRefusedStart(folder), null);
  });

  it('is written through no link', () => {
    const other = join(folder, 'other');
    mkdirSync(other);
    symlinkSync(join(folder, 'target'), join(other, 'refused-start'));
    noteRefusedStart(other, note);
    assert.deepEqual(readRefusedStart(other), note);
    assert.equal(readRefusedStart(join(folder, 'target')), null);
  });

  it('is waited for longer each time, up to a minute', () => {
    assert.deepEqual([1, 2, 5, 6, 999].map(pauseAfterMs), [2000, 4000, 32_000, 60_000, 60_000]);
  });
});
