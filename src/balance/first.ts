/** `balance first`: the first server, in the order of the file, that still has room. */

import type { Candidate, Picker } from './picker.ts';

export function createFirstPicker(candidates: readonly Candidate[]): Picker {
  return {
    pick(context) {
      for (const { server } of candidates) if (!context.excluded(server)) return server;
      return -1;
    },
  };
}
