/** Real pipes: what write(2) does to them is the point. */

import assert from 'node:assert/strict';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeFifo } from '../../linux/files.ts';
import { LINES_MAX } from './line-queue.ts';
import { StreamWriter } from './stream-writer.ts';

/** More than a pipe of 64 KiB and the queue hold together. */
const FLOOD = LINES_MAX + 3000;
const BOUND_MS = 5000;

const report = (lost: number, why: string) => `${lost} lost: ${why}\n`;
const lineOf = (number: number) => `line ${String(number).padStart(30, '0')}\n`;

/** A named pipe: readers come and go. Its writer blocks, or does not. */
function openFifo(t: TestContext, { blocking }: { readonly blocking: boolean }) {
  const folder = mkdtempSync(join(tmpdir(), 'eg-writer-'));
  const path = join(folder, 'fifo');
  makeFifo(path, 0o600);
  const openReader = () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let reader: number | null = openReader();
  const fd = openSync(path, constants.O_WRONLY | (blocking ? 0 : constants.O_NONBLOCK));
  const leave = () => {
    if (reader !== null) closeSync(reader);
    reader = null;
  };
  t.after(() => {
    // A thread that is blocked comes back. The writer goes on trying: its descriptor stays its own.
    leave();
    rmSync(folder, { recursive: true });
  });
  const chunk = Buffer.alloc(65_536);
  return {
    fd,
    leave,
    comeBack() {
      reader = openReader();
    },
    /** What is there now. */
    read(): string {
      let text = '';
      try {
        for (;;) {
          const length = reader === null ? 0 : readSync(reader, chunk);
          if (length === 0) return text;
          text += chunk.toString('latin1', 0, length);
        }
      } catch {
        return text;
      }
    },
    /** Reads on until all that was read ends so. */
    async readUntil(end: string): Promise<string> {
      const deadline = performance.now() + BOUND_MS;
      let text = '';
      while (!text.endsWith(end)) {
        assert.ok(performance.now() < deadline, `never read: ${end} after ${text.length} bytes`);
        await new Promise((resolve) => setTimeout(resolve, 2));
        text += this.read();
      }
      return text;
    },
  };
}

function flood(writer: StreamWriter): void {
  for (let number = 1; number <= FLOOD; number++) writer.write(lineOf(number));
}

/** Each line of the flood was read or told of as lost, in order. */
function assertComplete(text: string, why: string): void {
  const lines = text.trimEnd().split('\n');
  const at = lines.findIndex((line) => line.includes(' lost: '));
  const match = /^(\d+) lost: (.*)$/.exec(lines[at] ?? '');
  assert.equal(match?.[2], why);
  const lost = Number(match?.[1]);
  assert.ok(lost > 0);
  const expected: string[] = [];
  for (let number = 1; number <= FLOOD; number++) {
    if (number <= at || number > at + lost) expected.push(lineOf(number).trimEnd());
  }
  lines.splice(at, 1);
  assert.deepEqual(lines, expected);
}

for (const blocking of [true, false]) {
  const kind = blocking ? 'blocks' : 'does not block';
  test(`StreamWriter counts what a reader that does not read loses, on a pipe that ${kind}`, async (t) => {
    const fifo = openFifo(t, { blocking });
    const writer = new StreamWriter(fifo.fd, report);
    flood(writer);
    assert.ok(writer.isCrowded);
    const last = lineOf(FLOOD);
    assertComplete(await fifo.readUntil(last), 'they were not read in time');
    assert.ok(!writer.isCrowded);
    writer.write('more\n');
    assert.equal(await fifo.readUntil('more\n'), 'more\n');
  });
}

test('StreamWriter says how many lines were lost to the next reader when one has gone', async (t) => {
  const fifo = openFifo(t, { blocking: true });
  const writer = new StreamWriter(fifo.fd, report);
  writer.write('first\n');
  assert.equal(await fifo.readUntil('first\n'), 'first\n');
  fifo.leave();
  writer.write(lineOf(1));
  // It has failed by then.
  await writer.flush(BOUND_MS);
  for (let number = 2; number <= FLOOD; number++) writer.write(lineOf(number));
  fifo.comeBack();
  assertComplete(await fifo.readUntil(lineOf(FLOOD)), 'broken pipe (EPIPE)');
});

test('StreamWriter writes on where a pipe took a part', async (t) => {
  const fifo = openFifo(t, { blocking: false });
  const writer = new StreamWriter(fifo.fd, report);
  const long = `${'x'.repeat(200_000)}\n`;
  writer.write(long);
  writer.write('end\n');
  assert.equal(await fifo.readUntil('end\n'), `${long}end\n`);
});

test('StreamWriter writes control characters as what they are, whoever they are from', async (t) => {
  const fifo = openFifo(t, { blocking: false });
  const writer = new StreamWriter(fifo.fd, report);
  writer.write('\u001b]0;title\u0007 \u009b31m \u007f \r\n');
  writer.write(Buffer.from([0x9b, 0x33, 0x31, 0x6d, 0x00, 0x0a]));
  writer.write(`${'é'.repeat(3)}\n`);
  const text = Buffer.from(await fifo.readUntil('\xc3\xa9\n'), 'latin1').toString();
  assert.equal(text, '\\x1b]0;title\\x07 \\x9b31m \\x7f \\x0d\n\ufffd31m\\x00\nééé\n');
});

test('StreamWriter.flush() resolves when all is written', async (t) => {
  const fifo = openFifo(t, { blocking: true });
  const writer = new StreamWriter(fifo.fd, report);
  for (let number = 1; number <= 1000; number++) writer.write(lineOf(number));
  await writer.flush(BOUND_MS);
  assert.ok(fifo.read().endsWith(lineOf(1000)));
  await writer.flush(BOUND_MS);
});

test('StreamWriter.flush() gives a reader that does not read its time, and no more', async (t) => {
  const fifo = openFifo(t, { blocking: true });
  const writer = new StreamWriter(fifo.fd, report);
  flood(writer);
  const startedAt = performance.now();
  await writer.flush(100);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs >= 99 && tookMs < BOUND_MS, `${tookMs} ms`);
  assert.ok(writer.isWriting);
});

test('StreamWriter.flush() does not wait for a full disk', async () => {
  const fd = openSync('/dev/full', 'w');
  const writer = new StreamWriter(fd, report);
  writer.write('lost\n');
  const startedAt = performance.now();
  await writer.flush(2 * BOUND_MS);
  assert.ok(performance.now() - startedAt < BOUND_MS);
});

test('StreamWriter.whenRoomy() calls back once there is room again', async (t) => {
  const fifo = openFifo(t, { blocking: true });
  const writer = new StreamWriter(fifo.fd, report);
  flood(writer);
  let calls = 0;
  writer.whenRoomy(() => {
    calls += 1;
    assert.ok(!writer.isCrowded);
  });
  assert.equal(calls, 0);
  await fifo.readUntil(lineOf(FLOOD));
  assert.equal(calls, 1);
});
