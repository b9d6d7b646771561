import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { it } from 'node:test';
import { capabilitiesOf, openFilesMaxOf, openSockets, parseSocketTable } from './processes.ts';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const REST = '00000000:00000000 00:00000000 00000000     0        0';

it('parseSocketTable() reads addresses of both families, and only sockets that take strangers', () => {
  const lines = [
    `   0: 5C01A8C0:20FB 00000000:0000 0A ${REST} 11 1 0 100 0 0 10 0`,
    `   1: 00000000000000000000000001000000:20FB 00000000000000000000000000000000:0000 0A ${REST} 12 1`,
    `   2: 5C01A8C0:20FB 5D01A8C0:A000 01 ${REST} 13 1`,
  ];
  const read = parseSocketTable([HEAD, ...lines, ''].join('\n'), 'tcp');
  assert.deepEqual(read, [
    { protocol: 'tcp', address: '192.168.1.92', port: 8443, inode: '11' },
    { protocol: 'tcp', address: '::1', port: 8443, inode: '12' },
  ]);
  const udp = parseSocketTable(
    [HEAD, `   0: 00000000:20FD 00000000:0000 07 ${REST} 14 2`].join('\n'),
    'udp',
  );
  assert.deepEqual(udp, [{ protocol: 'udp', address: '0.0.0.0', port: 8445, inode: '14' }]);
  assert.deepEqual(parseSocketTable('', 'tcp'), []);
});

it('openSockets() finds this very process, and its rights and limits can be read', async (t) => {
  const server = createServer();
  t.after(() => server.close());
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const found = openSockets(new Set([address.port]), Number.POSITIVE_INFINITY);
  assert.equal(found.length, 1);
  assert.ok(found[0]?.owners.some(({ pid }) => pid === process.pid));
  assert.equal(typeof capabilitiesOf(process.pid), 'bigint');
  assert.equal(capabilitiesOf(2 ** 30), null);
  assert.ok((openFilesMaxOf(process.pid) ?? 0) > 16);
  assert.equal(openFilesMaxOf(2 ** 30), null);
});
