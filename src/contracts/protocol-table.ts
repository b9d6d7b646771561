/**
 * The one table of what a balancer may say to its guardian: each kind of message (protocol.ts) with its fields,
 * their ranges and lengths. A balancer reads what clients and servers send, so what it says is taken for no more
 * than a claim: what is not in this table ends it (docs/security.md).
 *
 * What a balancer quotes of the world, e.g. of a server's certificate, it cuts by the functions below before it
 * says it: nobody outside can have it break the table.
 */

import type { ServerAddress } from '../balance/snapshot.ts';
import { LOOPS_MAX } from '../core/beats.ts';
import { fail, type Result } from '../core/result.ts';
import {
  FLAG,
  integer,
  list,
  nullable,
  number,
  oneOf,
  optional,
  parseShape,
  record,
  type Shape,
  text,
} from '../core/shape.ts';
import type { CertificateFacts } from '../health/certificate-warnings.ts';
import type {
  CheckResult,
  CheckState,
  CheckStatus,
  ServerStateRecord,
} from '../health/server-state.ts';
import {
  BACKEND,
  type CounterTable,
  FRONTEND,
  SERVER,
  type StatusCounter,
} from '../stats/catalogue.ts';
import type {
  BackendStatus,
  BalancerReport,
  FrontendStatus,
  ServerStatus,
} from '../stats/status.ts';
import { SERVER_DETAIL } from './events.ts';
import type { BalancerToGuardian, CheckerToGuardian } from './protocol.ts';

type Kind = BalancerToGuardian['kind'];
type CheckerMessage<K extends CheckerToGuardian['kind']> = Extract<
  CheckerToGuardian,
  { readonly kind: K }
>;
type Message<K extends Kind> = Extract<BalancerToGuardian, { readonly kind: K }>;

/** A line of a configuration file has no more (config/haproxy/lexer.ts), so no name has. */
const NAME_CHARS_MAX = 16_384;
/** One line of the log, or the stack of an error. */
const LINE_CHARS_MAX = 8192;
/** A sentence of the status. */
const SENTENCE_CHARS_MAX = 512;
const SENTENCES_MAX = 8;
/** More than a configuration file of a hundred thousand lines can name. */
const ITEMS_MAX = 100_000;

/** A message for a configuration of no server, and what each server, backend and frontend adds to a report. */
const MESSAGE_BYTES_MIN = 256 << 10;
const ITEM_BYTES = 32 << 10;
const MESSAGE_BYTES_MAX = 64 << 20;

const NAME = text(NAME_CHARS_MAX);
const LINE = text(LINE_CHARS_MAX);
const SENTENCE = text(SENTENCE_CHARS_MAX);
/** Of requests; the guardian counts them. */
const ID = integer(0, Number.MAX_SAFE_INTEGER);
const COUNT = number(0, Number.MAX_SAFE_INTEGER);
/** Of a certificate, whichever dates it names. */
const DAYS_MAX = 4_000_000;
const DAYS = integer(-DAYS_MAX, DAYS_MAX);
/** Of either family. */
const ADDRESS = text(45);
/** As DNS writes it, with what it escapes (RFC 1035 section 5.1). */
const HOST_NAME = text(1024);
const WEIGHT = number(0, 65_536);
/** Of a time that a Date can tell. */
const MS_MAX = 8.64e15;
const ADMIN = oneOf({ ready: true, drain: true, maint: true });
const CHECK = oneOf<CheckState>({
  up: true,
  'going-down': true,
  down: true,
  'going-up': true,
  stopping: true,
  unchecked: true,
});
const LAST_CHECK = oneOf<CheckStatus>({
  UNK: true,
  INI: true,
  HANA: true,
  SOCKERR: true,
  L4OK: true,
  L4TOUT: true,
  L4CON: true,
  L6OK: true,
  L6TOUT: true,
  L6RSP: true,
  L7TOUT: true,
  L7RSP: true,
  L7OK: true,
  L7OKC: true,
  L7STS: true,
});

