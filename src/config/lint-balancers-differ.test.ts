import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHaproxy } from './haproxy/index.ts';
import { HaproxyLines } from './import/haproxy-lines.ts';
import { lintBalancersDiffer } from './lint-balancers-differ.ts';

const BASE = `global
  nbthread 2
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend api
  bind 0.0.0.0:8443
  default_backend cp
frontend own
  bind 127.0.0.1:9000
  default_backend cp
listen two
  bind 10.0.0.1:9345
  server m1 10.0.0.1:9345
backend cp
  balance source
  default-server inter 2s
  server m1 10.0.0.1:6443 check
  server m2 10.0.0.2:6443 check
`;

/** What is said of a second file in which each pair's first text is its second. */
function said(...changes: readonly (readonly [string, string])[]): readonly string[] {
  let text = BASE;
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), from);
    text = text.replaceAll(from, to);
  }
  const files = [
    { file: 'a.cfg', text: BASE },
    { file: 'b.cfg', text },
  ];
  const balancers = files.map((each) => {
    const { config, diagnostics } = parseHaproxy(each.file, each.text, {});
    assert.ok(config !== null, JSON.stringify(diagnostics));
    return { file: each.file, config, lines: new HaproxyLines(each.file, each.text, {}) };
  });
  return lintBalancersDiffer(balancers).map((each) => {
    assert.equal(each.code, 'nodes-differ');
    return `${each.file}:${each.line} ${each.severity} ${each.text}`;
  });
}

const FIX = 'give all nodes the same, or clients are served otherwise after a failover';

test('lintBalancersDiffer() says nothing of what is alike, or each machine’s own', () => {
  assert.deepEqual(said(), []);
  assert.deepEqual(
    said(
      ['nbthread 2', 'nbthread 4'],
      ['10.0.0.1:9345\n  server', '10.0.0.2:9345\n  server'],
      ['127.0.0.1:9000', '127.0.0.1:9001'],
      ['m2 10.0.0.2:6443', 'm2 127.0.0.1:6443'],
      ['inter 2s', 'inter 2000ms'],
      ['1h', '60m'],
    ),
    [],
  );
});

test('lintBalancersDiffer() refuses frontends that a node lacks, and other ports', () => {
  assert.deepEqual(
    said(['frontend api', 'frontend kube'], ['bind 10.0.0.1:9345', 'bind 10.0.0.1:9346']),
    [
      'b.cfg:9 error Frontend "kube" (port 8443) is not in a.cfg: nobody takes its clients while the node without it has the VIP; add it to all nodes',
      'b.cfg:15 error Frontend "two" listens on port 9346 here, and on 9345 in a.cfg:15: clients know one; give all nodes the same',
      'b.cfg:0 error Frontend "api" (port 8443) of a.cfg:9 is not here: nobody takes its clients while the node without it has the VIP; add it to all nodes',
    ],
  );
});

test('lintBalancersDiffer() tells once what one line says of several', () => {
  assert.deepEqual(said(['timeout client 1h', 'timeout client 30m'], ['inter 2s', 'inter 3s']), [
    `b.cfg:6 warning Frontends "api", "two" have timeout client 30m here, and 1h in a.cfg:6; ${FIX}`,
    `b.cfg:20 warning Servers "m1", "m2" have inter 3s here, and 2s in a.cfg:20; ${FIX}`,
  ]);
});

test('lintBalancersDiffer() compares servers by their names, and their order where it counts', () => {
  assert.deepEqual(
    said(['m2 10.0.0.2:6443 check', 'm2 10.0.0.9:6443 weight 5\n  server m3 10.0.0.3:1']),
    [
      `b.cfg:21 warning Server "m2" is 10.0.0.9:6443 here, and 10.0.0.2:6443 in a.cfg:21; ${FIX}`,
      `b.cfg:22 warning Server "m3" of backend "cp" is not in a.cfg; ${FIX}`,
      `b.cfg:21 warning Server "m2" has weight 5 here, and 1 in a.cfg:21; ${FIX}`,
      `b.cfg:21 warning Server "m2" has check none here, and tcp in a.cfg:21; ${FIX}`,
    ],
  );
  assert.deepEqual(said(['  server m2 10.0.0.2:6443 check\n', '']), [
    `b.cfg:20 warning Backend "cp" has no server "m2" here, which a.cfg:21 has; ${FIX}`,
  ]);
  const swapped = [
    ['m1 10.0.0.1:6443', 'x'],
    ['m2 10.0.0.2:6443', 'm1 10.0.0.1:6443'],
    ['server x', 'server m2 10.0.0.2:6443'],
  ] as const;
  assert.deepEqual(said(...swapped), [
    'b.cfg:20 warning Servers of "cp" stand in another order than in a.cfg: "balance source" leads a client elsewhere after a failover; give all nodes the same',
  ]);
  const roundrobin = said(...swapped, ['balance source', 'balance roundrobin']);
  assert.deepEqual(roundrobin, [
    `b.cfg:18 warning Backend "cp" has balance roundrobin here, and source in a.cfg:18; ${FIX}`,
  ]);
});

test('lintBalancersDiffer() says that checks and rules are others, without all their words', () => {
  const checked = said(['balance source', 'option httpchk GET /readyz\n  balance source']);
  assert.deepEqual(checked, [
    `b.cfg:21 warning Servers "m1", "m2" have check http here, and tcp in a.cfg:20; ${FIX}`,
  ]);
  const ruled = said([
    'bind 0.0.0.0:8443',
    'bind 0.0.0.0:8443\n  tcp-request connection reject if { src 10.9.0.0/16 }',
  ]);
  assert.deepEqual(ruled, [
    `b.cfg:10 warning Frontend "api" has another "tcp-request connection" here than in a.cfg:9; ${FIX}`,
  ]);
});
