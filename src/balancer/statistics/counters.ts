/** Reads one counter of the data plane, a frontend, a backend or a server over all relays. */

import type { DataPlane } from '../../contracts/data-plane.ts';
import { assert } from '../../core/assert.ts';
import {
  BACKEND,
  type BackendCounter,
  FRONTEND,
  type FrontendCounter,
  PLANE,
  type PlaneCounter,
  SERVER,
  type ServerCounter,
} from '../../stats/catalogue.ts';
import { readCounter } from '../../stats/layout.ts';

/** Where the counters are; a data plane is one. */
export type Plane = Pick<DataPlane, 'layout' | 'counters'>;

export function planeCounter(plane: Plane, name: PlaneCounter): number {
  return readCounter(plane.counters, plane.layout.plane, PLANE, name);
}

export function frontendCounter(plane: Plane, index: number, name: FrontendCounter): number {
  const block = plane.layout.frontends[index];
  assert(block !== undefined, `frontend ${index} has counters`);
  return readCounter(plane.counters, block, FRONTEND, name);
}

export function backendCounter(plane: Plane, index: number, name: BackendCounter): number {
  const block = plane.layout.backends[index];
  assert(block !== undefined, `backend ${index} has counters`);
  return readCounter(plane.counters, block, BACKEND, name);
}

export function serverCounter(
  plane: Plane,
  backend: number,
  server: number,
  name: ServerCounter,
): number {
  const block = plane.layout.servers[backend]?.[server];
  assert(block !== undefined, `server ${backend}/${server} has counters`);
  return readCounter(plane.counters, block, SERVER, name);
}
