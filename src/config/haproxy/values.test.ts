import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isProxyName, parseInteger, parseMode, parseTimeMs, TIME_MS_MAX } from './values.ts';

test('parseTimeMs() takes every unit, and milliseconds where there is none', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['5000', 5_000],
    ['10s', 10_000],
    ['1m', 60_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['250ms', 250],
    ['3000us', 3],
    ['0', 0],
  ];
  for (const [text, ms] of cases)
    assert.deepEqual(parseTimeMs(text), { ok: true, value: ms }, text);
  assert.deepEqual(parseTimeMs('30', 's'), { ok: true, value: 30_000 });
});

test('parseTimeMs() rounds up, so that a short time does not become no limit', () => {
  assert.deepEqual(parseTimeMs('1us'), { ok: true, value: 1 });
  assert.deepEqual(parseTimeMs('1001us'), { ok: true, value: 2 });
});

test('parseTimeMs() refuses what is no time and what is too long', () => {
  for (const text of [
    '',
    's',
    '5x',
    '1.5s',
    '-1',
    '5 s',
    '25d',
    '5constructor',
    `${TIME_MS_MAX + 1}`,
    '9e9',
  ]) {
    assert.equal(parseTimeMs(text).ok, false, text);
  }
  assert.equal(parseTimeMs(`${TIME_MS_MAX}`).ok, true);
});

test('parseTimeMs() never throws and stays in its range', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const parsed = parseTimeMs(text);
      assert.ok(!parsed.ok || (parsed.value >= 0 && parsed.value <= TIME_MS_MAX));
    }),
  );
});

test('parseInteger() keeps to its bounds', () => {
  assert.deepEqual(parseInteger('7', 7, 9), { ok: true, value: 7 });
  assert.deepEqual(parseInteger('9', 7, 9), { ok: true, value: 9 });
  for (const text of ['6', '10', '', '7x', '+7', '0x8', '7.0']) {
    assert.equal(parseInteger(text, 7, 9).ok, false, text);
  }
});

test('parseMode() reads octal', () => {
  assert.deepEqual(parseMode('660'), { ok: true, value: 0o660 });
  assert.deepEqual(parseMode('0600'), { ok: true, value: 0o600 });
  assert.equal(parseMode('999').ok, false);
  assert.equal(parseMode('rw').ok, false);
});

test('isProxyName() takes what HAProxy takes', () => {
  assert.ok(isProxyName('kube-api_1.x:y'));
  assert.ok(!isProxyName(''));
  assert.ok(!isProxyName('a/b'));
  assert.ok(!isProxyName('a b'));
});
