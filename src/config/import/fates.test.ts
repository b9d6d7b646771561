/** Every directive that a front end understands is carried over or has a reason why it is not. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GLOBAL_DIRECTIVES } from '../haproxy/directives-global.ts';
import { PROXY_DIRECTIVES } from '../haproxy/directives-proxy.ts';
import { BIND_KEYWORDS, SERVER_KEYWORDS } from '../haproxy/keywords.ts';
import { GLOBAL_DEFS, TOP_LEVEL, VRRP_INSTANCE } from '../keepalived/directives.ts';
import * as fates from './fates.ts';

function judged(carried: string, leftOut: fates.Fates): readonly string[] {
  return [...carried.split(','), ...Object.keys(leftOut)].toSorted();
}

/** Words that a table has a conversion for. */
function understood(
  table: Iterable<readonly [string, { readonly treatment: { readonly does: string } }]>,
): readonly string[] {
  return [...table]
    .filter(([, { treatment }]) => treatment.does === 'convert')
    .map(([name]) => name)
    .toSorted();
}

function rules(table: typeof TOP_LEVEL): readonly string[] {
  return Object.keys(table)
    .filter((name) => table[name]?.does === 'convert')
    .toSorted();
}

test('every directive of haproxy.cfg has a fate', () => {
  const { GLOBAL_CARRIED, GLOBAL_LEFT_OUT, PROXY_CARRIED, PROXY_LEFT_OUT } = fates;
  assert.deepEqual(judged(GLOBAL_CARRIED, GLOBAL_LEFT_OUT), understood(GLOBAL_DIRECTIVES));
  assert.deepEqual(judged(PROXY_CARRIED, PROXY_LEFT_OUT), understood(PROXY_DIRECTIVES));
});

test('every keyword of server and bind lines has a fate', () => {
  const { SERVER_CARRIED, SERVER_LEFT_OUT, BIND_CARRIED, BIND_LEFT_OUT } = fates;
  assert.deepEqual(judged(SERVER_CARRIED, SERVER_LEFT_OUT), understood(SERVER_KEYWORDS));
  assert.deepEqual(judged(BIND_CARRIED, BIND_LEFT_OUT), understood(BIND_KEYWORDS));
});

test('every directive of keepalived.conf has a fate', () => {
  const { BLOCKS_CARRIED, BLOCKS_LEFT_OUT, DEFS_CARRIED, DEFS_LEFT_OUT } = fates;
  const { INSTANCE_CARRIED, INSTANCE_LEFT_OUT } = fates;
  assert.deepEqual(judged(BLOCKS_CARRIED, BLOCKS_LEFT_OUT), rules(TOP_LEVEL));
  assert.deepEqual(judged(DEFS_CARRIED, DEFS_LEFT_OUT), rules(GLOBAL_DEFS));
  assert.deepEqual(judged(INSTANCE_CARRIED, INSTANCE_LEFT_OUT), rules(VRRP_INSTANCE));
});
