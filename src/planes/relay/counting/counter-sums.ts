/** Reads the counters of all relays: each relay's part, or the parts put together as the catalogue says. */

import type { NamedCounters } from '../../../contracts/data-plane.ts';
import { assert } from '../../../core/assert.ts';
import {
  BACKEND,
  type BackendCounter,
  type CounterTable,
  FRONTEND,
  type FrontendCounter,
  PLANE,
  type PlaneCounter,
  SERVER,
  type ServerCounter,
} from '../../../stats/catalogue.ts';
import { fold, namesOf } from '../../../stats/counts.ts';
import type { CounterLayout } from './counter-layout.ts';

/** One value for each relay, in their order. */
export class CounterParts {
  readonly #layout: CounterLayout;
  readonly #relays: readonly Float64Array[];

  constructor(layout: CounterLayout, relays: readonly Float64Array[]) {
    const isLaidOut = relays.every(({ length }) => length === layout.length);
    assert(isLaidOut, 'the counters of every relay are laid out alike');
    this.#layout = layout;
    this.#relays = relays;
  }

  plane(name: PlaneCounter): readonly number[] {
    return this.#read(this.#layout.plane, PLANE, name);
  }

  frontend(index: number, name: FrontendCounter): readonly number[] {
    return this.#read(this.#layout.frontends[index], FRONTEND, name);
  }

  backend(index: number, name: BackendCounter): readonly number[] {
    return this.#read(this.#layout.backends[index], BACKEND, name);
  }

  server(backend: number, server: number, name: ServerCounter): readonly number[] {
    return this.#read(this.#layout.servers[backend]?.[server], SERVER, name);
  }

  #read(block: number | undefined, table: CounterTable, name: string): readonly number[] {
    const index = namesOf(table).indexOf(name);
    assert(block !== undefined && index >= 0, `there is a block that has a counter ${name}`);
    return this.#relays.map((counters) => counters[block + index] ?? 0);
  }
}

export class CounterSums implements NamedCounters {
  readonly #parts: CounterParts;

  constructor(parts: CounterParts) {
    this.#parts = parts;
  }

  plane(name: PlaneCounter): number {
    return fold(PLANE[name], this.#parts.plane(name));
  }

  frontend(index: number, name: FrontendCounter): number {
    return fold(FRONTEND[name], this.#parts.frontend(index, name));
  }

  backend(index: number, name: BackendCounter): number {
    return fold(BACKEND[name], this.#parts.backend(index, name));
  }

  server(backend: number, server: number, name: ServerCounter): number {
    return fold(SERVER[name], this.#parts.server(backend, server, name));
  }
}
