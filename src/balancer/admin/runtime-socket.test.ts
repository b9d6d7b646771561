import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { StatsSocketConfig } from '../../config/model/process.ts';
import { testBackend, testConfig } from '../fixture.ts';
import { testContext } from './fixture.ts';
import { createRuntimeSocket } from './runtime-socket.ts';

async function serve(t: TestContext, level: StatsSocketConfig['level'] = 'admin') {
  const backends = [testBackend({ balance: { kind: 'roundrobin' } })];
  const admin = testContext(testConfig({ backends }));
  const server = createRuntimeSocket(level, admin.context);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const dial = (): Socket => {
    const socket = connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    return socket;
  };
  /** Sends bytes, ends, and gives everything that came back. */
  const ask = async (bytes: string | Uint8Array): Promise<string> => {
    const socket = dial();
    socket.end(bytes);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  };
  return { ...admin, ask, dial };
}

test('an answer ends with an empty line, and the connection closes', async (t) => {
  const { ask } = await serve(t);
  const info = await ask('show info\n');
  assert.ok(info.startsWith('Name: HAProxy\nVersion: '));
  assert.ok(info.endsWith('Tainted: 0\n\n'));
  assert.match(info, /^Uptime: 0d 0h00m04s$/m);
  assert.equal(await ask('set server kube-master/m1 state ready\n'), '\n');
  assert.equal(await ask('show  version \r\n'), `${/^Version: (.*)$/m.exec(info)?.[1]}\n\n`);
  // Only the first line counts without `prompt`.
  assert.equal(await ask('show cli level\nshow info\n'), 'admin\n\n');
});

