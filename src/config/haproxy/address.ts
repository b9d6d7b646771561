/** Addresses in haproxy.cfg: `bind`, `server` and `log` (configuration manual section 11). */

import { parseIpv4 } from '../../core/ip.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { parseInteger } from './values.ts';

/** Ports one range of a `bind` may span. */
export const PORT_RANGE_MAX = 64;

/** sun_path of unix(7) has 108 bytes with the final NUL; HAProxy binds under a longer temporary name. */
const UNIX_PATH_MAX = 97;

export type Endpoint =
  | { readonly kind: 'ipv4'; readonly host: string; readonly port: string | null }
  | { readonly kind: 'ipv6'; readonly host: string; readonly port: string | null }
  | { readonly kind: 'name'; readonly host: string; readonly port: string | null }
  | { readonly kind: 'unix'; readonly path: string }
  /** `fd@3`, `ring@name`, `abns@name` and the like: `prefix` says which. */
  | { readonly kind: 'other'; readonly prefix: string; readonly rest: string };

/** RFC 4291 section 2.2, without zone. */
export function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  let count = groups.length;
  const last = groups.at(-1) ?? '';
  if (last.includes('.')) {
    if (text.endsWith('::') || !parseIpv4(last).ok) return false;
    groups.pop();
    count += 1;
  }
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? count <= 7 : count === 8;
}

/** One text per address, however it was abbreviated: to compare, not to print. */
export function ipv6Key(text: string): string {
  const dotted = /^(.*:)([0-9.]+)$/.exec(text);
  const ipv4 = parseIpv4(dotted?.[2] ?? '');
  const words = ipv4.ok
    ? `${(ipv4.value >>> 16).toString(16)}:${(ipv4.value & 0xffff).toString(16)}`
    : '';
  const whole = ipv4.ok ? `${dotted?.[1] ?? ''}${words}` : text;
  const [head = '', tail] = whole.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const groups = tail === undefined ? before : [...before, ...zeros, ...after];
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':');
}

function isHostName(text: string): boolean {
  return text.length <= 253 && /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/.test(text);
}

function parseUnixPath(path: string): Result<Endpoint> {
  if (!path.startsWith('/')) return fail(`"${path}" is not an absolute path of a socket`);
  if (path.length > UNIX_PATH_MAX) {
    return fail(`"${path}" is longer than the ${UNIX_PATH_MAX} characters a socket path may have`);
  }
  return ok({ kind: 'unix', path });
}

const PREFIXES = /^(ipv4|tcp4|tcp|ipv6|tcp6|unix|uxst|udp|udp4|udp6)@(.*)$/;

/** Host and port text: the last colon outside brackets parts them, as in `:::8443`. */
function splitPort(text: string): { host: string; port: string | null } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) return { host: bracketed[1] ?? '', port: bracketed[2] ?? null };
  const colon = text.lastIndexOf(':');
  if (colon < 0) return { host: text, port: null };
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

/** Address without port checks; `*` and an empty host stand for every address. */
export function parseEndpoint(text: string): Result<Endpoint> {
  const match = PREFIXES.exec(text);
  const [, prefix = '', rest = text] = match ?? [];
  if (match === null) {
    if (text.startsWith('/')) return parseUnixPath(text);
    const other = /^([a-z0-9+]+)@(.*)$/.exec(text);
    if (other !== null) return ok({ kind: 'other', prefix: other[1] ?? '', rest: other[2] ?? '' });
  }
  if (prefix === 'unix' || prefix === 'uxst') return parseUnixPath(rest);
  const { host, port } = splitPort(rest);
  const only6 = prefix.endsWith('6');
  const only4 = prefix.endsWith('4');
  const every = host === '' || host === '*';
  if (every)
    return ok(only6 ? { kind: 'ipv6', host: '::', port } : { kind: 'ipv4', host: '0.0.0.0', port });
  if (!only6 && parseIpv4(host).ok) return ok({ kind: 'ipv4', host, port });
  if (!only4 && isIpv6(host)) return ok({ kind: 'ipv6', host: host.toLowerCase(), port });
  if (!only6 && host === 'localhost') return ok({ kind: 'ipv4', host: '127.0.0.1', port });
  if (/^[0-9.]+$/.test(host) || host.includes(':') || !isHostName(host)) {
    const kind = only4 ? 'IPv4 address' : only6 ? 'IPv6 address' : 'address or host name';
    return fail(`"${host}" is not an ${kind}`);
  }
  return ok({ kind: 'name', host, port });
}

/** Ports of a `bind`: one, or a range such as 8000-8010, bounded. */
export function parsePorts(text: string): Result<readonly number[]> {
  const [firstText = '', lastText, rest] = text.split('-');
  const first = parseInteger(firstText, 1, 65_535);
  if (!first.ok || rest !== undefined) {
    return fail(`"${text}" is not a port between 1 and 65535 or a range of ports`);
  }
  const last = lastText === undefined ? first : parseInteger(lastText, first.value, 65_535);
  if (!last.ok) return fail(`"${text}" is not a range of ports from low to high`);
  const count = last.value - first.value + 1;
  if (count > PORT_RANGE_MAX) {
    return fail(`"${text}" spans ${count} ports; Evergate takes ${PORT_RANGE_MAX} at most`);
  }
  return ok(Array.from({ length: count }, (_, index) => first.value + index));
}

/** Address of a check without port, numeric. */
export function parseCheckHost(text: string): Result<string> {
  const endpoint = parseEndpoint(text.includes(':') && !text.startsWith('[') ? `[${text}]` : text);
  if (!endpoint.ok) return endpoint;
  const { value } = endpoint;
  const numeric = value.kind === 'ipv4' || value.kind === 'ipv6';
  if (!numeric || value.port !== null) return fail(`"${text}" is not an address without a port`);
  return ok(value.host);
}
