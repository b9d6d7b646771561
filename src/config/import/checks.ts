/** The old files' checks of servers as a `check` block. */

import { assert } from '../../core/assert.ts';
import { ALL_CHECK_KINDS, type CheckConfig, checkKindOf } from '../../health/kinds/check-kinds.ts';
import type { HttpCheckRules } from '../model/checks.ts';
import { block, durationText, type ImportDraft, usual, type Value } from './draft.ts';
import type { HaproxyLines } from './haproxy-lines.ts';
import { isSame } from './same.ts';
import type { OldService } from './settings.ts';

const HOUR_MS = 3_600_000;
/** Bounds of the keys, ms. */
const BOUNDS = {
  interval: { min: 100, max: HOUR_MS },
  'fast-interval': { min: 50, max: HOUR_MS },
  'down-interval': { min: 50, max: HOUR_MS },
  timeout: { min: 10, max: 60_000 },
} as const;
/** Of the key `expect`. */
const CODES_MAX = 16;

const CHECK_DIRECTIVES = ['option httpchk', 'option tcp-check', 'option ssl-hello-chk'];

/** What passes whoever takes a connection. */
const CONNECT = findConnect();

function findConnect() {
  const found = ALL_CHECK_KINDS.find(({ wantsAnswer }) => !wantsAnswer);
  assert(found !== undefined, 'a kind of check is a connect');
  return found;
}

type Pairs = [string, Value][];

function timers(draft: ImportDraft, key: string, check: CheckConfig): Pairs {
  const total = check.connectTimeoutMs + (check.responseTimeoutMs ?? 0);
  const times = {
    interval: check.intervalMs,
    'fast-interval': check.fastIntervalMs,
    'down-interval': check.downIntervalMs,
    timeout: total,
  };
  const pairs = Object.entries(times).map(([name, ms]): [string, Value] => {
    const { min, max } = BOUNDS[name as keyof typeof BOUNDS];
    const within = Math.min(Math.max(ms, min), max);
    if (within !== ms) {
      const text = `"${name}" of the check is ${durationText(within)}, as near to ${durationText(ms)} as it goes`;
      draft.remark('changed', `${key}.${name}`, null, text);
    }
    return [name, durationText(within)];
  });
  const { rise, fall } = check;
  return [...pairs, ['rise', Math.min(rise, 100)], ['fall', Math.min(fall, 100)]];
}

/** The codes that pass; null: they are no list of a few. */
function codes({ expect }: HttpCheckRules): readonly number[] | null {
  const [only, more] = expect;
  if (only === undefined || more !== undefined || only.kind !== 'status' || only.negated)
    return null;
  const all = only.ranges.flatMap(({ min, max }) =>
    max - min >= CODES_MAX ? [] : Array.from({ length: max - min + 1 }, (_, at) => min + at),
  );
  const wide = only.ranges.some(({ min, max }) => max - min >= CODES_MAX);
  return wide || all.length === 0 || all.length > CODES_MAX ? null : all;
}

/** What it asks for, and by whom. */
function request(draft: ImportDraft, key: string, check: CheckConfig, where: Where): Pairs {
  if (!('request' in check)) return [];
  const { place } = where;
  const pairs: Pairs = [];
  const { method, uri, headers } = check.request;
  if (/^\/[!-~]{0,1023}$/.test(uri)) pairs.push(['path', uri]);
  else
    draft.remark(
      'left-out',
      `${key}.path`,
      place,
      `The check asks for /readyz: "${uri}" is no path`,
    );
  const accepted = codes(check);
  if (accepted !== null) pairs.push(['expect', [...accepted]]);
  else {
    const text =
      'The check passes with status 200 alone ("check.expect" lists codes), and the rest of what it expected is not asked';
    draft.remark('changed', `${key}.expect`, place, text);
    pairs.push(['expect', [200]]);
  }
  if (method !== 'GET') {
    draft.remark('changed', key, place, `The check asks by GET, and not by ${method}`);
  }
  const own = headers.filter(({ name }) => !['host', 'user-agent'].includes(name.toLowerCase()));
  for (const { name } of own) {
    draft.remark('left-out', key, place, `Header "${name}" of the check: it has none of its own`);
  }
  if (check.request.body !== '') {
    draft.remark('left-out', key, place, 'Body of the check: it is sent without one');
  }
  const text =
    'A server that answers the check with another status gets no new connections and keeps those that it has';
  if (check.drainOn !== 'unexpected-status') draft.remark('changed', key, place, text);
  return pairs;
}

