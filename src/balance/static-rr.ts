/** `balance static-rr`: walks HAProxy's server map place by place. */

import type { Algorithm } from './algorithm.ts';
import type { Candidate, Picker } from './picker.ts';
import { buildServerMap } from './server-map.ts';
import { firstFrom } from './source.ts';

export const STATIC_RR: Algorithm<{ readonly kind: 'static-rr' }> = {
  plain: { kind: 'static-rr' },
  isStatic: () => true,
  keepsServer: false,
  sharesRoom: true,
  createPicker: (_, candidates, { divisor, phase }) =>
    createStaticRrPicker(candidates, divisor, phase),
};

function createStaticRrPicker(
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
