/**
 * HAProxy's server map, shared by `source` and `static-rr`: one place per unit of weight, servers spread
 * evenly. Which client meets which server hangs on this exact order, so that a node running Evergate and
 * a node running HAProxy send one client to the same server.
 */

import type { Candidate } from './picker.ts';

/** At least 1; weights of 0 do not count. */
export function gcdOfWeights(weights: readonly number[]): number {
  let result = 0;
  for (const weight of weights) {
    let other = weight;
    // Euclid: ends because the remainder shrinks.
    while (other !== 0) [result, other] = [other, result % other];
  }
  return result === 0 ? 1 : result;
}

/** Server indexes by place; `divisor` is the greatest common divisor of the backend's weights. */
export function buildServerMap(candidates: readonly Candidate[], divisor: number): Int32Array {
  const weights = candidates.map((candidate) => candidate.weight / divisor);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const map = new Int32Array(total);
  const scores = new Float64Array(candidates.length);
  for (let place = 0; place < total; place++) {
    let best = -1;
    let bestLevel = 0;
    for (const [index, weight] of weights.entries()) {
      const score = (scores[index] ?? 0) + weight;
      scores[index] = score;
      const level = Math.trunc((score + total) / total);
      if (best !== -1 && level <= bestLevel) continue;
      best = index;
      bestLevel = level;
    }
    map[place] = candidates[best]?.server ?? -1;
    scores[best] = (scores[best] ?? 0) - total;
  }
  return map;
}
