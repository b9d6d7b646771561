/**
 * What must be the same in the files of all nodes, or the VIP gets two owners or none: each guardian asks the others
 * for it (docs/adr/0032). Pure.
 */

import { nodeCrypto } from '../../builtins.ts';
import type { Config } from '../../config/model/config.ts';
import { fail, type Result } from '../../core/result.ts';
import { integer, list, parseShape, record, text } from '../../core/shape.ts';

/** Changes with the meaning of a fact; a fact more is none: who does not know it leaves it aside. */
const FACTS_VERSION = 1;
/** As JSON; a datagram holds so much beside its head. */
export const FACTS_CHARS_MAX = 700;
export const FACTS_DIGEST_CHARS = 16;

const FACTS_MAX = 16;
const NAME_CHARS_MAX = 32;
const DIGEST_CHARS = 8;
/** A longer value is told by its digest alone. */
const VALUE_CHARS_MAX = 300;

export type Fact = {
  /** As evergate.yaml calls it. */
  readonly name: string;
  /** Of the whole value. */
  readonly digest: string;
  /** Empty: too long to be told. */
  readonly value: string;
};

const FACTS = record<{ readonly version: number; readonly of: readonly Fact[] }>({
  version: integer(FACTS_VERSION, FACTS_VERSION),
  of: list(
    record<Fact>({
      name: text(NAME_CHARS_MAX),
      digest: text(DIGEST_CHARS),
      value: text(VALUE_CHARS_MAX),
    }),
    FACTS_MAX,
  ),
});

/** Addresses that other nodes cannot know of are left out: clients come by the port. */
export function factsOf({ vrrp, balancer, nodes = [] }: Config): readonly Fact[] {
  const instances = vrrp?.instances ?? [];
  const each = (of: (instance: (typeof instances)[number]) => string) => instances.map(of);
  const ports = (balancer?.frontends ?? []).flatMap(({ binds }) =>
    binds.flatMap(({ address }) => (address.kind === 'unix' ? [] : [String(address.port)])),
  );
  const values: readonly (readonly [string, readonly string[]])[] = [
    [
      'vip',
      instances.flatMap(({ addresses }) =>
        addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`),
      ),
    ],
    ['router-id', each(({ virtualRouterId }) => String(virtualRouterId))],
    ['interval', each(({ advertIntervalMs }) => `${advertIntervalMs}ms`)],
    ['transport', each(({ transport }) => transport.kind)],
    ['VRRP version', each(({ version }) => String(version))],
    ['listen port', [...new Set(ports)]],
    // In their order, which gives them their priorities.
    ['nodes', nodes.map(({ name, addresses }) => `${name} ${addresses.join(' ')}`)],
  ];
  return values.map(([name, all]) => factOf(name, all.join(', ')));
}

function factOf(name: string, value: string): Fact {
  const digest = sha256(value).slice(0, DIGEST_CHARS);
  return { name, digest, value: value.length > VALUE_CHARS_MAX ? '' : value };
}

function sha256(value: string): string {
  return nodeCrypto().createHash('sha256').update(value).digest('hex');
}

/** Tells one text of facts from another. */
export function factsDigest(told: string): string {
  return sha256(told).slice(0, FACTS_DIGEST_CHARS);
}

/** FACTS_CHARS_MAX at most. */
export function factsText(facts: readonly Fact[]): string {
  const encoded = (of: readonly Fact[]) => JSON.stringify({ version: FACTS_VERSION, of });
  const whole = encoded(facts);
  return whole.length <= FACTS_CHARS_MAX
    ? whole
    : encoded(
        facts.map((fact) => (fact.value.length > DIGEST_CHARS ? { ...fact, value: '' } : fact)),
      );
}

/** Never throws; the reason follows "says what its file has". */
export function parseFacts(told: string): Result<readonly Fact[]> {
  let value: unknown;
  try {
    value = JSON.parse(told);
  } catch {
    return fail('in no form that is known here');
  }
  const version = (value as { readonly version?: unknown } | null)?.version;
  if (typeof version === 'number' && version !== FACTS_VERSION) {
    return fail(`in version ${version}, which is not known here`);
  }
  const parsed = parseShape(FACTS, value);
  return parsed.ok ? { ok: true, value: parsed.value.of } : fail('in no form that is known here');
}

/** One sentence for each fact that both have and that differs. */
export function differencesOf(
  node: string,
  theirs: readonly Fact[],
  here: readonly Fact[],
): readonly string[] {
  return here.flatMap((own) => {
    const other = theirs.find(({ name }) => name === own.name);
    if (other === undefined || other.digest === own.digest) return [];
    if (own.value === '' || other.value === '') return [`${node} has other ${own.name} than here`];
    return [`${node} has ${own.name} ${other.value}, here ${own.value}`];
  });
}
