import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MastershipFile } from '../../address/mastership.ts';
import { LIFETIME_SECONDS, RENEW_INTERVAL_MS } from '../../address/rules/lifetime.ts';
import type { VrrpConfig, VrrpInstanceConfig } from '../../config/model/vrrp.ts';
import {
  ADDRESS_DEFAULTS,
  VRRP_DEFAULTS,
  VRRP_INSTANCE_DEFAULTS,
} from '../../config/vrrp-defaults.ts';
import { bootMs } from '../../linux/clock.ts';
import { downIntervalMs } from '../../vrrp/timers.ts';
import { openEstate, vigilOf } from './estate.ts';
import { VrrpSection } from './section.ts';

function instance(name: string, changes: Partial<VrrpInstanceConfig>): VrrpInstanceConfig {
  return {
    ...VRRP_INSTANCE_DEFAULTS,
    name,
    interface: 'ens192',
    virtualRouterId: 51,
    priority: 200,
    sourceAddress: '10.99.0.1',
    addresses: [{ ...ADDRESS_DEFAULTS, address: '10.99.0.100', prefixLength: 24 }],
    ...changes,
  };
}

const CONFIG: VrrpConfig = {
  ...VRRP_DEFAULTS,
  instances: [
    instance('slow', { version: 2, advertIntervalMs: 1000 }),
    instance('fast', { version: 3, advertIntervalMs: 256 }),
  ],
};
const LINKS = [{ index: 2, name: 'ens192', mac: new Uint8Array(6), switchedOn: true, up: true }];

test('an estate lasts until the lowest of backups takes over, from the last advertisement on', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-estate-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const mastershipFile = join(folder, 'mastership');
  new MastershipFile(mastershipFile).record('slow').note(5000, 200);
  // As it reaches the reaper.
  const estate = JSON.parse(JSON.stringify(new VrrpSection(CONFIG).estate(mastershipFile)));
  const before = bootMs();
  const [slow, fast] = openEstate(estate, { links: LINKS, present: [] });
  // RFC 3768 section 6.1: three intervals, and 255/256 s for priority 1.
  assert.equal(slow?.until, 5000 + 3000 + (255 * 1000) / 256);
  // RFC 9568 section 6.1: three intervals, and 255/256 of one; nothing is known of the last advertisement.
  const lastsMs = 3 * 256 + 255;
  assert.ok(fast !== undefined && fast.until >= before + lastsMs);
  assert.ok(fast.until <= bootMs() + lastsMs);
});

test('it lasts as long as the others were told to wait, whatever the files say', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-estate-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const mastershipFile = join(folder, 'mastership');
  const record = new MastershipFile(mastershipFile).record('fast');
  record.note(5000, 200);
  record.every(3000);
  const estate = new VrrpSection(CONFIG).estate(mastershipFile);
  const [, fast] = openEstate(estate, { links: LINKS, present: [] });
  assert.equal(fast?.until, 5000 + 3 * 3000 + (255 * 3000) / 256);
});

test('a patient section has others wait for seconds, as far as they believe it', () => {
  const bounded = { believedIntervals: { minMs: 20, maxMs: 500 } };
  const instances = [
    ...CONFIG.instances,
    instance('bounded', { version: 3, advertIntervalMs: 100, ...bounded }),
    instance('slower', { version: 3, advertIntervalMs: 4000 }),
  ];
  const patient = new VrrpSection({ ...CONFIG, instances }).patient().config.instances;
  assert.deepEqual(
    patient.map(({ advertIntervalMs }) => advertIntervalMs),
    // In version 2 nobody learns an interval from a master.
    [1000, 3000, 500, 4000],
  );
});

test('a section holds its addresses as long as its slowest instance', () => {
  assert.equal(new VrrpSection(CONFIG).heldMsMax, 3000 + (255 * 1000) / 256);
  assert.equal(new VrrpSection({ ...CONFIG, instances: [] }).heldMsMax, 0);
});

test('a master hangs before the first of backups takes over, and before its addresses have lapsed', () => {
  const instances = [10, 100, 1000, 40_000].map((advertIntervalMs) =>
    instance(`every ${advertIntervalMs} ms`, { version: 3, advertIntervalMs }),
  );
  const { silencesMs } = vigilOf({ vrrp: { ...CONFIG, instances }, mastershipFile: 'file' });
  assert.deepEqual([...silencesMs.values()], [50, 250, 1000, 1000]);
  for (const { name, advertIntervalMs } of instances.slice(1)) {
    assert.ok((silencesMs.get(name) ?? 0) < downIntervalMs(3, 254, advertIntervalMs));
  }
  assert.ok(Math.max(...silencesMs.values()) < LIFETIME_SECONDS * 1000 - RENEW_INTERVAL_MS);
});
