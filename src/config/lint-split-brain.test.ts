import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseKeepalived } from './keepalived/index.ts';
import { lintNodes } from './lint.ts';

type Lines = { readonly [Directive in string]?: string | null };

/** A file of one instance; `lines` replace or add directives, null takes one out. */
function fileOf(name: string, lines: Lines = {}): { file: string; text: string } {
  const directives: Lines = {
    interface: 'eth0',
    virtual_router_id: '51',
    virtual_ipaddress: '{ 10.0.0.100/24 }',
    ...lines,
  };
  const body = Object.entries(directives).flatMap(([directive, value]) =>
    value === null ? [] : [`  ${directive} ${value}`],
  );
  return { file: name, text: ['vrrp_instance A {', ...body, '}', ''].join('\n') };
}

/** What only the files together show. */
function lint(...files: readonly { file: string; text: string }[]): readonly string[] {
  const options = {
    readInclude: () => [],
    readScript: () => null,
    configId: null,
    keepScripts: false,
    balancerHere: true,
  };
  const facts = files.map(({ file, text }) => {
    const parsed = parseKeepalived(file, text, options);
    assert.notEqual(parsed.config, null, JSON.stringify(parsed.diagnostics));
    return parsed.facts;
  });
  return lintNodes(facts)
    .filter(({ code }) => code === 'split-brain')
    .map(({ file, line, severity, text }) => `${file}:${line} ${severity} ${text}`);
}

test('lintNodes() refuses one VIP under two virtual router ids, which both nodes would hold', () => {
  const [only, ...more] = lint(fileOf('a'), fileOf('b', { virtual_router_id: '81' }), fileOf('c'));
  assert.equal(
    only,
    'b:3 error The VIP 10.0.0.100 has virtual_router_id 81 here and 51 in a:3: each node would hold it; ' +
      'give all nodes the same',
  );
  assert.deepEqual(more, []);
});

test('lintNodes() takes another interface and priority, and another VIP under another id', () => {
  assert.deepEqual(lint(fileOf('a'), fileOf('b', { interface: 'ens192', priority: '90' })), []);
  const other = { virtual_router_id: '52', virtual_ipaddress: '{ 10.0.0.101/24 }' };
  assert.deepEqual(lint(fileOf('a'), fileOf('b', other)), []);
});

test('lintNodes() refuses what makes nodes drop the advertisements of others', () => {
  const pass = (word: string) => `{\n    auth_type PASS\n    auth_pass ${word}\n  }`;
  const cases: readonly (readonly [Lines, Lines, RegExp])[] = [
    [{}, { version: '3' }, /version 3 here and 2 in a:/],
    [{}, { advert_int: '2' }, /advert_int 2 here and 1 in a:/],
    [{}, { authentication: pass('x') }, /auth_type PASS here and none in a:/],
    [{ authentication: pass('x') }, { authentication: pass('y') }, /another auth_pass than a:/],
    [{}, { unicast_peer: '{ 10.0.0.1 }' }, /transport unicast here and multicast in a:/],
    [
      {},
      { mcast_dst_ip: '224.0.0.19' },
      /multicast group 224\.0\.0\.19 here and 224\.0\.0\.18 in a:/,
    ],
  ];
  for (const [here, there, expected] of cases) {
    const [first, ...more] = lint(fileOf('a', here), fileOf('b', there));
    assert.match(first ?? '', expected);
    assert.deepEqual(more, []);
  }
  // Version 3 tells its interval.
  const third = { version: '3', advert_int: '0.5' };
  assert.deepEqual(lint(fileOf('a', { version: '3' }), fileOf('b', third)), []);
});

test('lintNodes() refuses unicast peers that lack one of the nodes', () => {
  const node = (last: number, ...peers: readonly number[]) =>
    fileOf(`n${last}`, {
      unicast_src_ip: `10.0.0.${last}`,
      unicast_peer: `{\n    ${peers.map((peer) => `10.0.0.${peer}`).join('\n    ')}\n  }`,
    });
  assert.deepEqual(lint(node(1, 2, 3), node(2, 1, 3), node(3, 1, 2)), []);
  const [only, ...more] = lint(node(1, 2), node(2, 1, 3), node(3, 1, 2));
  assert.match(
    only ?? '',
    /^n1:3 error The peers for the VIP 10\.0\.0\.100 lack 10\.0\.0\.3, .* in n3:3/,
  );
  assert.deepEqual(more, []);
});
