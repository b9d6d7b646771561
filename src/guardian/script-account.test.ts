import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OperationalError } from '../core/errors.ts';
import { findAccount } from '../linux/identity.ts';
import { scriptAccount } from './script-account.ts';

const script = { name: 'chk', user: null, group: null };

describe('scriptAccount()', () => {
  it('takes the named account with its own group', () => {
    const nobody = findAccount('nobody');
    assert.deepEqual(scriptAccount({ ...script, user: 'nobody' }, true), {
      uid: nobody?.uid,
      gid: nobody?.gid,
    });
  });

  it('does not run a script as root because its account is misspelt', () => {
    for (const wrong of [{ user: 'nobdoy' }, { group: 'no-such-group' }]) {
      assert.throws(
        () => scriptAccount({ ...script, ...wrong }, true),
        (error) => error instanceof OperationalError && error.code === 'missing-account',
      );
    }
  });

  it('cannot change account without root', () => {
    assert.equal(scriptAccount({ ...script, user: 'nobody' }, false), null);
  });
});
