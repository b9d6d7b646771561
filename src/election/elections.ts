/** The elections there are. Nothing else outside of their folders names one: a node is given this. */

import type { Elections } from '../contracts/election.ts';
import { assert } from '../core/assert.ts';
import { VrrpSection } from './vrrp/section.ts';
import { startVrrp } from './vrrp/speaker.ts';

export const ELECTIONS: Elections = {
  sectionOf: ({ vrrp }) => (vrrp === null ? null : new VrrpSection(vrrp)),
  start: (section, mastershipFile, onEvent, takeOver) => {
    assert(section instanceof VrrpSection, 'VRRP is what sectionOf() gives');
    return startVrrp(section.config, mastershipFile, onEvent, takeOver);
  },
};
