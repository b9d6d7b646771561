import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENODEV, SystemError } from '../linux/errno.ts';
import { RaisedSettings } from './raised-settings.ts';

test('RaisedSettings says so when the interface is gone, and lowers nothing then', () => {
  const settings = new RaisedSettings({ promote_secondaries: '1' });
  const isGone = (error: unknown) => error instanceof SystemError && error.errno === ENODEV;
  assert.throws(() => settings.raise('no-such-device'), isGone);
  settings.lower('no-such-device');
});
