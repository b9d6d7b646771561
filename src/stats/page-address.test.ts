import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pageAddress, parsePageAddress } from './page-address.ts';

const URI = '/haproxyadmin?stats';
const PLAIN = { format: 'html', noRefresh: false, upOnly: false, scope: '', action: null };

test('parsePageAddress() takes the uri as a prefix, and options behind it', () => {
  assert.deepEqual(parsePageAddress(URI, URI), PLAIN);
  assert.equal(parsePageAddress(URI, '/haproxyadmin'), null);
  assert.deepEqual(parsePageAddress(URI, `${URI};csv;norefresh`), {
    ...PLAIN,
    format: 'csv',
    noRefresh: true,
  });
  assert.deepEqual(parsePageAddress('/', '/?;csv;scope=b1'), {
    ...PLAIN,
    format: 'csv',
    scope: 'b1',
  });
  assert.equal(parsePageAddress(URI, `${URI};st=DONE`)?.action, 'DONE');
});

test('parsePageAddress() takes nothing that could break out of a page', () => {
  assert.equal(parsePageAddress(URI, `${URI};st=<b>`)?.action, null);
  assert.equal(parsePageAddress(URI, `${URI};scope="onload=`)?.scope, '');
});

test("parsePageAddress() knows HAProxy's formats that are not written here", () => {
  for (const options of [';json', ';json-schema', ';typed', ';csv;json', '?;norefresh;json']) {
    assert.equal(parsePageAddress(URI, `${URI}${options}`)?.format, 'unavailable', options);
  }
});

test('pageAddress() and parsePageAddress() are inverse', () => {
  const request = { ...PLAIN, format: 'csv', upOnly: true, scope: 'b1', action: 'PART' } as const;
  assert.deepEqual(parsePageAddress(URI, pageAddress(URI, request)), request);
});