const PLACE = record<ServerAddress>({
  host: ADDRESS,
  port: integer(0, 65_535),
  name: optional(HOST_NAME),
});

const CHECK_RESULT = record<CheckResult>({
  status: LAST_CHECK,
  passed: FLAG,
  inconclusive: optional(FLAG),
  info: SENTENCE,
  durationMs: COUNT,
  code: optional(integer(0, 999)),
  warnings: optional(list(SENTENCE, SENTENCES_MAX)),
  certificate: optional(
    record<CertificateFacts>({
      expiresAtMs: number(-MS_MAX, MS_MAX),
      missingNames: list(SENTENCE, SENTENCES_MAX),
    }),
  ),
});

const SERVER_STATE = record<ServerStateRecord>({
  backend: NAME,
  server: NAME,
  admin: ADMIN,
  check: CHECK,
  health: integer(0, 2 ** 31),
  stopping: optional(FLAG),
  address: optional(nullable(PLACE)),
  weight: nullable(WEIGHT),
});

const SERVER_STATUS = record<ServerStatus>({
  ...countsOf(SERVER),
  name: NAME,
  address: NAME,
  host: optional(SENTENCE),
  admin: ADMIN,
  check: CHECK,
  lastCheck: LAST_CHECK,
  reason: SENTENCE,
  warnings: list(SENTENCE, SENTENCES_MAX),
  certificateDaysLeft: optional(DAYS),
  weight: WEIGHT,
});

const FRONTEND_STATUS = record<FrontendStatus>({
  ...countsOf(FRONTEND),
  name: NAME,
  connectionsLimit: COUNT,
});

const BACKEND_STATUS = record<BackendStatus>({
  ...countsOf(BACKEND),
  name: NAME,
  usableServers: COUNT,
  skew: optional(SENTENCE),
  servers: list(SERVER_STATUS, ITEMS_MAX),
});

const REPORT = record<BalancerReport>({
  uptimeMs: COUNT,
  relays: integer(0, LOOPS_MAX),
  trouble: optional(SENTENCE),
  full: optional(list(SENTENCE, SENTENCES_MAX)),
  frontends: list(FRONTEND_STATUS, ITEMS_MAX),
  backends: list(BACKEND_STATUS, ITEMS_MAX),
});

/** Those that `evergate status` tells. */
function countsOf<Table extends CounterTable>(
  table: Table,
): Readonly<Record<StatusCounter<Table>, Shape<number>>> {
  const told = Object.entries(table).filter(([, { status }]) => status === true);
  const fields = Object.fromEntries(told.map(([name]) => [name, COUNT]));
  return fields as Readonly<Record<StatusCounter<Table>, Shape<number>>>;
}

/** By kind. */
export const FROM_BALANCER: { readonly [K in Kind]: Shape<Message<K>> } = {
  prepared: record<Message<'prepared'>>({ kind: oneOf({ prepared: true }) }),
  serving: record<Message<'serving'>>({ kind: oneOf({ serving: true }) }),
  servers: record<Message<'servers'>>({
    kind: oneOf({ servers: true }),
    servers: list(SERVER_STATE, ITEMS_MAX),
  }),
  reload: record<Message<'reload'>>({
    kind: oneOf({ reload: true }),
    id: ID,
    error: nullable(LINE),
    ended: COUNT,
  }),
  'ask-reload': record<Message<'ask-reload'>>({ kind: oneOf({ 'ask-reload': true }), id: ID }),
  report: record<Message<'report'>>({ kind: oneOf({ report: true }), id: ID, report: REPORT }),
  'set-server': record<Message<'set-server'>>({
    kind: oneOf({ 'set-server': true }),
    id: ID,
    error: nullable(LINE),
  }),
  check: record<Message<'check'>>({
    kind: oneOf({ check: true }),
    id: ID,
    backend: NAME,
    server: NAME,
    host: NAME,
    port: integer(0, 65_535),
  }),
  'end-check': record<Message<'end-check'>>({
    kind: oneOf({ 'end-check': true }),
    backend: NAME,
    server: NAME,
  }),
  log: record<Message<'log'>>({
    kind: oneOf({ log: true }),
    level: oneOf({ info: true, warning: true, error: true }),
    text: LINE,
    detail: optional(SERVER_DETAIL),
  }),
  failed: record<Message<'failed'>>({ kind: oneOf({ failed: true }), text: LINE }),
};

