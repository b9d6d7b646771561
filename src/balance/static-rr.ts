/** `balance static-rr`: walks HAProxy's server map place by place. */

import type { Candidate, Picker } from './picker.ts';
import { buildServerMap } from './server-map.ts';
import { firstFrom } from './source.ts';

export function createStaticRrPicker(
  candidates: readonly Candidate[],
  divisor: number,
  phase: number,
): Picker {
  const map = buildServerMap(candidates, divisor);
  let place = phase % map.length;
  return {
    pick(context) {
      const server = firstFrom(map, place, context);
      place = (place + 1) % map.length;
      return server;
    },
  };
}
