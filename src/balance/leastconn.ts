/**
 * `balance leastconn`: the server with the fewest sessions for its weight. An idle server costs nothing
 * whatever its weight, as in HAProxy; among equals the choice rotates.
 */

import type { Algorithm } from './algorithm.ts';
import type { Candidate, Picker } from './picker.ts';

export const LEASTCONN: Algorithm<{ readonly kind: 'leastconn' }> = {
  plain: { kind: 'leastconn' },
  isStatic: () => false,
  keepsServer: false,
  sharesRoom: true,
  createPicker: (_, candidates, { phase }) => createLeastconnPicker(candidates, phase),
};

function createLeastconnPicker(candidates: readonly Candidate[], phase: number): Picker {
  let start = phase % candidates.length;
  return {
    pick(context) {
      let best = -1;
      let bestCost = Number.POSITIVE_INFINITY;
      let bestPosition = 0;
      for (let step = 0; step < candidates.length; step++) {
        const position = (start + step) % candidates.length;
        const candidate = candidates[position];
        if (candidate === undefined || context.excluded(candidate.server)) continue;
        const active = context.active(candidate.server);
        const cost = active === 0 ? 0 : (active + 1) / candidate.weight;
        if (cost >= bestCost) continue;
        best = candidate.server;
        bestCost = cost;
        bestPosition = position;
      }
      if (best !== -1) start = (bestPosition + 1) % candidates.length;
      return best;
    },
  };
}
