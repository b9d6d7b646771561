import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ANY_CHARACTER } from '../../test/kit/any-shape.ts';
import { actionText, adminAction, parseAdminForm } from './admin-form.ts';

test('parseAdminForm() reads what the page posts', () => {
  assert.deepEqual(parseAdminForm('s=k8s-master&s=m+2&action=drain&b=%233'), {
    backend: '#3',
    action: 'drain',
    servers: ['k8s-master', 'm 2'],
  });
});

test('parseAdminForm() takes what is missing, empty or broken as not given', () => {
  assert.deepEqual(parseAdminForm(''), { backend: null, action: null, servers: [] });
  assert.deepEqual(parseAdminForm('s=&action=&x=1&b='), {
    backend: '',
    action: null,
    servers: [],
  });
  assert.deepEqual(parseAdminForm('s=%zz').servers, ['%zz']);
});

test('adminAction() knows the new and the old actions, and no others', () => {
  assert.deepEqual(adminAction('disable'), {
    kind: 'set-admin',
    admin: 'maint',
    cause: " ('disable' on stats page)",
  });
  assert.deepEqual(adminAction('shutdown'), { kind: 'shutdown-sessions' });
  for (const name of ['hrunn', 'toString', '', 'READY']) assert.equal(adminAction(name), null);
});

test('actionText() has a text for every code, known or not', () => {
  assert.equal(actionText('DONE').good, true);
  assert.equal(actionText('PART').good, false);
  assert.equal(actionText('constructor').text, 'Unexpected result.');
});

test('property: parseAdminForm() never throws', () => {
  fc.assert(fc.property(fc.string({ unit: ANY_CHARACTER }), (body) => void parseAdminForm(body)));
});
