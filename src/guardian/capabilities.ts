/** What a guardian needs of root's rights, and for what; the rest it gives up before it reads anything. */

import type { Capability } from '../linux/rights.ts';

export const GUARDIAN_CAPABILITIES: readonly Capability[] = [
  // Addresses, links, settings of interfaces; VRRP, ARP and ND packets; ports below 1024.
  'NET_ADMIN',
  'NET_RAW',
  'NET_BIND_SERVICE',
  // The speaker's thread runs before others.
  'SYS_NICE',
  // Balancers and scripts become somebody else, with fewer rights, and more open files.
  'SETUID',
  'SETGID',
  'SETPCAP',
  'SYS_RESOURCE',
  // It ends them, sees what they listen on, and takes that over from those of a killed guardian.
  'KILL',
  'SYS_PTRACE',
  // Configuration, keys, and unix sockets that belong to others.
  'DAC_OVERRIDE',
  'CHOWN',
  'FOWNER',
];
