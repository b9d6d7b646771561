import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog, lossReport } from './log.ts';

function linesOf(journal: boolean, text: string): string {
  let written = '';
  const log = createLog(
    (line) => {
      written += line;
    },
    { journal, now: () => new Date(0) },
  );
  log('warning', text);
  return written;
}

describe('createLog()', () => {
  it('writes time and level', () => {
    assert.equal(linesOf(false, 'Busy'), '1970-01-01T00:00:00.000Z warning Busy\n');
  });

  it('writes the priority of sd-daemon(3) under the journal', () => {
    assert.equal(linesOf(true, 'Busy'), '<4>Busy\n');
  });

  it('gives each line of a text its own head', () => {
    assert.equal(linesOf(true, 'one\ntwo'), '<4>one\n<4>two\n');
  });
});

describe('lossReport()', () => {
  const now = () => new Date(0);

  it('says how many lines were lost, and why', () => {
    assert.equal(
      lossReport({ journal: false, now }, '')(17, 'broken pipe (EPIPE)'),
      '1970-01-01T00:00:00.000Z warning 17 log lines were lost: broken pipe (EPIPE)\n',
    );
  });

  it('knows one from many, and the journal', () => {
    assert.equal(
      lossReport({ journal: true, now }, ' to standard output')(1, 'no space left'),
      '<4>1 log line to standard output was lost: no space left\n',
    );
  });
});
