/**
 * `balance roundrobin`: smooth weighted rotation. Every server earns its weight at each pick, the richest
 * is chosen and pays the total back; shares are exact over one cycle and never come in bursts.
 */

import type { Algorithm } from './algorithm.ts';
import type { Candidate, Picker } from './picker.ts';

export const ROUNDROBIN: Algorithm<{ readonly kind: 'roundrobin' }> = {
  plain: { kind: 'roundrobin' },
  isStatic: () => false,
  keepsServer: false,
  sharesRoom: true,
  createPicker: (_, candidates, { phase }) => createRoundrobinPicker(candidates, phase),
};

function createRoundrobinPicker(candidates: readonly Candidate[], phase: number): Picker {
  const credit = new Float64Array(candidates.length);
  const pick: Picker['pick'] = (context) => {
    let best = -1;
    let bestCredit = Number.NEGATIVE_INFINITY;
    let total = 0;
    for (let index = 0; index < candidates.length; index++) {
      const candidate = candidates[index];
      if (candidate === undefined || context.excluded(candidate.server)) continue;
      const earned = (credit[index] ?? 0) + candidate.weight;
      credit[index] = earned;
      total += candidate.weight;
      if (earned <= bestCredit) continue;
      best = index;
      bestCredit = earned;
    }
    if (best === -1) return -1;
    credit[best] = bestCredit - total;
    return candidates[best]?.server ?? -1;
  };
  for (let turn = 0; turn < phase % candidates.length; turn++) pick(NOBODY_EXCLUDED);
  return { pick };
}

const NOBODY_EXCLUDED = {
  sourceHash: 0,
  now: 0,
  active: () => 0,
  excluded: () => false,
  random: () => 0,
};
