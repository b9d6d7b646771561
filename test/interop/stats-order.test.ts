/** The statistics of one haproxy.cfg from HAProxy and from us: the same rows, in the file's order, by the same numbers. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import { startBalancer } from '../kit/balancer.ts';
import { freePort } from '../kit/free-port.ts';
import { ADMIN_SOCKET, askSocket, startHaproxy, whyNoHaproxy } from '../kit/haproxy.ts';
import { waitUntil } from '../kit/wait-until.ts';

/** A page first, then what carries traffic, with names that a frontend and a backend share. */
const sections = (ports: readonly number[]): string => `defaults
  timeout connect 1s
  timeout client 1h
  timeout server 1h
frontend stats
  mode http
  bind 127.0.0.1:${ports[0]}
  stats enable
backend api
  server a 127.0.0.1:9
  server b 127.0.0.1:9
frontend off
  disabled
  bind 127.0.0.1:${ports[1]}
  default_backend api
listen through
  bind 127.0.0.1:${ports[2]}
  server c 127.0.0.1:9
frontend api
  bind 127.0.0.1:${ports[3]}
  default_backend api
listen page
  mode http
  bind 127.0.0.1:${ports[4]}
  stats enable
frontend bounded
  bind 127.0.0.1:${ports[5]}
  maxconn 70
  default_backend api
`;

/** Per row: proxy, name, number of the proxy, and whether there is a limit. */
function shape(csv: string): readonly string[] {
  const [header = '', ...rows] = csv.trim().split('\n');
  const names = header.replace('# ', '').split(',');
  return rows.map((row) => {
    const cells = row.split(',');
    const cell = (name: string): string => cells[names.indexOf(name)] ?? '';
    const limit = cell('slim');
    const bounded = limit === '' ? 'no slim' : Number(limit) > 0 ? 'slim' : 'slim 0';
    return [cell('pxname'), cell('svname'), cell('iid'), bounded].join(' ');
  });
}

test("statistics have HAProxy's rows in the file's order, and its limits", async (t) => {
  const reason = whyNoHaproxy('socat');
  if (reason !== null) return t.skip(reason);
  const ports = await Promise.all(Array.from({ length: 6 }, () => freePort()));
  const { config, diagnostics } = parseHaproxy('h', sections(ports), {});
  assert.ok(config !== null, JSON.stringify(diagnostics));
  const process = { ...config.process, statsSockets: [ADMIN_SOCKET] };
  // Listeners of ours are on ports of their own.
  const ours = await startBalancer(t, { ...config, process });
  const theirs = join(ours.folder, 'theirs.sock');
  startHaproxy(t, ours.folder, `global\n  stats socket ${theirs} level admin\n${sections(ports)}`);
  const tables: string[] = [];
  for (const path of [theirs, ours.sockets.admin ?? '']) {
    await waitUntil(`${path} answers`, async () => {
      const answer = await askSocket(path, 'show stat').catch(() => '');
      return answer.includes('bounded') && tables.push(answer) > 0;
    });
  }
  const [their = '', our = ''] = tables;
  assert.deepEqual(shape(our), shape(their));
  assert.ok(shape(our).includes('stats FRONTEND 2 slim'), shape(our).join('\n'));
});
