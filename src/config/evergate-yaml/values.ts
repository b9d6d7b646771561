/**
 * The kinds of values in evergate.yaml, each with the sentence that explains a wrong one: the value, what
 * is expected, an example. Sentences follow the quoted key and a colon.
 */

import * as z from 'zod';
import { parseIpv4 } from '../../core/ip.ts';
import { formatIpAddress, parseIpAddress, parseIpPrefix } from '../../core/ip-address.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { isIpv6, parseEndpoint } from '../haproxy/address.ts';
import type { BindConfig } from '../model/traffic.ts';
import { didYouMean } from '../suggest.ts';

/** How a value is shown in a sentence: text quoted, the rest as JSON has it, short. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value !== null && typeof value === 'object') return 'a block of keys';
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}

/** A wrong type in one sentence; `expected`: "a duration", `example`: as the file would have it. */
function wrong(expected: string, example: string): (issue: { readonly input?: unknown }) => string {
  return ({ input }) =>
    input === null || input === undefined
      ? `is empty; give ${expected} such as ${example}, or remove the line`
      : `${show(input)} is not ${expected}; write it as ${example}`;
}

/** Text that `read` turns into the value; its reason is the sentence. */
function text<Value>(
  expected: string,
  example: string,
  read: (text: string) => Result<Value>,
): z.ZodType<Value, string> {
  return z
    .string({ error: wrong(expected, example) })
    .meta({ examples: [example.replaceAll('"', '')] })
    .transform((input, context) => {
      const result = read(input);
      if (result.ok) return result.value;
      context.addIssue({ code: 'custom', message: result.reason });
      return z.NEVER;
    });
}

const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof UNITS_MS;

/** "1500ms", "2s", "1m", "4h", "1d" to milliseconds. */
export function parseDuration(input: string): Result<number> {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(input);
  if (match === null) {
    const why = /^\d+$/.test(input) ? 'has no unit' : 'is not a duration';
    return fail(`"${input}" ${why}; write a whole number with ms, s, m, h or d, such as 2s`);
  }
  return ok(Number(match[1]) * UNITS_MS[match[2] as Unit]);
}

