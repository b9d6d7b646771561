/** Waiting lines against plain arrays. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WaitingLines } from './waiting-lines.ts';

const SESSIONS = 8;
const LINES = 3;

test('lines keep their order whoever leaves', () => {
  const step = fc.tuple(fc.nat(SESSIONS - 1), fc.nat(LINES - 1));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const lines = new WaitingLines(SESSIONS, LINES);
      const model: number[][] = Array.from({ length: LINES }, () => []);
      for (const [session, line] of steps) {
        const at = model.findIndex((waiting) => waiting.includes(session));
        assert.equal(lines.lineOf(session), at);
        if (at === -1) {
          lines.append(line, session);
          model[line]?.push(session);
        } else {
          lines.remove(session);
          model[at] = model[at]?.filter((one) => one !== session) ?? [];
        }
        for (const [index, waiting] of model.entries()) {
          assert.equal(lines.length(index), waiting.length);
          assert.equal(lines.head(index), waiting[0] ?? -1);
        }
        assert.equal(lines.total, model.flat().length);
      }
      // Emptied from the front, every line comes out as it stood.
      for (const [index, waiting] of model.entries()) {
        for (const session of waiting) {
          assert.equal(lines.head(index), session);
          lines.remove(session);
        }
        assert.equal(lines.head(index), -1);
      }
    }),
  );
});
