import assert from 'node:assert/strict';
import test from 'node:test';
import { parseIpPrefix } from '../../core/ip-address.ts';
import { kernelPrefixLength } from './kernel-prefix.ts';

function prefix(text: string) {
  const parsed = parseIpPrefix(text);
  assert.ok(parsed.ok);
  return parsed.value;
}

test('a virtual address takes its network along only where no own address leads there', () => {
  for (const [virtual, own, expected] of [
    ['10.77.0.100/24', ['10.77.0.1/24'], 32],
    ['10.77.0.100/24', ['192.168.1.1/24', '10.77.0.1/16'], 32],
    ['10.77.0.100/24', ['0.0.0.0/0'], 32],
    ['10.77.0.100/24', [], 24],
    ['10.77.0.100/24', ['10.78.0.1/24'], 24],
    ['10.77.0.100/24', ['10.77.0.1/25'], 24],
    ['10.77.0.100/32', [], 32],
    ['fd77::100/64', ['fd77::1/64', '10.77.0.1/24'], 128],
    ['fd77::100/64', ['fe80::1/64', '10.77.0.1/24'], 64],
  ] as const) {
    assert.equal(kernelPrefixLength(prefix(virtual), own.map(prefix)), expected, virtual);
  }
});
