import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type HttpResponse, parseHttpResponse, RESPONSE_BYTES_MAX } from './http-response.ts';

function read(text: string, ended = false, bodyless = false): HttpResponse {
  const parsed = parseHttpResponse(text, ended, bodyless);
  assert.equal(parsed.kind, 'response');
  return (parsed as { response: HttpResponse }).response;
}

const kind = (text: string, ended = false): string => parseHttpResponse(text, ended, false).kind;

test('an answer of announced length is complete, and the connection may go on', () => {
  assert.deepEqual(read('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), {
    status: 200,
    reason: 'OK',
    body: 'ok',
    complete: true,
    reusable: true,
  });
  const half = read('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok');
  assert.deepEqual([half.complete, half.reusable], [false, false]);
});

test('chunks are put together, extensions and trailers left out', () => {
  const head = 'HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n';
  const whole = read(`${head}3;x=y\r\n[+]\r\n4\r\netcd\r\n0\r\nX-T: 1\r\n\r\n`);
  assert.deepEqual([whole.body, whole.complete, whole.reusable], ['[+]etcd', true, true]);
  const half = read(`${head}3\r\n[+]\r\n4\r\net`);
  assert.deepEqual([half.body, half.complete], ['[+]et', false]);
  assert.equal(kind(`${head}zz\r\n`), 'invalid');
  assert.equal(kind(`${head}1\r\nab\r\n`), 'invalid');
});

test('an answer without a length ends with its connection', () => {
  const head = 'HTTP/1.0 200 OK\r\n\r\nsome';
  assert.deepEqual([read(head).complete, read(head, true).complete], [false, true]);
  assert.equal(read(head, true).reusable, false);
});

test('who asks to close, or speaks HTTP/1.0 without keep-alive, is not asked again', () => {
  const length = 'Content-Length: 0\r\n\r\n';
  assert.equal(read(`HTTP/1.1 200 OK\r\nConnection: close\r\n${length}`).reusable, false);
  assert.equal(read(`HTTP/1.0 200 OK\r\n${length}`).reusable, false);
  assert.equal(read(`HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${length}`).reusable, true);
  assert.equal(read(`HTTP/1.1 200 OK\r\n${length}more`).reusable, false, 'out of step');
});

test('HEAD, 204 and 304 have no body; informational answers come first', () => {
  assert.equal(read('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', false, true).complete, true);
  assert.equal(read('HTTP/1.1 204 No Content\r\n\r\n').complete, true);
  const early = 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n';
  assert.equal(read(`${early}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`).status, 200);
  assert.equal(kind(early), 'partial');
  assert.equal(kind(early.repeat(20)), 'invalid');
});

test('what is no HTTP is known from its first bytes', () => {
  assert.equal(kind('HTT'), 'partial');
  assert.equal(kind('HTTP/1.1 20'), 'partial');
  assert.equal(kind('HTTP/1.1 20', true), 'invalid');
  assert.equal(kind('\u0015\u0003\u0003\u0000\u0002\u0002'), 'invalid');
  assert.equal(kind('', true), 'invalid');
  assert.equal(kind(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}`), 'invalid');
});

test('an endless answer is cut at a bound', () => {
  const head = 'HTTP/1.1 200 OK\r\n\r\n';
  const response = read(head + 'x'.repeat(RESPONSE_BYTES_MAX));
  assert.deepEqual([response.complete, response.reusable], [true, false]);
  const early = 'HTTP/1.1 103 Early Hints\r\n\r\n';
  const after = read((early + head).padEnd(RESPONSE_BYTES_MAX, 'x'));
  assert.deepEqual([after.complete, after.reusable], [true, false]);
});

test('property: no text makes it throw, and an ended one is never partial', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.string(),
      fc.constantFrom('HTTP/1.1 200 OK\r\n', 'Transfer-Encoding: chunked\r\n', '\r\n', '5\r\n'),
    ),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(pieces, fc.boolean(), (texts, ended) => {
      const parsed = parseHttpResponse(texts.join(''), ended, false);
      if (ended) assert.notEqual(parsed.kind, 'partial');
    }),
  );
});