/** By kind: what a checker may say, which reads what servers send. */
export const FROM_CHECKER: {
  readonly [K in CheckerToGuardian['kind']]: Shape<
    Extract<CheckerToGuardian, { readonly kind: K }>
  >;
} = {
  ready: record<CheckerMessage<'ready'>>({ kind: oneOf({ ready: true }) }),
  checked: record<CheckerMessage<'checked'>>({
    kind: oneOf({ checked: true }),
    id: ID,
    result: CHECK_RESULT,
  }),
  log: FROM_BALANCER.log,
  failed: FROM_BALANCER.failed,
};

/** One line of a balancer's. Never throws. */
export function parseFromBalancer(line: string): Result<BalancerToGuardian> {
  return parseLine<BalancerToGuardian>(FROM_BALANCER, line);
}

/** One line of a checker's. Never throws. */
export function parseFromChecker(line: string): Result<CheckerToGuardian> {
  return parseLine<CheckerToGuardian>(FROM_CHECKER, line);
}

function parseLine<Said>(table: Readonly<Record<string, unknown>>, line: string): Result<Said> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return fail('It is no JSON');
  }
  if (typeof value !== 'object' || value === null) return fail('It is no record');
  const kind: unknown = 'kind' in value ? value.kind : undefined;
  if (typeof kind !== 'string' || !Object.hasOwn(table, kind)) {
    return fail('Field "kind" is no kind of message');
  }
  return parseShape<Said>(table[kind] as Shape<Said>, value);
}

/** Bytes of one message from a balancer that runs a configuration of so many servers, backends, frontends. */
export function messageBytesMax(items: number): number {
  return Math.min(MESSAGE_BYTES_MIN + items * ITEM_BYTES, MESSAGE_BYTES_MAX);
}

/** One line for the log, as long as it may be. */
export function cutLine(line: string): string {
  return cut(line, LINE_CHARS_MAX);
}

/** A sentence of the status, as long as it may be. */
export function cutSentence(sentence: string): string {
  return cut(sentence, SENTENCE_CHARS_MAX);
}

/** What a check found, with what it quotes as long as it may be. */
export function cutResult(result: CheckResult): CheckResult {
  const { info, warnings, certificate } = result;
  const { expiresAtMs: end = 0, missingNames = [] } = certificate ?? {};
  // A date that is none is no end.
  const expiresAtMs = Number.isNaN(end) ? MS_MAX : end;
  return {
    ...result,
    info: cutSentence(info),
    ...(warnings === undefined ? {} : { warnings: cutSentences(warnings) }),
    ...(certificate === undefined
      ? {}
      : { certificate: { expiresAtMs, missingNames: cutSentences(missingNames) } }),
  };
}

/** As many, and as long, as they may be. */
export function cutSentences(sentences: readonly string[]): readonly string[] {
  return sentences.slice(0, SENTENCES_MAX).map(cutSentence);
}

/** Days from or to a date that a certificate names, as far as they may be; 0 where it names none. */
export function cutDays(days: number): number {
  return Number.isNaN(days) ? 0 : Math.min(Math.max(days, -DAYS_MAX), DAYS_MAX);
}

function cut(value: string, charsMax: number): string {
  return value.length <= charsMax ? value : `${value.slice(0, charsMax - 1)}…`;
}
