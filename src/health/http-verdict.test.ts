import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpCheckRules, HttpExpectation } from '../config/model/checks.ts';
import { judgeHttp } from './http-verdict.ts';

type Rules = Pick<HttpCheckRules, 'expect' | 'drainOn' | 'denialPasses'>;

const response = (status: number, body = '', complete = true) => ({
  status,
  reason: 'Reason',
  body,
  complete,
  reusable: true,
});

function judge(status: number, rules: Partial<Rules> = {}, body = '', complete = true) {
  const verdict = judgeHttp(
    { expect: [], drainOn: 'none', ...rules },
    response(status, body, complete),
  );
  return verdict === null ? null : `${verdict.status} ${verdict.code ?? ''} ${verdict.info}`.trim();
}

test('without expectations 2xx and 3xx pass', () => {
  assert.deepEqual(
    [200, 204, 302, 399, 400, 401, 500, 101].map((status) => judge(status)),
    [
      'L7OK 200',
      'L7OK 204',
      'L7OK 302',
      'L7OK 399',
      'L7STS 400 Reason',
      'L7STS 401 Reason',
      'L7STS 500 Reason',
      'L7STS 101 Reason',
    ],
  );
});

test('a status may be expected, by number, range and pattern, or not', () => {
  const ranges = [
    { min: 200, max: 200 },
    { min: 401, max: 403 },
  ];
  const expect: HttpExpectation[] = [{ kind: 'status', negated: false, ranges }];
  assert.equal(judge(401, { expect }), 'L7OK 401');
  assert.equal(judge(204, { expect }), 'L7STS 204 Reason');
  const not: HttpExpectation[] = [{ kind: 'rstatus', negated: true, pattern: '^5' }];
  assert.equal(judge(404, { expect: not }), 'L7OK 404');
  assert.equal(judge(503, { expect: not }), 'L7STS 503 Reason');
});

test('a body is read until the answer to the question is certain', () => {
  const has: HttpExpectation[] = [{ kind: 'string', negated: false, text: 'etcd ok' }];
  assert.equal(judge(500, { expect: has }, 'etc', false), null);
  assert.equal(judge(500, { expect: has }, '[+]etcd ok', false), 'L7OK 500');
  assert.equal(judge(200, { expect: has }, 'etc'), 'L7RSP  HTTP content check did not match');
  const lacks: HttpExpectation[] = [{ kind: 'rstring', negated: true, pattern: '\\[-\\]' }];
  assert.equal(judge(200, { expect: lacks }, 'a', false), null);
  assert.equal(
    judge(200, { expect: lacks }, '[-]', false),
    'L7RSP  HTTP check matched unwanted content',
  );
  assert.equal(judge(200, { expect: lacks }, 'fine'), 'L7OK 200');
});

test('all expectations must hold', () => {
  const expect: HttpExpectation[] = [
    { kind: 'status', negated: false, ranges: [{ min: 200, max: 200 }] },
    { kind: 'string', negated: false, text: 'ok' },
  ];
  assert.equal(judge(200, { expect }, 'ok'), 'L7OK 200');
  assert.equal(judge(500, { expect }, 'ok'), 'L7STS 500 Reason');
  assert.equal(judge(200, { expect }, 'no'), 'L7RSP  HTTP content check did not match');
});

test('a drain is a pass on a condition: for 404, or for every unexpected status', () => {
  assert.equal(judge(404, { drainOn: '404' }), 'L7OKC 404 Reason');
  assert.equal(judge(500, { drainOn: '404' }), 'L7STS 500 Reason');
  assert.equal(judge(500, { drainOn: 'unexpected-status' }), 'L7OKC 500 Reason');
  const verdict = judgeHttp({ expect: [], drainOn: 'unexpected-status' }, response(503));
  assert.equal(verdict?.passed, true);
});

test('a stranger that is denied knows that the server is alive, and says so', () => {
  const ranges = [{ min: 200, max: 200 }];
  const expect: HttpExpectation[] = [{ kind: 'status', negated: false, ranges }];
  const rules = { expect, drainOn: 'unexpected-status', denialPasses: true } as const;
  for (const status of [401, 403]) {
    const verdict = judgeHttp(rules, response(status));
    assert.equal(verdict?.status, 'L7OK');
    assert.match(verdict.warnings?.[0] ?? '', new RegExp(`^It answers strangers with ${status}: `));
  }
  assert.equal(judge(500, rules), 'L7OKC 500 Reason');
  assert.equal(judge(200, rules), 'L7OK 200');
  assert.equal(judge(401, { expect, drainOn: 'unexpected-status' }), 'L7OKC 401 Reason');
});
