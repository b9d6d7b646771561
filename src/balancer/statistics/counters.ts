/** Reads one counter of one frontend, backend or server over all relays. */

import type { DataPlane } from '../../contracts/data-plane.ts';
import { assert } from '../../core/assert.ts';
import {
  BACKEND_COUNTERS,
  type BackendCounter,
  FRONTEND_COUNTERS,
  type FrontendCounter,
  RELAY_COUNTERS,
  type RelayCounter,
  readCounter,
  SERVER_COUNTERS,
  type ServerCounter,
} from '../../stats/layout.ts';

/** Where the counters are; a data plane is one. */
export type Plane = Pick<DataPlane, 'layout' | 'counters'>;

export function frontendCounter(plane: Plane, index: number, name: FrontendCounter): number {
  const block = plane.layout.frontends[index];
  assert(block !== undefined, `frontend ${index} has counters`);
  return readCounter(plane.counters, block, FRONTEND_COUNTERS, name);
}

export function backendCounter(plane: Plane, index: number, name: BackendCounter): number {
  const block = plane.layout.backends[index];
  assert(block !== undefined, `backend ${index} has counters`);
  return readCounter(plane.counters, block, BACKEND_COUNTERS, name);
}

export function serverCounter(
  plane: Plane,
  backend: number,
  server: number,
  name: ServerCounter,
): number {
  const block = plane.layout.servers[backend]?.[server];
  assert(block !== undefined, `server ${backend}/${server} has counters`);
  return readCounter(plane.counters, block, SERVER_COUNTERS, name);
}

export function relayCounter(plane: Plane, name: RelayCounter): number {
  return readCounter(plane.counters, plane.layout.relay, RELAY_COUNTERS, name);
}
