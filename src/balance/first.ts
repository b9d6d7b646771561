/** `balance first`: the first server, in the order of the file, that still has room. */

import type { Algorithm } from './algorithm.ts';
import type { Candidate, Picker } from './picker.ts';

export const FIRST: Algorithm<{ readonly kind: 'first' }> = {
  plain: { kind: 'first' },
  isStatic: () => false,
  keepsServer: false,
  sharesRoom: false,
  createPicker: (_, candidates) => createFirstPicker(candidates),
};

export function createFirstPicker(candidates: readonly Candidate[]): Picker {
  return {
    pick(context) {
      for (const { server } of candidates) if (!context.excluded(server)) return server;
      return -1;
    },
  };
}
