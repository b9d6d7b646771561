/** Which keys evergate.yaml knows where, read off the schema: for "did you mean" and for hints. */

import * as z from 'zod';
import { nearest } from '../suggest.ts';
import { NATIVE_SCHEMA } from './schema.ts';
import type { Path, Tree } from './tree.ts';
import { show } from './values.ts';

type Schema = z.core.$ZodType;

/** The alternatives of a schema without its wrappers. */
function alternatives(schema: Schema): readonly Schema[] {
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(alternatives);
  if (schema instanceof z.ZodPipe) return alternatives(schema.in);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) {
    return alternatives(schema.unwrap());
  }
  return [schema];
}

function childrenAt(schema: Schema, step: string | number): readonly Schema[] {
  return alternatives(schema).flatMap((each) => {
    if (each instanceof z.ZodObject) {
      const child: Schema | undefined = Object.hasOwn(each.shape, step)
        ? each.shape[step]
        : undefined;
      return child === undefined ? [] : [child];
    }
    if (each instanceof z.ZodRecord) return [each.valueType];
    return each instanceof z.ZodArray ? [each.element] : [];
  });
}

function keysOf(schema: Schema): readonly string[] {
  return alternatives(schema).flatMap((each) =>
    each instanceof z.ZodObject ? Object.keys(each.shape) : [],
  );
}

/** The keys of the block at `path`. */
export function keysAt(path: Path): readonly string[] {
  let schemas: readonly Schema[] = [NATIVE_SCHEMA];
  for (const step of path) schemas = schemas.flatMap((schema) => childrenAt(schema, step));
  return schemas.flatMap(keysOf);
}

/** Blocks at the top of the file that have the key, e.g. `check` and `vrrp` for `interval`. */
function sectionsWith(key: string): readonly string[] {
  return Object.keys(NATIVE_SCHEMA.shape).filter((section) => keysAt([section]).includes(key));
}

/** Words of haproxy.cfg and keepalived.conf, as people used to these write them. */
const FOREIGN: ReadonlyMap<string, string> = new Map(
  Object.entries({
    advert_int: 'vrrp.interval',
    auth_pass: 'no password: VRRP version 3 has none',
    authentication: 'no password: VRRP version 3 has none',
    backend: 'servers',
    bind: 'listen',
    frontend: 'listen',
    maxconn: 'balancer.max-connections',
    nopreempt: 'vrrp.preempt',
    option: 'check',
    peers: 'nodes',
    server: 'servers',
    timeout: 'timeouts',
    unicast_peer: 'nodes',
    virtual_ipaddress: 'vip',
    virtual_router_id: 'vrrp.router-id',
    vrrp_script: 'check',
  }),
);

/** The key that an unknown one in the block at `path` was most likely meant to be; null: none is near. */
export function meantKey(path: Path, key: string): string | null {
  return nearest(key, keysAt(path));
}

/** The line of a key as the file should have it; of a block, its first line. */
export function lineOf(key: string, value: Tree): string {
  if (value.kind !== 'scalar' || value.value === null) return `${key}:`;
  const bare =
    typeof value.value !== 'string' || /^(?!\d+$)[A-Za-z0-9./][\w.:/-]*$/.test(value.value);
  return `${key}: ${bare ? value.value : show(value.value)}`;
}

/** The sentence about an unknown key in the block at `path`. */
export function unknownKey(path: Path, key: string, value: Tree): string {
  const where = path.length === 0 ? '' : ` in "${path.join('.')}"`;
  const head = `No key "${key}" is known${where}`;
  if (key === '<<') return `${head}: merging is not part of YAML 1.2; repeat the keys`;
  const known = keysAt(path);
  const meant = meantKey(path, key);
  if (meant !== null) return `${head}; did you mean "${lineOf(meant, value)}"`;
  const foreign = FOREIGN.get(key.toLowerCase());
  if (foreign !== undefined && path.length === 0) return `${head}; here it is ${foreign}`;
  if (path.length > 0 && Object.hasOwn(NATIVE_SCHEMA.shape, key)) {
    return `${head}; "${key}" belongs to the top of the file, without indentation`;
  }
  const sections = sectionsWith(key).map((section) => `"${section}"`);
  if (path.length === 0 && sections.length > 0) {
    return `${head}; it belongs into ${sections.join(' or ')}`;
  }
  return known.length === 0 ? head : `${head}; there are ${known.join(', ')}`;
}
