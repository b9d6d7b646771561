import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ENOSYS, EPERM } from '../errno.ts';

const FILES = ['system-call-filter.ts', '../rights.ts', '../libc.ts'] as const;
const [FILTER, RIGHTS, LIBC] = FILES.map((name) =>
  JSON.stringify(fileURLToPath(new URL(name, import.meta.url))),
);

/** Of every machine: asm-generic/unistd.h. */
const CLONE3 = 435;

/** In a process of its own: there is no way back. */
function inProcess(code: string): unknown {
  const whole = `
    import { spawnSync } from 'node:child_process';
    import { readdirSync, readFileSync } from 'node:fs';
    const { forbidSystemCalls } = await import(${FILTER});
    const { gainNoRights, keepCapabilities, outliveAccount, startNothingMore } = await import(${RIGHTS});
    const ofThreads = (name) => [...new Set(readdirSync('/proc/self/task').map((task) =>
      readFileSync('/proc/self/task/' + task + '/status', 'utf8')
        .match(new RegExp('^' + name + ':\\\\s+(\\\\S+)', 'm'))?.[1]))];
    ${code}`;
  const args = ['--input-type=module', '-e', whole];
  const run = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
  assert.equal(run.stderr, '');
  return JSON.parse(run.stdout);
}

test('forbidSystemCalls() has no thread run a program, also those that were there before', () => {
  const seen = inProcess(`
    const results = [gainNoRights(), forbidSystemCalls()];
    const run = spawnSync('/bin/true').error?.code;
    const threads = ['NoNewPrivs', 'Seccomp'].map(ofThreads);
    console.log(JSON.stringify({ results, run, threads }));`);
  assert.deepEqual(seen, { results: [0, 0], run: 'EPERM', threads: [['1'], ['2']] });
});

test('forbidSystemCalls() has nobody start a process, and threads all the same', () => {
  const seen = inProcess(`
    const { Worker } = await import('node:worker_threads');
    const { bind, errno } = await import(${LIBC});
    const fork = bind('int', 'fork', []);
    const exit = bind('int', '_exit', ['int']);
    const systemCall = bind('int64_t', 'syscall', ['int64_t', 'int64_t', 'int64_t']);
    const results = [gainNoRights(), forbidSystemCalls()];
    const child = fork();
    if (child === 0) exit(0);
    const forked = child < 0 ? errno() : 'a process';
    const unseen = systemCall(${CLONE3}, 0, 0) < 0 ? errno() : 'a process';
    const thread = await new Promise((resolve) => new Worker('', { eval: true }).on('exit', resolve));
    console.log(JSON.stringify({ results, forked, unseen, thread }));`);
  assert.deepEqual(seen, { results: [0, 0], forked: EPERM, unseen: ENOSYS, thread: 0 });
});

test('forbidSystemCalls() has nobody open raw sockets, whatever his rights', (t) => {
  if (process.getuid?.() !== 0) return t.skip('Raw sockets take root anyway');
  const seen = inProcess(`
    const { bind, errno } = await import(${LIBC});
    const socket = bind('int', 'socket', ['int', 'int', 'int']);
    const systemCall = bind('int64_t', 'syscall', ['int64_t', 'int64_t', 'int64_t']);
    const [INET, INET6, NETLINK, PACKET, CLOEXEC, TCP, VRRP] = [2, 10, 16, 17, 0o2000000, 6, 112];
    const open = () => [
      [INET, 1, TCP], [INET6, 1 | CLOEXEC, TCP], [INET, 2, 0], [NETLINK, 3 | CLOEXEC, 0], [1, 1, 0],
      [INET, 3, VRRP], [INET6, 3 | CLOEXEC, VRRP], [INET, 10, 0], [PACKET, 2, 0], [PACKET, 3 | CLOEXEC, 0],
    ].map((one) => (socket(...one) >= 0 ? 'open' : errno() === 1 ? 'EPERM' : errno()));
    const before = open();
    const results = [gainNoRights(), forbidSystemCalls()];
    const ring = systemCall(425, 1, 0) < 0 ? errno() : 'open';
    console.log(JSON.stringify({ results, before, after: open(), ring }));`);
  const five = (what: string): readonly string[] => new Array(5).fill(what);
  assert.deepEqual(seen, {
    results: [0, 0],
    before: [...five('open'), ...five('open')],
    after: [...five('open'), ...five('EPERM')],
    ring: 1,
  });
});

test('a capability outlives the change of the account where it is to, and others do not', (t) => {
  if (process.getuid?.() !== 0) return t.skip('Becoming somebody else needs root');
  const seen = inProcess(`
    const field = (name) => readFileSync('/proc/thread-self/status', 'utf8')
      .match(new RegExp('^' + name + ':\\\\s+(\\\\S+)', 'm'))[1];
    const results = [gainNoRights(), outliveAccount(true)];
    process.setgroups([]);
    process.setgid(65534);
    process.setuid(65534);
    results.push(keepCapabilities(['NET_RAW']));
    console.log(JSON.stringify({ results, sets: ['CapBnd', 'CapPrm', 'CapEff', 'CapInh'].map(field) }));`);
  const [none, raw] = ['0'.repeat(16), '0000000000002000'];
  assert.deepEqual(seen, { results: [0, 0, 0], sets: [none, raw, raw, none] });
});

test('startNothingMore() lets an account other than root start nothing', (t) => {
  if (process.getuid?.() !== 0) return t.skip('Becoming somebody else needs root');
  const seen = inProcess(`
    const before = spawnSync('/bin/true').status;
    process.setgid(65534);
    process.setuid(65534);
    const result = startNothingMore();
    console.log(JSON.stringify({ before, result, run: spawnSync('/bin/true').error?.code }));`);
  assert.deepEqual(seen, { before: 0, result: 0, run: 'EAGAIN' });
});

test('gainNoRights() leaves nothing to gain, and what there is', (t) => {
  if (process.getuid?.() !== 0) return t.skip('The bounding set is emptied by root alone');
  const seen = inProcess(`
    const kept = readFileSync('/proc/self/status', 'utf8').match(/CapEff:\\s+(\\S+)/)[1];
    const result = gainNoRights();
    const status = readFileSync('/proc/self/status', 'utf8');
    const field = (name) => status.match(new RegExp('^' + name + ':\\\\s+(\\\\S+)', 'm'))[1];
    const same = field('CapEff') === kept;
    console.log(JSON.stringify({ result, set: field('CapBnd'), more: field('NoNewPrivs'), same }));`);
  assert.deepEqual(seen, { result: 0, set: '0'.repeat(16), more: '1', same: true });
});
