/** The catalogue of counters holds: what is counted is shown, what is shown is there, and nothing is for nothing. */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { CATALOGUE, type CounterRow, type CounterTable } from '../../src/stats/catalogue.ts';
import { CSV_COLUMNS } from '../../src/stats/csv.ts';
import { TEST_INFO } from '../../src/stats/fixture.ts';
import { infoEntries } from '../../src/stats/info.ts';
import { METRICS } from '../../src/stats/metrics/metrics.ts';

type Entry = CounterRow & { readonly block: string; readonly name: string; readonly place: string };

const entries = Object.entries<CounterTable>(CATALOGUE).flatMap(([block, table]) =>
  Object.entries(table).map(
    ([name, row]): Entry => ({ ...row, block, name, place: `${block}.${name}` }),
  ),
);

/** Places of those that are not as they should be. */
function offences(isOffence: (entry: Entry) => boolean): readonly string[] {
  return entries.filter(isOffence).map(({ place }) => place);
}

const metricsOf = ({ metrics = {}, backendMetrics = {} }: Entry): readonly string[] =>
  Object.keys({ ...metrics, ...backendMetrics });

/** What planes do with counters, but for reading them. */
const writes = globSync('src/planes/**/*.ts')
  .filter((file) => !file.endsWith('.test.ts') && !file.includes('/fixture/'))
  .map((file) => readFileSync(file, 'utf8').replaceAll(/\.(get|sum)\([\w.]+\)/g, ''))
  .join('\n');

describe('each counter', () => {
  it('is in the catalogue', () => assert.ok(entries.length > 40, String(entries.length)));

  it('is counted by a plane', () => {
    assert.deepEqual(
      offences(({ name }) => !new RegExp(`\\.${name}\\b`).test(writes)),
      [],
    );
  });

  it('is shown somewhere, or says why nowhere', () => {
    const isShown = (entry: Entry): boolean =>
      (entry.csv ?? []).length > 0 ||
      entry.info !== undefined ||
      entry.status === true ||
      metricsOf(entry).length > 0;
    assert.deepEqual(
      offences((entry) => isShown(entry) === (entry.internal !== undefined)),
      [],
    );
  });

  it('is shown where there is such a place', () => {
    const lines = new Set(infoEntries(TEST_INFO).map(([line]) => line));
    const names = new Set(METRICS.map(({ name }) => name));
    assert.deepEqual(
      offences((entry) => {
        const inTable = (entry.csv ?? []).every((column) => CSV_COLUMNS.includes(column));
        const inInfo = entry.info === undefined || lines.has(entry.info);
        return !inTable || !inInfo || !metricsOf(entry).every((name) => names.has(name));
      }),
      [],
    );
  });

  it('has columns and lines of its own', () => {
    for (const [block, table] of Object.entries<CounterTable>(CATALOGUE)) {
      const columns = Object.values(table).flatMap(({ csv = [], info = [] }) => csv.concat(info));
      assert.equal(new Set(columns).size, columns.length, block);
    }
  });

  it('has metrics that say whose they are, and their unit, as Prometheus wants it', () => {
    const whose: Readonly<Record<string, string>> = { plane: '(process|balancer)' };
    assert.deepEqual(
      offences(({ block, unit, metrics = {}, backendMetrics = {} }) => {
        const subject = new RegExp(`^(haproxy|evergate)_${whose[block] ?? block}_`);
        const good =
          Object.keys(metrics).every((name) => subject.test(name)) &&
          Object.keys(backendMetrics).every((name) => name.startsWith('haproxy_backend_'));
        const names = Object.keys({ ...metrics, ...backendMetrics });
        return !good || names.some((name) => name.endsWith('_seconds') !== (unit === 'ms'));
      }),
      [],
    );
  });

  it('has a name that says how its parts become one', () => {
    assert.deepEqual(
      offences(({ name, fold, now, since }) => {
        const largest = /Max(Ms)?$/.test(name) || since === true;
        return largest !== (fold === 'max') || name.endsWith('Current') !== (now === true);
      }),
      [],
    );
  });

  it('is the average over a counter that there is', () => {
    assert.deepEqual(
      offences(({ block, per }) => {
        const table: CounterTable = CATALOGUE[block as keyof typeof CATALOGUE];
        return per !== undefined && table[per] === undefined;
      }),
      [],
    );
  });
});
