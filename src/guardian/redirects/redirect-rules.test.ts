import assert from 'node:assert/strict';
import { test } from 'node:test';
import { putScript, removeScript } from './redirect-rules.ts';

test('putScript() replaces the whole table at once', () => {
  const script = putScript('evergate', [
    { address: '192.168.1.94', port: 6443, toPort: 8443 },
    { address: 'fd00::94', port: 9345, toPort: 11345 },
  ]);
  const rules = [
    '    ip daddr 192.168.1.94 tcp dport 6443 fib daddr type local dnat ip to 192.168.1.94:8443',
    '    ip6 daddr fd00::94 tcp dport 9345 fib daddr type local dnat ip6 to [fd00::94]:11345',
  ];
  const chain = (hook: string): readonly string[] => [
    `  chain ${hook} {`,
    `    type nat hook ${hook} priority -110; policy accept;`,
    ...rules,
    '  }',
  ];
  assert.deepEqual(script.trimEnd().split('\n'), [
    'table inet evergate',
    'delete table inet evergate',
    '',
    'table inet evergate {',
    ...chain('prerouting'),
    ...chain('output'),
    '}',
  ]);
});

test('removeScript() is no error where there is no table', () => {
  assert.equal(removeScript('evergate'), 'table inet evergate\ndelete table inet evergate\n');
});