type Where = { readonly place: ReturnType<HaproxyLines['server']> };

function identity(draft: ImportDraft, key: string, check: CheckConfig, { place }: Where): Pairs {
  if (!('tls' in check) || check.tls === null) return [];
  const { verify, ca, certificate, sni, verifyName } = check.tls;
  const pairs: Pairs = [];
  if (verify === 'none') pairs.push(['verify', false]);
  else if (ca !== null) pairs.push(['ca', ca.path]);
  else {
    pairs.push(['verify', false]);
    const text =
      'The server\'s certificate is not verified: name the file of its authority as "check.ca", as the system\'s are not asked';
    draft.remark('changed', `${key}.verify`, place, text);
  }
  if (certificate !== null)
    pairs.push(['cert', certificate.cert.path], ['key', certificate.key.path]);
  const name = sni ?? verifyName;
  if (name !== null && /^[A-Za-z0-9.-]{1,253}$/.test(name)) pairs.push(['server-name', name]);
  return pairs;
}

/** HTTP without TLS is a connect here. */
function typeOf(draft: ImportDraft, key: string, check: CheckConfig, { place }: Where): string {
  const isPlain = checkKindOf(check.kind).takesHttp && 'tls' in check && check.tls === null;
  if (!isPlain) return checkKindOf(check.kind).type;
  const text = 'The check is a TCP connect: one by HTTP without TLS has no type';
  draft.remark('left-out', `${key}.type`, place, text);
  return CONNECT.type;
}

/**
 * The servers' check as it was. null: they have none. `key`: that of the block, such as `check`. Of servers whose
 * checks differ, that of the first one counts.
 */
function oldCheck(draft: ImportDraft, key: string, service: OldService, lines: HaproxyLines) {
  const { name, servers } = service.backend;
  const checked = servers.filter(({ check }) => check !== null);
  const [first] = checked;
  const check = first?.check ?? null;
  if (first === undefined || check === null) return null;
  for (const server of servers) {
    if (isSame(server.check, check)) continue;
    const text = `Server "${server.name}" is checked as "${first.name}" is: the servers of a service have one check`;
    draft.remark('left-out', key, lines.server(name, server.name), text);
  }
  return { check, place: lines.server(name, first.name) };
}

/** What --modern says in the place of a check that asks less. */
const MODERN =
  'GET /readyz over TLS four times a second: an apiserver that hangs or is not ready is found, where a connect passes ' +
  'one that answers nothing';

/** Writes the check of the apiservers, or of a service. `path`: of the block. */
export function checkOf(
  draft: ImportDraft,
  path: readonly string[],
  service: OldService,
  lines: HaproxyLines,
): Value | null {
  const key = path.join('.');
  const found = oldCheck(draft, key, service, lines);
  const place = lines.backend(service.backend.name, CHECK_DIRECTIVES) ?? found?.place ?? null;
  const isMain = path.length === 1;
  if (draft.modern && isMain) {
    draft.modernise('check', MODERN);
    return null;
  }
  if (found === null) {
    const text = `The servers of "${service.backend.name}" had no check, and now have one by TCP connects`;
    draft.remark('changed', key, place, text);
    return block([
      ['type', CONNECT.type],
      ['passive', false],
    ]);
  }
  const { check } = found;
  if (check.host !== null) {
    draft.remark(
      'left-out',
      key,
      found.place,
      `The check goes to the server itself, not to ${check.host}`,
    );
  }
  const where = { place };
  const type = typeOf(draft, key, check, where);
  const isConnect = type === CONNECT.type;
  const pairs: Pairs = [
    ['type', type],
    ...(isConnect ? [] : request(draft, key, check, where)),
    ...(isConnect ? [] : identity(draft, key, check, where)),
    ...(check.port === null ? [] : ([['port', check.port]] as Pairs)),
  ];
  if (draft.modern) {
    draft.modernise(
      `${key} (timers)`,
      `every ${durationText(Number(usual(['check', 'interval'])))}: what is down is found at once`,
    );
    return block(pairs);
  }
  const { passive } = check;
  const marks = passive?.errorLimit === 1 && passive.onError === 'mark-down';
  return block([...pairs, ...timers(draft, key, check), ['passive', marks]]);
}
