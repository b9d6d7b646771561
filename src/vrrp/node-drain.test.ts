import assert from 'node:assert/strict';
import test from 'node:test';
import { NodeDrain } from './node-drain.ts';

class Member {
  readonly name: string;
  phase: string;
  readonly leaveMs: number;
  isLastResort = false;
  drained = false;
  waitMs = 0;

  constructor(name: string, phase: string, leaveMs = 100) {
    this.name = name;
    this.phase = phase;
    this.leaveMs = leaveMs;
  }

  drain(waitMs: number): void {
    this.drained = true;
    this.waitMs = waitMs;
    if (this.phase === 'master') this.phase = 'leaving';
  }

  makeReady(): void {
    this.drained = false;
  }
}

test('a node is drained when every instance has left', () => {
  const drain = new NodeDrain();
  const [first, second] = [new Member('A', 'master'), new Member('B', 'master')];
  drain.ask(true, [first, second], 0);
  first.phase = 'backup';
  assert.equal(drain.settle([first, second], 1), null);
  second.phase = 'backup';
  assert.deepEqual(drain.settle([first, second], 2), { refusal: null });
  assert.equal(drain.settle([first, second], 3), null, 'told once');
  const late = new Member('C', 'initialize');
  drain.join(late, 4);
  assert.equal(late.drained, true);
});

test('all instances wait as long as the slowest', () => {
  const members = [new Member('A', 'master'), new Member('B', 'master', 1000)];
  new NodeDrain().ask(true, members, 0);
  assert.deepEqual(
    members.map(({ waitMs }) => waitMs),
    [1000, 1000],
  );
});

test('one instance that nobody took over keeps the whole node from being drained', () => {
  const drain = new NodeDrain();
  const [first, second] = [new Member('A', 'master'), new Member('B', 'master')];
  drain.ask(true, [first, second], 0);
  first.phase = 'backup';
  second.phase = 'master';
  const told = drain.settle([first, second], 1);
  assert.match(JSON.stringify(told), /No other node took over VRRP instance .*B/);
  assert.deepEqual([first.drained, second.drained], [false, false]);
  const late = new Member('C', 'initialize');
  drain.join(late, 2);
  assert.equal(late.drained, false);
});

test('a member that its sync group has made a backup is drained with it', () => {
  const drain = new NodeDrain();
  const [first, second] = [new Member('A', 'master'), new Member('B', 'master')];
  drain.ask(true, [first, second], 0);
  first.phase = 'backup';
  // Nobody was heard in time, so it was master again for a moment.
  second.phase = 'backup';
  second.drained = false;
  drain.settle([first, second], 1);
  assert.equal(second.drained, true);
  drain.ask(false, [first, second], 2);
  assert.deepEqual(drain.settle([first, second], 3), { refusal: null });
  assert.deepEqual([first.drained, second.drained], [false, false]);
});

/** Drained, and master of both as the last resort since 1. */
function lastResort(): { readonly drain: NodeDrain; readonly members: readonly Member[] } {
  const drain = new NodeDrain();
  const members = [new Member('A', 'backup'), new Member('B', 'backup', 1000)];
  drain.ask(true, members, 0);
  assert.deepEqual(drain.settle(members, 0), { refusal: null });
  for (const member of members) {
    member.phase = 'master';
    member.isLastResort = true;
  }
  assert.equal(drain.settle(members, 1), null);
  return { drain, members };
}

test('a last resort that is asked to drain offers at once, and stays drained', () => {
  const { drain, members } = lastResort();
  drain.ask(true, members, 2);
  for (const member of members) member.phase = 'master';
  const settled = drain.settle(members, 3);
  assert.match(settled?.refusal ?? '', /"A", "B": this node stays drained, and serves as the last/);
  assert.deepEqual(
    members.map(({ drained, phase }) => `${drained} ${phase}`),
    ['true master', 'true master'],
  );
});
