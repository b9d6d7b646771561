/**
 * `balance random(draws)`: draws servers by weight and takes the one with the fewest sessions for its
 * weight ("power of two choices" with the default of 2).
 */

import type { Algorithm } from './algorithm.ts';
import type { Candidate, PickContext, Picker } from './picker.ts';

const DRAWS = 2;
const DRAWS_MAX = 100;

export const RANDOM: Algorithm<{ readonly kind: 'random'; readonly draws: number }> = {
  plain: { kind: 'random', draws: DRAWS },
  withArgument: (argument) => {
    const draws = /^\d{1,9}$/.test(argument) ? Number(argument) : 0;
    return draws >= 1 && draws <= DRAWS_MAX ? { kind: 'random', draws } : null;
  },
  isStatic: () => false,
  keepsServer: false,
  sharesRoom: true,
  createPicker: ({ draws }, candidates) => createRandomPicker(candidates, draws),
};

function createRandomPicker(candidates: readonly Candidate[], draws: number): Picker {
  const drawOne = (context: PickContext): Candidate | null => {
    let total = 0;
    for (const { server, weight } of candidates) if (!context.excluded(server)) total += weight;
    if (total === 0) return null;
    let ticket = Math.floor((context.random() / 2 ** 32) * total);
    for (const candidate of candidates) {
      if (context.excluded(candidate.server)) continue;
      ticket -= candidate.weight;
      if (ticket < 0) return candidate;
    }
    return null;
  };
  return {
    pick(context) {
      let best = drawOne(context);
      for (let draw = 1; draw < draws && best !== null; draw++) {
        const other = drawOne(context);
        if (other === null) break;
        if (load(other, context) < load(best, context)) best = other;
      }
      return best === null ? -1 : best.server;
    },
  };
}

function load(candidate: Candidate, context: PickContext): number {
  return context.active(candidate.server) / candidate.weight;
}
