import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog, logLines, lossReport } from './log.ts';

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

  it('writes an object a line where it is asked for, with the fields of an event', () => {
    const written: string[] = [];
    const style = { journal: false, format: 'json', now: () => new Date(0) } as const;
    const log = createLog((line) => written.push(line), style);
    log('warning', 'Busy\n"now"');
    log('info', 'The node is drained', { kind: 'node', to: 'drained' });
    assert.deepEqual(
      written.map((line) => JSON.parse(line)),
      [
        { time: '1970-01-01T00:00:00.000Z', level: 'warning', text: 'Busy\\n"now"' },
        {
          time: '1970-01-01T00:00:00.000Z',
          level: 'info',
          text: 'The node is drained',
          kind: 'node',
          to: 'drained',
        },
      ],
    );
    const journal = createLog((line) => written.push(line), { ...style, journal: true });
    journal('error', 'Busy');
    assert.match(written.at(-1) ?? '', /^<3>\{"time".*\}\n$/);
  });

  it('makes one line of a text, whoever would like to make another up', () => {
    const forged = 'Server m1 is DOWN\n<0>VRRP VI_1: master -> fault';
    assert.equal(linesOf(true, forged), '<4>Server m1 is DOWN\\n<0>VRRP VI_1: master -> fault\n');
  });

  it('writes a line that comes again and again a few times, and counts the rest', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const written: string[] = [];
    const log = createLog((line) => written.push(line), { journal: true, now: () => new Date(0) });
    for (let time = 0; time < 1000; time += 1) log('error', 'Busy');
    log('info', 'Other');
    assert.deepEqual(written, [...Array(10).fill('<3>Busy\n'), '<6>Other\n']);
    t.mock.timers.tick(10_000);
    assert.deepEqual(written.slice(11), ['<3>990 more times in 10 s: Busy\n']);
    log('error', 'Busy');
    assert.equal(written.length, 13, 'the next span begins anew');
  });
});

describe('logLines()', () => {
  it('gives each line of a text of ours its own head', () => {
    let written = '';
    const style = { journal: true, now: () => new Date(0) };
    const log = createLog((line) => {
      written += line;
    }, style);
    logLines(log, 'warning', 'one\ntwo\n');
    assert.equal(written, '<4>one\n<4>two\n');
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
