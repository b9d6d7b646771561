import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { escapeControls, oneLine } from './controls.ts';

describe('escapeControls()', () => {
  it('shows what a terminal would act on, and leaves everything else', () => {
    assert.equal(
      escapeControls('\u001b[2J\u0007\r\u007f\u009b1m\0'),
      '\\x1b[2J\\x07\\x0d\\x7f\\x9b1m\\x00',
    );
    const harmless = 'Ünïcödé 漢字 🙂\tand\nlines';
    assert.equal(escapeControls(harmless), harmless);
  });
});

describe('oneLine()', () => {
  it('makes one line of several', () => {
    assert.equal(oneLine('a\nb\u001b'), 'a\\nb\\x1b');
  });
});
