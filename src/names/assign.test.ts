import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Target } from './answer.ts';
import { assign, type Claimant } from './assign.ts';

const at = (host: string, port = 6443) => ({ host, port });
const targets = (...hosts: readonly string[]): readonly Target[] =>
  hosts.map((host) => ({ host, port: null, weight: null }));
const claimant = (current: string | null, more: Partial<Claimant> = {}): Claimant => ({
  current: current === null ? null : at(current),
  port: 6443,
  prefer: 'ipv4',
  ...more,
});
const hosts = (claimants: readonly Claimant[], from: readonly Target[]) =>
  assign(claimants, from).map((one) => one?.host ?? null);

test('assign() leaves everybody where he is, whatever the order of an answer', () => {
  const claimants = [claimant('10.0.0.1'), claimant('10.0.0.2'), claimant(null)];
  const answer = targets('10.0.0.3', '10.0.0.2', '10.0.0.1');
  assert.deepEqual(hosts(claimants, answer), ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
});

test('assign() gives each an address of its own, and none to those that are too many', () => {
  const claimants = [claimant(null), claimant(null), claimant(null)];
  assert.deepEqual(hosts(claimants, targets('10.0.0.1', '10.0.0.2')), [
    '10.0.0.1',
    '10.0.0.2',
    null,
  ]);
  const sharing = claimants.map((one) => ({ ...one, shares: true as const }));
  assert.deepEqual(hosts(sharing, targets('10.0.0.1')), ['10.0.0.1', '10.0.0.1', '10.0.0.1']);
});

test('assign() takes two servers of one address apart as soon as there are two', () => {
  const claimants = [claimant('10.0.0.1'), claimant('10.0.0.1')];
  assert.deepEqual(hosts(claimants, targets('10.0.0.1', '10.0.0.2')), ['10.0.0.1', '10.0.0.2']);
});

test('assign() takes the family that is preferred, and the other one where there is no other', () => {
  const both = targets('10.0.0.1', 'fd00::1');
  assert.deepEqual(hosts([claimant(null, { prefer: 'ipv6' })], both), ['fd00::1']);
  assert.deepEqual(hosts([claimant(null)], both), ['10.0.0.1']);
  assert.deepEqual(hosts([claimant(null)], targets('fd00::1')), ['fd00::1']);
});

test('assign() goes to a preferred network as soon as it has an address', () => {
  const near = { networks: ['10.9.0.0/16'] };
  assert.deepEqual(hosts([claimant('10.0.0.1', near)], targets('10.0.0.1')), ['10.0.0.1']);
  const answer = targets('10.0.0.1', '10.9.0.1');
  assert.deepEqual(hosts([claimant('10.0.0.1', near)], answer), ['10.9.0.1']);
});

test('assign() tells the ports of a service apart', () => {
  const answer: readonly Target[] = [
    { host: '10.0.0.1', port: 1, weight: 10 },
    { host: '10.0.0.1', port: 2, weight: 20 },
  ];
  assert.deepEqual(assign([claimant(null, { port: 0 }), claimant(null, { port: 0 })], answer), [
    { host: '10.0.0.1', port: 1, weight: 10 },
    { host: '10.0.0.1', port: 2, weight: 20 },
  ]);
});

test('assign() hands every address out at most once, and moves nobody without need', () => {
  const address = fc.integer({ min: 1, max: 6 }).map((last) => `10.0.0.${last}`);
  fc.assert(
    fc.property(
      fc.array(fc.option(address), { maxLength: 6 }),
      fc.uniqueArray(address, { maxLength: 6 }),
      (currents, answer) => {
        const claimants = currents.map((current) => claimant(current));
        const given = hosts(claimants, targets(...answer));
        const places = given.filter((host) => host !== null);
        assert.equal(new Set(places).size, places.length);
        assert.equal(places.length, Math.min(answer.length, currents.length));
        for (const [index, current] of currents.entries()) {
          const first = currents.indexOf(current) === index;
          if (first && current !== null && answer.includes(current)) {
            assert.equal(given[index], current);
          }
        }
      },
    ),
  );
});
