/** The kinds of health check there are, by the model's name. */

import { assert } from '../../core/assert.ts';
import type { CheckKind } from './check-kind.ts';
import { HTTP } from './http.ts';
import { TCP } from './tcp.ts';
import { TLS } from './tls.ts';

const CHECK_KINDS = { http: HTTP, tls: TLS, tcp: TCP } as const;

type Kinds = (typeof CHECK_KINDS)[keyof typeof CHECK_KINDS];

/** A server's check in the configuration model. */
export type CheckConfig = ReturnType<Kinds['build']>;

/** What evergate.yaml calls them. */
export type CheckType = Kinds['type'];

/** In the order in which messages and pages name them. */
export const ALL_CHECK_KINDS: readonly CheckKind<CheckConfig>[] = Object.values(CHECK_KINDS);
export const CHECK_TYPES: readonly CheckType[] = Object.values(CHECK_KINDS).map(({ type }) => type);

/** Where a name and the `kind` of what is built part, this does not compile. */
const BY_NAME: Readonly<Record<CheckConfig['kind'], CheckKind<CheckConfig>>> = CHECK_KINDS;

export function checkKindOf(name: CheckConfig['kind']): CheckKind<CheckConfig> {
  return BY_NAME[name];
}

export function checkKindOfType(type: CheckType): CheckKind<CheckConfig> {
  const found = ALL_CHECK_KINDS.find((kind) => kind.type === type);
  assert(found !== undefined, 'a type is that of a kind');
  return found;
}
