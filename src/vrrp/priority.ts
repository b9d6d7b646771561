/** The priority of a virtual router, which tracking changes within bounds. */

/** Priority of an address owner: nothing changes it (RFC 9568 section 5.2.4). */
export const OWNER_PRIORITY = 255;

/** Of a drained master, whom every other node may follow: 1 is the lowest of a backup (RFC 9568 section 5.2.4). */
export const LAST_RESORT_PRIORITY = 1;

/** The priority to advertise: clamped to 1..254, where 255 stays what it is. */
export function effectivePriority(configured: number, priorityDelta: number): number {
  if (configured === OWNER_PRIORITY) return OWNER_PRIORITY;
  return Math.min(254, Math.max(1, configured + priorityDelta));
}
