import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StatusReport } from '../stats/status.ts';
import { findServer } from './administrative-state.ts';

const report = {
  balancer: {
    report: {
      backends: [
        { name: 'api', servers: [{ name: 'm1' }, { name: 'm2' }] },
        { name: 'other', servers: [{ name: 'm2' }] },
      ],
    },
  },
} as unknown as StatusReport;

describe('findServer()', () => {
  it('takes a name that is unique, or one with its backend', () => {
    assert.deepEqual(findServer(report, 'm1'), { backend: 'api', server: 'm1' });
    assert.deepEqual(findServer(report, 'other/m2'), { backend: 'other', server: 'm2' });
  });

  it('lists what there is when the name is unknown or not unique', () => {
    assert.throws(() => findServer(report, 'm9'), /"m9"; there are: api\/m1, api\/m2, other\/m2$/);
    assert.throws(() => findServer(report, 'm2'), /Several .*"m2": api\/m2, other\/m2$/);
  });
});
