import assert from 'node:assert/strict';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { closeFd } from '../../linux/files.ts';
import { openPipe } from '../../linux/stream-calls.ts';
import { ChildOutput } from './child-output.ts';
import { StreamWriter } from './stream-writer.ts';

const BOUND_MS = 5000;

/** A writer whose lines are noted, and whether it has room is ours to say. */
class NotedWriter extends StreamWriter {
  text = '';
  lines = 0;
  crowded = false;
  resume: (() => void) | null = null;

  constructor() {
    super(-1, () => '');
  }

  override get isCrowded(): boolean {
    return this.crowded;
  }

  override whenRoomy(callback: () => void): void {
    this.resume = callback;
  }

  override write(text: string | Uint8Array, lines = 1): void {
    this.text += Buffer.from(text as Uint8Array);
    this.lines += lines;
  }
}

/** The child's end, as the child has it. */
function open(output: ChildOutput): number {
  const fd = openSync(`/proc/self/fd/${output.fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  output.opened();
  return fd;
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + BOUND_MS;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test('ChildOutput passes whole lines on, and the last one with an end', async () => {
  const writer = new NotedWriter();
  const output = new ChildOutput(writer);
  const fd = open(output);
  writeSync(fd, 'one\ntwo\nthr');
  await until('two lines come', () => writer.lines === 2);
  assert.equal(writer.text, 'one\ntwo\n');
  writeSync(fd, 'ee\nfour');
  closeSync(fd);
  await output.ended;
  assert.equal(writer.text, 'one\ntwo\nthree\nfour\n');
  assert.equal(writer.lines, 4);
});

test('ChildOutput keeps the lines of a flood whole', async () => {
  const writer = new NotedWriter();
  const output = new ChildOutput(writer);
  const fd = open(output);
  let flood = '';
  for (let line = 0; line < 3000; line++) flood += `${'x'.repeat(line % 200)} ${line}\n`;
  flood += `${'y'.repeat(10_000)}\n`;
  writeSync(fd, flood);
  closeSync(fd);
  await output.ended;
  assert.equal(writer.text, flood);
  assert.equal(writer.lines, 3001);
});

test('ChildOutput lets the child lose lines while there is no room for them', async () => {
  const writer = new NotedWriter();
  writer.crowded = true;
  const output = new ChildOutput(writer);
  const fd = open(output);
  const line = `${'x'.repeat(999)}\n`;
  let written = 0;
  let refused = '';
  await until('the pipe is full', () => {
    try {
      for (let count = 0; count < 500; count++) written += writeSync(fd, line);
    } catch (error) {
      refused = (error as NodeJS.ErrnoException).code ?? '';
    }
    return refused !== '' && writer.resume !== null;
  });
  assert.equal(refused, 'EAGAIN');
  assert.ok(writer.text.length < written);
  writer.crowded = false;
  writer.resume?.();
  await until('the rest comes', () => writer.text.length === written);
  closeSync(fd);
  await output.ended;
});

test('ChildOutput cuts a line that does not end', async () => {
  const writer = new NotedWriter();
  const output = new ChildOutput(writer);
  const fd = open(output);
  writeSync(fd, 'x'.repeat(150_000));
  closeSync(fd);
  await output.ended;
  assert.ok(writer.lines >= 2 && writer.lines <= 4, `${writer.lines} lines`);
  assert.equal(writer.text.replaceAll('\n', '').length, 150_000);
});

test('ChildOutput closes its end of the pipe', () => {
  const highest = () => {
    const { ends } = openPipe(4096);
    const [near = -1, far = -1] = ends;
    closeFd(near);
    closeFd(far);
    return near;
  };
  const before = highest();
  const output = new ChildOutput(new NotedWriter());
  output.opened();
  return output.ended.then(() => assert.equal(highest(), before));
});
