import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { groupId } from '../../linux/identity.ts';
import { RING_BYTES } from '../../timeline/ring.ts';
import { readEventFile } from './event-file.ts';
import { Timeline } from './timeline.ts';

const DRAINED = { kind: 'node', to: 'drained' } as const;
const STARTED = { kind: 'guardian', to: 'started', pid: 41 } as const;

function newFolder(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-events-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const lines: string[] = [];
  const create = (): Timeline => {
    const timeline = new Timeline({
      log: (level, text) => lines.push(`${level} ${text}`),
      node: () => 'k8s-master',
      now: () => 1_000,
    });
    t.after(() => timeline.close());
    return timeline;
  };
  return { path: join(folder, 'events'), lines, create };
}

test('what a start tells is kept once it is one, and a start that fails leaves no file', (t) => {
  const { path, lines, create } = newFolder(t);
  const timeline = create();
  timeline.follow(path);
  timeline.log('info', 'The node is drained', DRAINED);
  timeline.log('info', 'a line without details');
  assert.equal(existsSync(path), false);
  timeline.keep();
  timeline.log('info', 'Node k8s-master is up', STARTED);
  assert.equal(statSync(path).size, RING_BYTES);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const { events } = readEventFile(path);
  assert.deepEqual(
    events.map(({ n, kind, text }) => [n, kind, text]),
    [
      [1, 'node', 'The node is drained'],
      [2, 'guardian', 'Node k8s-master is up'],
    ],
  );
  assert.equal(lines.length, 3, 'the log has all lines');
});

test('the next guardian goes on with it, and says where the one before ended without a word', (t) => {
  const { path, create } = newFolder(t);
  const first = create();
  first.follow(path);
  first.keep();
  first.log('info', 'up', STARTED);
  create().follow(path);
  const { events } = readEventFile(path);
  assert.deepEqual(events.at(-1), {
    n: 2,
    at: 1000,
    node: 'k8s-master',
    level: 'info',
    text: 'The guardian before (41) ended without a word',
    kind: 'guardian',
    to: 'lost',
    pid: 41,
  });
  first.log('info', 'stopping', { kind: 'guardian', to: 'stopping', pid: 41 });
  create().follow(path);
  assert.equal(readEventFile(path).events.at(-1)?.text, 'stopping');
});

test('starts that fail, one after the other, wash no move of the VIP out', (t) => {
  const { path, create } = newFolder(t);
  const first = create();
  first.follow(path);
  first.keep();
  first.log('info', 'up', STARTED);
  for (let start = 1; start <= 100; start += 1) create().follow(path);
  const { events } = readEventFile(path);
  assert.deepEqual(
    events.map((event) => 'to' in event && event.to),
    ['started', 'lost'],
  );
});

test('a file that cannot be kept costs one warning, and nothing else', (t) => {
  const { path, lines, create } = newFolder(t);
  const timeline = create();
  timeline.follow(join(path, 'no', 'such', 'folder'));
  timeline.keep();
  timeline.log('info', 'The node is drained', DRAINED);
  timeline.log('info', 'The node is drained', DRAINED);
  assert.deepEqual(
    lines.map((line) => line.split(':')[0]),
    ['warning Events are not kept', 'info The node is drained', 'info The node is drained'],
  );
});

/** A group that every Debian has. */
const LOOKERS = 'daemon';

/** As a node of the packages' unit, whose root has no CAP_CHOWN. Returns what it logs. */
function shownWithoutChown(path: string, gid: number): string {
  const module = fileURLToPath(new URL('./timeline.ts', import.meta.url));
  const code = `
    const { Timeline } = await import(${JSON.stringify(module)});
    const log = (level, text) => console.log(level, text);
    const timeline = new Timeline({ log, node: () => 'k8s-master', now: () => 1000 });
    timeline.follow(${JSON.stringify(path)});
    timeline.keep();
    timeline.showTo(${gid});`;
  const lacking = ['--bounding-set=-chown', '--inh-caps=-chown'];
  const node = [process.execPath, '--input-type=module', '-e', code];
  const { stdout, stderr } = spawnSync('setpriv', [...lacking, ...node], { encoding: 'utf8' });
  assert.equal(stderr, '');
  return stdout;
}

test('those of status-group read the events of a unit that may not give files away', (t) => {
  if (process.getuid?.() !== 0) return t.skip('Only root can lack one right of root');
  const { path } = newFolder(t);
  const gid = groupId(LOOKERS) ?? 0;
  assert.equal(shownWithoutChown(path, gid), '');
  const facts = statSync(path);
  assert.deepEqual([facts.uid, facts.gid, facts.mode & 0o777], [0, gid, 0o640]);
});

test('a group that cannot be shown the events keeps none of them from being kept', (t) => {
  const { path, lines, create } = newFolder(t);
  const timeline = create();
  timeline.follow(path);
  timeline.keep();
  // No group has such a number.
  timeline.showTo(-2);
  timeline.log('info', 'The node is drained', DRAINED);
  assert.equal(readEventFile(path).events.length, 1);
  assert.match(lines[0] ?? '', /^warning The group that may read the events cannot be changed: /);
});

test('a file of anything else is overwritten, slot by slot', (t) => {
  const { path, create } = newFolder(t);
  writeFileSync(path, 'x'.repeat(5000));
  const timeline = create();
  timeline.follow(path);
  timeline.log('info', 'The node is drained', DRAINED);
  const { events, torn } = readEventFile(path);
  assert.deepEqual([events.length, torn], [1, 5]);
  truncateSync(path, 100);
  assert.deepEqual(readEventFile(path).events, []);
});
