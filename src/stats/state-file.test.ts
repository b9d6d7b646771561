/** The expected lines are as HAProxy 2.6.12 printed them for servers in the same states. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ServerStateRow, serversStateText } from './state-file.ts';

const row: ServerStateRow = {
  backendId: 3,
  backend: 'b',
  serverId: 1,
  server: 'm1',
  host: '127.0.0.1',
  port: 16441,
  fqdn: null,
  service: null,
  served: false,
  up: true,
  stopping: false,
  admin: 'ready',
  followed: 'ready',
  disabledByConfig: false,
  weight: 1,
  configuredWeight: 1,
  lastChangeS: 2,
  check: { status: 'L4OK', health: 3 },
};

const line = (changes: Partial<ServerStateRow>): string | undefined =>
  serversStateText([{ ...row, ...changes }]).split('\n')[2];

test("serversStateText() writes HAProxy's state file, version 1", () => {
  const [version, header] = serversStateText([row]).split('\n');
  assert.equal(version, '1');
  assert.equal(header?.split(' ').length, 26);
  assert.equal(line({}), '3 b 1 m1 127.0.0.1 2 0 1 1 2 6 3 3 6 0 0 0 - 16441 - 0 0 - - 0');
});

test("states appear in HAProxy's numbers", () => {
  const refused = { status: 'L4CON', health: 0 } as const;
  assert.equal(
    line({ up: false, check: refused }),
    '3 b 1 m1 127.0.0.1 0 0 1 1 2 8 2 0 6 0 0 0 - 16441 - 0 0 - - 0',
  );
  assert.equal(
    line({ up: false, check: refused, admin: 'maint' }),
    '3 b 1 m1 127.0.0.1 0 1 1 1 2 8 2 0 14 0 0 0 - 16441 - 0 0 - - 0',
  );
  assert.equal(
    line({ admin: 'drain' }),
    '3 b 1 m1 127.0.0.1 2 8 1 1 2 6 3 3 6 0 0 0 - 16441 - 0 0 - - 0',
  );
  assert.equal(
    line({ check: null, admin: 'maint', disabledByConfig: true }),
    '3 b 1 m1 127.0.0.1 0 5 1 1 2 1 0 0 8 0 0 0 - 16441 - 0 0 - - 0',
  );
  assert.equal(
    line({ host: null, fqdn: 'api.example', up: true }),
    '3 b 1 m1 - 0 32 1 1 2 6 3 3 14 0 0 0 api.example 16441 - 0 0 - - 0',
  );
  assert.equal(
    line({ host: null, service: '_api._tcp.example', served: true, check: null }),
    '3 b 1 m1 - 0 96 1 1 2 1 0 0 8 0 0 0 - 16441 _api._tcp.example 0 0 - - 0',
  );
  assert.equal(
    line({ check: null }),
    '3 b 1 m1 127.0.0.1 2 0 1 1 2 1 0 2 0 0 0 0 - 16441 - 0 0 - - 0',
  );
});