/** In the largest unit that divides it. */
export function formatDuration(ms: number): string {
  const units = Object.entries(UNITS_MS).toReversed();
  const [unit, size] = units.find(([, each]) => ms > 0 && ms % each === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

export const SECOND_MS = UNITS_MS.s;
export const HOUR_MS = UNITS_MS.h;

type Range = { readonly min: number; readonly max: number };

/** Milliseconds, from text with a unit; `range` in milliseconds. */
export function duration({ min, max }: Range): z.ZodType<number, string> {
  const example = formatDuration(Math.min(Math.max(2000, min), max));
  const limits = `between ${formatDuration(min)} and ${formatDuration(max)}`;
  return z
    .string({
      error: ({ input }) =>
        typeof input === 'number'
          ? `${input} has no unit; write ${input}s for seconds or ${input}ms for milliseconds`
          : wrong('a duration', example)({ input }),
    })
    .meta({ pattern: '^[0-9]+(ms|s|m|h|d)$', examples: [example] })
    .transform((input, context) => {
      const parsed = parseDuration(input);
      if (parsed.ok && parsed.value >= min && parsed.value <= max) return parsed.value;
      const message = parsed.ok ? `"${input}" is not ${limits}` : parsed.reason;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    });
}

export function integer({ min, max }: Range, what = 'whole number'): z.ZodType<number, number> {
  const expected = `a ${what} from ${min} to ${max}`;
  const error = ({ input }: { readonly input?: unknown }): string => {
    if (input === null || input === undefined) {
      return `is empty; give ${expected}, or remove the line`;
    }
    const quoted = typeof input === 'string' && /^\d+$/.test(input);
    return `${show(input)} is not ${expected}${quoted ? '; write it without quotes' : ''}`;
  };
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

export function port(): z.ZodType<number, number> {
  return integer({ min: 1, max: 65_535 }, 'port');
}

export function flag(): z.ZodType<boolean, boolean> {
  return z.boolean({
    error: ({ input }) =>
      /^(yes|on|y)$/i.test(String(input))
        ? `${show(input)} is text in YAML 1.2; write true`
        : /^(no|off|n)$/i.test(String(input))
          ? `${show(input)} is text in YAML 1.2; write false`
          : `${show(input)} is neither true nor false; write one of them`,
  });
}

export function choice<const Names extends readonly string[]>(
  names: Names,
): z.ZodType<Names[number], Names[number]> {
  return z.enum(names, {
    error: ({ input }) => {
      const near = didYouMean(String(input), names);
      return `${show(input)} is unknown${near}; choose ${names.join(', ')}`;
    },
  });
}

/** Words without white space or control characters: names, accounts, paths, passwords. */
export function word(
  expected: string,
  example: string,
  pattern: RegExp,
  lengthMax: number,
): z.ZodType<string, string> {
  return text(expected, example, (input) =>
    pattern.test(input) && input.length <= lengthMax
      ? ok(input)
      : fail(`"${input}" is not ${expected}; write it as ${example}`),
  );
}

export function account(example = 'evergate'): z.ZodType<string, string> {
  return word('an account', example, /^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/, 32);
}

export const CONNECTIONS_MAX = 1_000_000;

export function connections(): z.ZodType<number, number> {
  return integer({ min: 0, max: CONNECTIONS_MAX });
}

export function absolutePath(example: string): z.ZodType<string, string> {
  return word('an absolute path', example, /^\/[^\0]*$/, 4095);
}

export function interfaceName(): z.ZodType<string, string> {
  // IFNAMSIZ - 1 (netdevice(7)).
  return word('a network interface', 'ens192', /^[^\s/:]+$/, 15);
}

/** An address, normalised, or a host name. */
export function nodeAddress(example: string): z.ZodType<string, string> {
  return text('an address or host name', example, (input) => {
    const parsed = parseIpAddress(input);
    if (parsed.ok) return ok(formatIpAddress(parsed.value));
    const endpoint = parseEndpoint(input);
    if (endpoint.ok && endpoint.value.kind === 'name' && endpoint.value.port === null) {
      return ok(input.toLowerCase());
    }
    const slash = input.includes('/') ? ', without a prefix length' : '';
    return fail(`"${input}" is not an address or host name; write it as ${example}${slash}`);
  });
}

export type Vip = { readonly address: string; readonly prefixLength: number };

/** "192.168.1.94/24", "fd00::94/64"; without a prefix length it is the whole address. */
export function vip(): z.ZodType<Vip, string> {
  return text('an address', '192.168.1.94/24', (input) => {
    const parsed = parseIpPrefix(input);
    if (!parsed.ok) return fail(`${parsed.reason}; write it as 192.168.1.94/24 or fd00::94/64`);
    const { address, prefixLength } = parsed.value;
    return ok({ address: formatIpAddress(address), prefixLength });
  });
}

/** An address or a network such as 10.0.0.0/8 or fd00::/8, as written. */
export function network(): z.ZodType<string, string> {
  return text('a network', '192.168.1.0/24', (input) => {
    const [address = '', length, rest] = input.split('/');
    const ipv6 = isIpv6(address);
    const lengthMax = ipv6 ? 128 : 32;
    const lengthOk =
      length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= lengthMax);
    if ((ipv6 || parseIpv4(address).ok) && lengthOk && rest === undefined) return ok(input);
    return fail(`"${input}" is not a network; write it as 192.168.1.0/24 or fd00::/8`);
  });
}

/** `any`: a port on every address, of the families the file is about. */
export type Listen = BindConfig['address'] | { readonly kind: 'any'; readonly port: number };

function parsePort(portText: string | null): number | null {
  const value = /^\d{1,5}$/.test(portText ?? '') ? Number(portText) : 0;
  return value >= 1 && value <= 65_535 ? value : null;
}

function parseListen(input: string): Result<Listen> {
  if (input.startsWith('/')) return ok({ kind: 'unix', path: input });
  const bare = /^\d+$/.test(input) ? parsePort(input) : null;
  if (bare !== null) return ok({ kind: 'any', port: bare });
  const endpoint = parseEndpoint(/^\d+$/.test(input) ? `:${input}` : input);
  if (!endpoint.ok) return fail(`${endpoint.reason}; write it as 8443 or 10.0.0.1:8443`);
  const { value } = endpoint;
  if (value.kind === 'other' || value.kind === 'unix' || value.kind === 'name') {
    return fail(`"${input}" is not a port or address with port; write it as 8443 or 10.0.0.1:8443`);
  }
  const number = parsePort(value.port);
  if (number === null)
    return fail(`"${input}" has no port from 1 to 65535; write it as 10.0.0.1:8443`);
  if (value.kind === 'ipv4') return ok({ kind: 'ipv4', host: value.host, port: number });
  // [::] takes IPv4 clients too, as it does wherever net.ipv6.bindv6only is 0.
  return ok({ kind: 'ipv6', host: value.host, port: number, v6only: value.host !== '::' });
}

/** A port on every address, "address:port" or the path of a unix socket. */
export function listen(): z.ZodType<Listen, string | number> {
  return z
    .union([z.number(), z.string()], { error: wrong('a port or an address with port', '8443') })
    .meta({ examples: [8443, '192.168.1.94:8443'] })
    .transform((input, context) => {
      const result = parseListen(String(input));
      if (result.ok) return result.value;
      context.addIssue({ code: 'custom', message: result.reason });
      return z.NEVER;
    });
}

export type HostPort = { readonly host: string; readonly port: number | null };

/** An address or host name, with or without a port. */
export function hostPort(example: string): z.ZodType<HostPort, string> {
  return text('an address or host name', example, (input): Result<HostPort> => {
    const endpoint = isIpv6(input)
      ? ok({ kind: 'ipv6', host: input, port: null } as const)
      : parseEndpoint(input);
    if (!endpoint.ok) return fail(`${endpoint.reason}; write it as ${example}`);
    const { value } = endpoint;
    if (value.kind === 'unix' || value.kind === 'other' || input.startsWith(':')) {
      return fail(`"${input}" is not an address or host name; write it as ${example}`);
    }
    if (value.port === null) return ok({ host: value.host, port: null });
    const number = parsePort(value.port);
    if (number === null)
      return fail(`"${input}" has no port from 1 to 65535; write it as ${example}`);
    return ok({ host: value.host, port: number });
  });
}

/** One value, or a list of at least one; always a list in the result. */
export function oneOrMore<Output, Input>(
  item: z.ZodType<Output, Input>,
  countMax: number,
): z.ZodType<readonly Output[], Input | Input[]> {
  const many = z
    .array(item)
    .min(1, { error: () => 'is an empty list; give at least one value, or remove the line' })
    .max(countMax, { error: () => `is a list of more than ${countMax}; shorten it` });
  return z.union([item.transform((one): Output[] => [one]), many]);
}