test('commands chain with a semicolon, each with its empty line', async (t) => {
  const { ask } = await serve(t);
  const [info = '', stat = '', ...rest] = (await ask('show info;show stat;\r\n')).split('\n\n');
  assert.match(info, /^Name: HAProxy/);
  assert.match(stat, /^# pxname,/);
  assert.deepEqual(rest, ['']);
});

test('set server changes states and weights', async (t) => {
  const { ask, table } = await serve(t);
  for (const admin of ['drain', 'maint', 'ready'] as const) {
    assert.equal(await ask(`set server kube-master/m2 state ${admin}\n`), '\n');
    assert.equal(table.entry(0, 1).admin, admin);
  }
  assert.equal(await ask('disable server kube-master/m1\n'), '\n');
  assert.equal(table.entry(0, 0).admin, 'maint');
  assert.equal(await ask('enable server kube-master/m1\n'), '\n');
  assert.equal(table.entry(0, 0).admin, 'ready');
  assert.equal(await ask('set server kube-master/m1 weight 7\n'), '\n');
  assert.equal(await ask('get weight kube-master/m1\n'), '7 (initial 1)\n\n');
  assert.equal(await ask('set weight kube-master/m1 300%\n'), '\n');
  assert.equal(await ask('get weight kube-master/m1\n'), '3 (initial 1)\n\n');
});

test("mistakes are answered in HAProxy's words", async (t) => {
  const { ask } = await serve(t);
  const answers: Readonly<Record<string, string>> = {
    'set server': "Require 'backend/server'.",
    'set server kube-master/nope state ready': 'No such server.',
    'set server nope/m1 state ready': 'No such backend.',
    'set server kube-master/m1 state foo':
      "'set server <srv> state' expects 'ready', 'drain' and 'maint'.",
    'set server kube-master/m1 weight 300':
      'Absolute weight can only be between 0 and 256 inclusive.',
    'set server kube-master/m1 weight': 'Require <weight> or <weight%>.',
    'enable server kube-master': "Require 'backend/server'.",
    'show servers state nope': "Can't find backend.",
    'set timeout foo 3': "'set timeout' only supports 'cli'.",
    'set timeout cli x': 'Invalid timeout value.',
  };
  for (const [line, answer] of Object.entries(answers)) {
    assert.equal(await ask(`${line}\n`), `${answer}\n\n`, line);
  }
  const unknown = await ask('sho inf\n');
  assert.match(
    unknown,
    /^Unknown command, but maybe one of the following ones is a better match:\n/,
  );
  assert.match(unknown, /^ {2}show info {31}: report information/m);
  assert.match(
    await ask('\n'),
    /^Unknown command\. Please enter one of the following commands only:/,
  );
});

test('a static algorithm takes only no weight or the whole', async (t) => {
  const { context } = testContext(testConfig());
  const server = createRuntimeSocket('admin', context);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.end('set server kube-master/m1 weight 5;set server kube-master/m1 weight 0%\n');
  assert.match(await text(socket), /only accepts weights '0%' and '100%'\.\n\n\n$/);
});

test('levels are kept', async (t) => {
  for (const level of ['user', 'operator'] as const) {
    const { ask, table } = await serve(t, level);
    assert.equal(await ask('set server kube-master/m1 state maint\n'), 'Permission denied\n\n');
    assert.equal(table.entry(0, 0).admin, 'ready');
    assert.match(await ask('show stat\n'), level === 'user' ? /^# pxname/ : /127\.0\.0\.1:6443/);
    assert.doesNotMatch(await ask('help\n'), /set server/);
  }
  const { ask } = await serve(t, 'user');
  assert.doesNotMatch(await ask('show stat\n'), /127\.0\.0\.1:6443/);
  const admin = await serve(t);
  const lowered = await admin.ask('operator;disable server kube-master/m1;user;operator\n');
  assert.equal(lowered, '\nPermission denied\n\n\nPermission denied\n\n');
});

test('counters are cleared by operators, all of them by admins, and nothing is claimed', async (t) => {
  const denied = 'Permission denied\n\n';
  // The data plane of this test cannot clear any.
  const told = 'This data plane cannot clear its counters.\n\n';
  for (const [level, peaks, all] of [
    ['user', denied, denied],
    ['operator', told, denied],
    ['admin', told, told],
  ] as const) {
    const { ask } = await serve(t, level);
    assert.equal(await ask('clear counters\n'), peaks);
    assert.equal(await ask('clear counters all\n'), all);
  }
});

test('prompt keeps the connection and prefixes every next answer', async (t) => {
  const { ask } = await serve(t);
  const text = await ask('prompt\nshow cli level\nset timeout cli 60\nget weight a/b\nquit\n');
  assert.equal(text, '\n> admin\n\n> \n> No such backend.\n\n> ');
});

test('show stat takes proxy, kind and server', async (t) => {
  const { ask } = await serve(t);
  const rows = async (filter: string): Promise<string[]> =>
    (await ask(`show stat ${filter}\n`))
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',', 2).join('/'));
  assert.deepEqual(await rows('3 4 2'), ['kube-master/m2']);
  assert.deepEqual(await rows('-1 1 -1'), ['kube-api/FRONTEND', 'stats/FRONTEND']);
  assert.deepEqual(await rows('kube-master 2 -1'), ['kube-master/BACKEND']);
  assert.deepEqual(await rows('1 2 -1'), []);
  assert.equal((await rows('kube-master')).length, 6);
});

test('a script that asked for JSON got CSV, and other arguments were dropped in silence', async (t) => {
  const { ask, table } = await serve(t);
  const format = (name: string, usage: string) =>
    `Format '${name}' is not available; use '${usage}'.`;
  const extra = (word: string, usage: string) => `Unexpected argument '${word}'; use '${usage}'.`;
  const answers: Readonly<Record<string, string>> = {
    'show stat json': format('json', 'show stat'),
    'show stat typed': format('typed', 'show stat'),
    'show stat -1 4 -1 json': format('json', 'show stat'),
    'show stat up no-maint typed desc': format('typed', 'show stat'),
    'show stat domain resolvers': extra('domain', 'show stat'),
    'show stat -1 4 -1 extra': extra('extra', 'show stat'),
    'show info json': format('json', 'show info'),
    'show info typed': format('typed', 'show info'),
    'show info desc': format('desc', 'show info'),
    'show info float': format('float', 'show info'),
    'show servers state kube-master m1': extra('m1', 'show servers state [<backend>]'),
    'show version full': extra('full', 'show version'),
    'show table nope': 'No such table',
    'disable server kube-master/m1 kube-master/m2': extra('kube-master/m2', 'disable server'),
    'set server kube-master/m1 state maint now': extra(
      'now',
      'set server <bk>/<srv> state ready|drain|maint',
    ),
    'set server kube-master/m1 weight 5 now': extra(
      'now',
      'set server <bk>/<srv> weight <weight>[%]',
    ),
    'set timeout cli 60 s': extra('s', 'set timeout [cli] <delay>'),
  };
  for (const [line, answer] of Object.entries(answers)) {
    assert.equal(await ask(`${line}\n`), `${answer}\n\n`, line);
  }
  assert.deepEqual([table.entry(0, 0).admin, table.entry(0, 1).admin], ['ready', 'ready']);
});

