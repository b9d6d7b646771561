import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNative } from './evergate-yaml/index.ts';
import { parseHaproxy } from './haproxy/index.ts';
import { parseKeepalived } from './keepalived/index.ts';
import { scanTemplates, scanVariables } from './templates.ts';

function said(text: string): readonly string[] {
  return scanTemplates('f', text, '#!').map((each) => `${each.line}:${each.column} ${each.text}`);
}

test('scanTemplates() names each place that was not filled in, up to five lines', () => {
  const place = (what: string) =>
    `"${what}" is a place of a template that was not filled in; render the file first`;
  assert.deepEqual(said('ok\n server a {{ ip }}:6443 {{ x }}\n'), [`2:11 ${place('{{ ip }}')}`]);
  assert.deepEqual(said('{% for m in masters %}\n'), [`1:1 ${place('{% for m in masters %}')}`]);
  assert.deepEqual(said('vip: {{ .Values.vip | quote }}\n'), [
    `1:6 ${place('{{ .Values.vip | quote }}')}`,
  ]);
  const many = said('a {{ b }}\n'.repeat(9));
  assert.equal(many.length, 6);
  assert.match(many.at(-1) ?? '', /^0:0 Places .* in 4 more lines/);
});

test('scanTemplates() leaves comments, formats, conditions and braces of flow maps alone', () => {
  const fine =
    '# {{ note }}\n! {{ note }}\nacl a { src 10.0.0.1 }\nlog-format "{%ci:%cp} %[src]{{"\n' +
    'nodes: { a: { b: 1 } }\nlog-format \'{"a":{"b":"%ci"}}\'\nvirtual_ipaddress { 10.0.0.1 }\n';
  assert.deepEqual(said(fine), []);
});

test('every front end says of a template nothing but that it is one', () => {
  const options = {
    readInclude: () => [],
    readScript: () => null,
    configId: null,
    keepScripts: false,
    balancerHere: true,
  };
  const context = {
    node: null,
    hostName: null,
    localAddresses: [],
    canRedirect: true,
    fileExists: () => false,
    groupExists: () => false,
    mustBeNode: true,
  };
  const results = [
    parseHaproxy('f', 'frontend f\n bind {{ vip }}:8443\n', {}),
    parseKeepalived('f', 'vrrp_instance A {\n state {{ state }}\n}\n', options),
    parseNative('f', 'vip: {{ vip }}\nlisten: 8443\n', context),
  ];
  for (const { config, diagnostics } of results) {
    assert.equal(config, null);
    assert.deepEqual(
      diagnostics.map(({ code }) => code),
      ['unrendered-template'],
    );
  }
});

test('a variable of the environment is told of where none is read, and nothing else is one', () => {
  const said = (text: string) =>
    scanVariables('evergate.yaml', text.replaceAll('@', '$'), '#').map((each) => each.text);
  for (const text of ['vip: @{VIP}/24', 'listen: "@{PORT:-8443}"', 'x: @{A_1}']) {
    assert.equal(said(text).length, 1, text);
    assert.match(said(text)[0] ?? '', /is a variable, and none is read here/);
  }
  for (const text of ['# @{VIP}', 'a: @VIP', 'a: @{}', 'a: @{1}', 'a: "@{ x }"', 'a: 5@']) {
    assert.deepEqual(said(text), [], text);
  }
});
