import assert from 'node:assert/strict';
import { it } from 'node:test';
import { aheadMs } from './apiservers.ts';
import { defaultInterfaces, kernelSettings } from './settings.ts';

it('kernelSettings() reads those of this machine', () => {
  const { arpIgnore, strictReversePath } = kernelSettings();
  assert.equal(typeof arpIgnore, 'number');
  assert.ok(!strictReversePath.includes('all'));
});

it('defaultInterfaces() knows default routes from those to half of all addresses', () => {
  const table = [
    'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT',
    'ens224\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
    'tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0',
    'ens192\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
  ];
  assert.deepEqual(defaultInterfaces(table.join('\n')), ['ens224']);
  assert.deepEqual(defaultInterfaces(''), []);
});

it('aheadMs() says of a clock what is certain', () => {
  const date = 'Thu, 01 Jan 2026 00:00:10 GMT';
  const at = (seconds: number): number => Date.parse('2026-01-01T00:00:00Z') + seconds * 1000;
  assert.equal(aheadMs(date, at(10.2), at(10.4)), 0);
  assert.equal(aheadMs(date, at(9), at(12)), 0);
  assert.equal(aheadMs(date, at(4), at(5)), 5000);
  assert.equal(aheadMs(date, at(20), at(21)), -9001);
  assert.equal(aheadMs('yesterday', at(0), at(1)), null);
  assert.equal(aheadMs(undefined, at(0), at(1)), null);
});