test('show stat no-maint showed the servers in maintenance', async (t) => {
  const { ask } = await serve(t);
  await ask('disable server kube-master/m1\n');
  assert.match(await ask('show stat\n'), /^kube-master,m1,/m);
  const shown = await ask('show stat no-maint\n');
  assert.doesNotMatch(shown, /^kube-master,m1,/m);
  assert.match(shown, /^kube-master,m2,/m);
});

test('commands behind the 64th of a line were dropped in silence', async (t) => {
  const { ask } = await serve(t);
  const chain = (count: number): string => `${Array(count).fill('show cli level').join(';')}\n`;
  assert.equal(await ask(chain(64)), 'admin\n\n'.repeat(64));
  const notice = 'Only 64 commands fit in one line; the rest was not run\n\n';
  assert.equal(await ask(chain(66)), 'admin\n\n'.repeat(64) + notice);
});

test('a line above the limit ran when its end came with it', async (t) => {
  const { ask, table } = await serve(t);
  const command = 'disable server kube-master/m1';
  assert.equal(await ask(`${command}${' '.repeat(16_400)}\n`), 'Command line too long\n\n');
  assert.equal(table.entry(0, 0).admin, 'ready');
  assert.equal(await ask(`${command}${' '.repeat(16_000)}\n`), '\n');
});

test('an endless line is cut off', async (t) => {
  const { ask, dial } = await serve(t);
  const socket = dial();
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {});
  socket.write('x'.repeat(20_000));
  await once(socket, 'end');
  assert.equal(Buffer.concat(chunks).toString(), 'Command line too long\n\n');
  assert.equal(await ask('show cli level\n'), 'admin\n\n');
});

test('a client that never reads gets no further answers', async (t) => {
  const { ask, dial, context } = await serve(t);
  let answers = 0;
  const { rows } = context;
  Object.assign(context, {
    rows: () => {
      answers++;
      return rows();
    },
  });
  const socket = dial();
  socket.on('error', () => {});
  socket.write('prompt\n');
  const lines = 5000;
  for (let line = 0; line < lines; line++) socket.write('show stat;show stat\n');
  // Settled when other clients were served several times and nothing moved.
  let settled = 0;
  let seen = -1;
  for (let round = 0; round < 1000 && settled < 20; round++) {
    await ask('show cli level\n');
    settled = answers === seen && answers > 0 ? settled + 1 : 0;
    seen = answers;
  }
  assert.equal(settled, 20);
  assert.ok(answers < lines, `${answers} answers of ${2 * lines}`);
  socket.destroy();
});

test('property: random bytes never bring it down', async (t) => {
  const { ask } = await serve(t);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const prefixes = [...Buffer.from('set server '), ...bytes, 10];
      await ask(Uint8Array.from([...bytes, 10]));
      await ask(Uint8Array.from(prefixes));
    }),
    { numRuns: 40 },
  );
  assert.equal(await ask('show cli level\n'), 'admin\n\n');
});

test('reload answers when it is over, in its turn, and only to an admin', async (t) => {
  const { ask, dial, context } = await serve(t);
  const reload = Promise.withResolvers<string>();
  Object.assign(context, { reload: () => reload.promise });
  const asked = ask('show cli level; reload; show cli level\n');
  const socket = dial();
  socket.write('prompt\n');
  await once(socket, 'data');
  reload.resolve('Success=1\n--\nserver a/b added\n');
  assert.equal(await asked, 'admin\n\nSuccess=1\n--\nserver a/b added\n\nadmin\n\n');
  const { ask: askOperator } = await serve(t, 'operator');
  assert.equal(await askOperator('reload\n'), 'Permission denied\n\n');
});
