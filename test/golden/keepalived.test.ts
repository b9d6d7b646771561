/** keepalived.conf, golden: each input gives exactly the diagnostics and the configuration beside it. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { hasErrors } from '../../src/config/diagnostics.ts';
import { formatGolden, parseGolden, readGoldenFiles } from './keepalived-golden.ts';

/** `UPDATE_GOLDEN=1 node --test test/golden/keepalived.test.ts` writes what comes out; read the difference before committing it. */
const write = process.env.UPDATE_GOLDEN === '1';

for (const golden of readGoldenFiles()) {
  test(`parseKeepalived() gives what ${golden.name} says`, () => {
    const result = parseGolden(golden);
    const actual = formatGolden(result);
    if (write) writeFileSync(golden.path, `${golden.source}----------\n${actual}`);
    else assert.equal(actual, golden.expected);
    assert.equal(result.config === null, hasErrors(result.all));
  });
}
