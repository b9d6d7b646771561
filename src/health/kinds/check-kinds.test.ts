/** What every kind of check must hold. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckParts, FileFiller } from './check-kind.ts';
import { ALL_CHECK_KINDS, CHECK_TYPES, checkKindOf, checkKindOfType } from './check-kinds.ts';

const PARTS: CheckParts = {
  schedule: {
    host: null,
    port: null,
    intervalMs: 2000,
    fastIntervalMs: 1000,
    downIntervalMs: 2000,
    rise: 2,
    fall: 3,
    connectTimeoutMs: 1000,
    responseTimeoutMs: null,
    passive: null,
  },
  tls: {
    verify: 'required',
    ca: { path: '/ca', text: null },
    certificate: { cert: { path: '/cert', text: null }, key: { path: '/key', text: null } },
    sni: null,
    verifyName: null,
    alpn: [],
    clientNames: [],
  },
  http: {
    request: {
      method: 'GET',
      uri: '/readyz',
      version: '1.1',
      headers: [],
      body: '',
      token: { path: '/token', text: null },
    },
    expect: [],
    drainOn: 'none',
    keepConnection: true,
  },
};

const FILES: FileFiller = {
  fillTls: (tls) => ({
    ...tls,
    ca: tls.ca === null ? null : FILES.fillText(tls.ca),
    certificate:
      tls.certificate === null
        ? null
        : {
            cert: FILES.fillText(tls.certificate.cert),
            key: FILES.fillText(tls.certificate.key),
          },
  }),
  fillText: ({ path }) => ({ path, text: 'read' }),
};

test('a kind is found by its name in the model and by its type in a file', () => {
  assert.equal(new Set(CHECK_TYPES).size, ALL_CHECK_KINDS.length);
  for (const type of CHECK_TYPES) {
    const kind = checkKindOfType(type);
    assert.equal(checkKindOf(kind.build(PARTS).kind), kind, type);
  }
});

test('a kind with an option takes TLS: any server of its backend may have "check-ssl"', () => {
  const options = ALL_CHECK_KINDS.flatMap(({ option }) => option ?? []);
  assert.equal(new Set(options).size, options.length);
  for (const { type, option, takesTls } of ALL_CHECK_KINDS) {
    assert.ok(option === null || takesTls, type);
  }
});

test('a kind keeps what it takes and reads each of its files', () => {
  for (const kind of ALL_CHECK_KINDS) {
    const built = kind.build(PARTS);
    const text = JSON.stringify(built);
    assert.equal(text.includes('"tls":{'), kind.takesTls, kind.type);
    assert.equal(text.includes('"/readyz"'), kind.takesHttp, kind.type);
    const filled = JSON.stringify(kind.withFiles(built, FILES));
    assert.equal(filled, text.replaceAll('"text":null', '"text":"read"'), kind.type);
  }
});
