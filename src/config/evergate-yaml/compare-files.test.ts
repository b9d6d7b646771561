import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareFiles } from './compare-files.ts';

const BASE = `vip: 192.168.1.94/24
listen: 8443
nodes:
  a: 192.168.1.92
  b: 192.168.1.93
vrrp:
  interval: 1s
stats:
  listen: 127.0.0.1:1080
  users:
    ops: correct-horse
`;

function said(other: string): readonly string[] {
  const files = [
    { file: 'a.yaml', text: BASE },
    { file: 'b.yaml', text: other },
  ];
  return compareFiles(files).map(
    ({ file, line, severity, code, text }) => `${file}:${line} ${severity} ${code} ${text}`,
  );
}

test('compareFiles() says nothing of what means the same', () => {
  assert.deepEqual(said(BASE), []);
  assert.deepEqual(said(BASE.replace('1s', '1000ms').replace('8443', '[8443]')), []);
  assert.deepEqual(said('nodes: ['), []);
});

test('compareFiles() takes another VIP or number for an error, with both places', () => {
  assert.deepEqual(said(BASE.replace('.94/24', '.95/24')), [
    'b.yaml:1 error split-brain "vip" is 192.168.1.95/24 here, and 192.168.1.94/24 in a.yaml:1; give all nodes the ' +
      'same file',
  ]);
  assert.match(
    said(BASE.replace('vrrp:', 'vrrp:\n  router-id: 7')).join(),
    /^b\.yaml:7 error split-brain "vrrp\.router-id" is 7 here, and not given in a\.yaml:6/,
  );
});

test('compareFiles() names what differs elsewhere, and no password', () => {
  assert.match(
    said(BASE.replace('8443', '9443')).join(),
    /^b\.yaml:2 warning nodes-differ "listen" is 9443/,
  );
  assert.match(
    said(BASE.replace('.93', '.95')).join(),
    /^b\.yaml:5 error nodes-differ "nodes\.b" is 192\.168\.1\.95 here/,
  );
  const secret = said(BASE.replace('correct-horse', 'battery')).join();
  assert.match(secret, /"stats\.users\.ops" is another here/);
  assert.doesNotMatch(secret, /battery|horse/);
});

test('compareFiles() knows that the order of nodes is their priority', () => {
  const swapped = BASE.replace(/( {2}a:.*\n)( {2}b:.*\n)/, '$2$1');
  assert.match(
    said(swapped).join(),
    /^b\.yaml:3 error nodes-differ "nodes" stand in another order than in a\.yaml:3/,
  );
});
