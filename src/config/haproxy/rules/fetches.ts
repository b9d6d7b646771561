/** What conditions may ask about (configuration manual sections 7.3.2 to 7.3.5): HAProxy's names for our facts. */

import { fail, ok, type Result } from '../../../core/result.ts';
import type { Fact, SourceCounter, TrackPlace } from '../../model/conditions.ts';
import type { Word } from '../lexer.ts';
import { isProxyName } from '../values.ts';
import type { Reference } from './rule-draft.ts';

/** How values are compared where nothing else is said. */
export type FetchType = 'address' | 'number' | 'text' | 'truth';

export type Fetch = {
  readonly fact: Fact;
  readonly type: FetchType;
  readonly references: readonly Reference[];
  readonly listens: boolean;
};

type Reader = (argument: string | null, word: Word, proxy: string) => Result<Fetch>;

function plain(kind: Extract<Fact['kind'], PlainKind>, type: FetchType, listens = false): Reader {
  return (argument) => {
    if (argument !== null) return fail('takes no argument here');
    const fact: Fact = kind === 'server-name' ? { kind, lowered: false } : { kind };
    return ok({ fact, type, references: [], listens });
  };
}

type PlainKind = Exclude<Fact['kind'], 'usable-servers' | 'of-source' | 'tracked'>;

function usableServers(argument: string | null, word: Word, proxy: string): Result<Fetch> {
  const name = argument ?? proxy;
  if (!isProxyName(name)) return fail('needs the name of a backend, as in nbsrv(BACKEND)');
  return ok({
    fact: { kind: 'usable-servers', backend: name },
    type: 'number',
    references: [{ kind: 'backend', name, place: word }],
    listens: false,
  });
}

const COUNTERS: Readonly<Record<string, SourceCounter>> = {
  conn_cur: 'current',
  conn_rate: 'rate',
  conn_cnt: 'total',
};

/** `src_conn_cur(TABLE)`; without a table it is the proxy's own. */
function ofSource(counter: SourceCounter): Reader {
  return (argument, word, proxy) => {
    const table = argument ?? proxy;
    if (!isProxyName(table)) return fail('takes the name of a proxy that has a "stick-table"');
    return ok({
      fact: { kind: 'of-source', table, counter },
      type: 'number',
      references: [{ kind: 'table', name: table, counter, place: word }],
      listens: false,
    });
  };
}

function tracked(place: TrackPlace, counter: SourceCounter): Result<Fetch> {
  const fact = { kind: 'tracked', place, counter } as const;
  return ok({ fact, type: 'number', references: [], listens: false });
}

/** `sc_conn_cur(0)` */
function trackedByNumber(counter: SourceCounter): Reader {
  return (argument) => {
    if (argument === '0' || argument === '1' || argument === '2') {
      return tracked(Number(argument) as TrackPlace, counter);
    }
    return fail('needs 0, 1 or 2 in parentheses, and no table');
  };
}

function trackedAt(place: TrackPlace, counter: SourceCounter): Reader {
  return (argument) =>
    argument === null
      ? tracked(place, counter)
      : fail('takes no table here: it is the tracked one');
}

const COUNTER_FETCHES = Object.entries(COUNTERS).flatMap(([name, counter]) => [
  [`src_${name}`, ofSource(counter)] as const,
  [`sc_${name}`, trackedByNumber(counter)] as const,
  ...([0, 1, 2] as const).map(
    (place) => [`sc${place}_${name}`, trackedAt(place, counter)] as const,
  ),
]);

const FETCHES: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['src', plain('source', 'address')],
  ['dst', plain('destination', 'address')],
  ['src_port', plain('source-port', 'number')],
  ['dst_port', plain('destination-port', 'number')],
  ['nbsrv', usableServers],
  ['req_ssl_sni', plain('server-name', 'text', true)],
  ['req.ssl_sni', plain('server-name', 'text', true)],
  ['req_ssl_hello_type', plain('hello-type', 'number', true)],
  ['req.ssl_hello_type', plain('hello-type', 'number', true)],
  ['req_len', plain('received', 'number', true)],
  ['req.len', plain('received', 'number', true)],
  ['wait_end', plain('waited', 'truth')],
  ['always_true', plain('always', 'truth')],
  ['always_false', plain('never', 'truth')],
  ...COUNTER_FETCHES,
]);

/** `src`, `nbsrv(BACKEND)` or `req.ssl_sni,lower`; the reason says what of it is not read. */
export function readFetch(word: Word, proxy: string): Result<Fetch> {
  const [, name = '', argument = null, converters = ''] =
    /^([^(),]+)(?:\(([^()]*)\))?((?:,[^,]*)*)$/.exec(word.text) ?? [];
  const read = FETCHES.get(name);
  if (read === undefined) {
    return fail(
      `"${word.text}", which is not read: ${[...FETCHES.keys()].slice(0, 12).join(', ')} are`,
    );
  }
  const fetch = read(argument, word, proxy);
  if (!fetch.ok) return fail(`"${word.text}": "${name}" ${fetch.reason}`);
  if (converters === '') return fetch;
  const { fact } = fetch.value;
  if (fact.kind === 'server-name' && converters === ',lower') {
    return ok({ ...fetch.value, fact: { ...fact, lowered: true } });
  }
  return fail(`"${word.text}": the one converter that is read is "lower" of a server's name`);
}
