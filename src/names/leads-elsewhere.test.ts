import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leadsElsewhere } from './leads-elsewhere.ts';

test('leadsElsewhere() when the address in use has gone, or is the first of its family', () => {
  assert.equal(leadsElsewhere(['10.0.0.1'], ['10.0.0.2']), true);
  assert.equal(leadsElsewhere(['10.0.0.1'], ['10.0.0.1', 'fd00::1']), true);
  assert.equal(leadsElsewhere(['10.0.0.1', 'fd00::1'], ['10.0.0.1']), true);
  assert.equal(leadsElsewhere([], ['10.0.0.1']), true);
});

test('leadsElsewhere() is no matter of order, or of more addresses of one family', () => {
  assert.equal(leadsElsewhere(['10.0.0.1'], ['10.0.0.2', '10.0.0.1']), false);
  assert.equal(leadsElsewhere(['10.0.0.1', '10.0.0.2'], ['10.0.0.1']), false);
  assert.equal(leadsElsewhere([], []), false);
});
