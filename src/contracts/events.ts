/**
 * The timeline of a node: kinds of events, their fields, and what each means. Whoever tells one, keeps it, reads it back,
 * prints it or writes the page about it (docs/events.md) goes by this table.
 */

import { fail, type Result } from '../core/result.ts';
import {
  type FieldsOf,
  FLAG,
  integer,
  list,
  number,
  oneOf,
  optional,
  parseShape,
  record,
  type Shape,
  text,
} from '../core/shape.ts';
import type { ServerChange } from '../health/server-change.ts';
import type { InstanceStatus } from '../stats/status.ts';
import type { DecisionFacts } from './election.ts';

/** Of what `--json` prints. A field that comes to it does not change the number; one that goes or means another thing does. */
export const EVENTS_FORMAT = 1;

type State = InstanceStatus['state'];

export type VipDetail = DecisionFacts & {
  readonly kind: 'vip';
  readonly instance: string;
  readonly addresses: readonly string[];
  readonly from: State;
  readonly to: State;
  readonly why: string;
  readonly priority: number;
  readonly serving?: boolean;
};

export type ServerDetail = { readonly kind: 'server' } & ServerChange;

export type EventDetail =
  | VipDetail
  | { readonly kind: 'group'; readonly group: string; readonly to: State }
  | { readonly kind: 'warning'; readonly why: string }
  | ServerDetail
  | {
      readonly kind: 'node';
      readonly to: 'drained' | 'ready' | 'drain-refused';
      readonly why?: string;
    }
  | {
      readonly kind: 'reload';
      readonly to: 'applied' | 'refused';
      readonly by: string;
      readonly changes: readonly string[];
    }
  | {
      readonly kind: 'balancer';
      readonly to: 'serves' | 'takes-over' | 'gone' | 'killed' | 'failed' | 'counts' | 'counts-not';
      readonly pid?: number;
      readonly why?: string;
    }
  | {
      readonly kind: 'guardian';
      /** `lost`: the one before ended without a word. `hands-over`: to the process that follows. */
      readonly to: 'started' | 'stopping' | 'hands-over' | 'failed' | 'lost';
      readonly pid: number;
      readonly why?: string;
    };

export type EventKind = EventDetail['kind'];

export type EventLevel = 'info' | 'warning' | 'error';

export type EventHead = {
  readonly n: number;
  readonly at: number;
  readonly node: string;
  readonly level: EventLevel;
  readonly text: string;
};

export type NodeEvent = EventHead & EventDetail;

type EventOf<Kind extends EventKind> = EventHead & Extract<EventDetail, { readonly kind: Kind }>;

/** UTF-16 units; a name of a configuration may have more, and is cut. */
export const EVENT_CHARS_MAX = 512;
export const EVENT_ITEMS_MAX = 8;
const MS_MAX = 8.64e15;

const TEXT = text(EVENT_CHARS_MAX);
const TEXTS = list(TEXT, EVENT_ITEMS_MAX);
const PID = integer(0, 2 ** 31);
const MS = number(0, MS_MAX);
const PRIORITY = integer(0, 255);
const STATE = oneOf<State>({ initialize: true, backup: true, master: true, fault: true });

const HEAD = {
  n: integer(1, Number.MAX_SAFE_INTEGER),
  at: MS,
  node: TEXT,
  level: oneOf<EventLevel>({ info: true, warning: true, error: true }),
  text: TEXT,
};

const SERVER: FieldsOf<ServerDetail> = {
  kind: oneOf({ server: true }),
  backend: TEXT,
  server: TEXT,
  to: oneOf<ServerChange['to']>({
    up: true,
    down: true,
    stopping: true,
    ready: true,
    drain: true,
    maint: true,
  }),
  usable: integer(0, Number.MAX_SAFE_INTEGER),
  why: TEXT,
};

/** What a balancer may tell of. */
export const SERVER_DETAIL = record<ServerDetail>(SERVER);

type Entry<Kind extends EventKind> = {
  readonly purpose: string;
  readonly shape: Shape<EventOf<Kind>>;
};

export const EVENTS: { readonly [Kind in EventKind]: Entry<Kind> } = {
  vip: {
    purpose: 'An instance changed its state: a VIP came, went, or was not to be had',
    shape: record<EventOf<'vip'>>({
      ...HEAD,
      kind: oneOf({ vip: true }),
      instance: TEXT,
      addresses: TEXTS,
      from: STATE,
      to: STATE,
      why: TEXT,
      priority: PRIORITY,
      serving: optional(FLAG),
      heardFrom: optional(TEXT),
      heardAgoMs: optional(MS),
      heardPriority: optional(PRIORITY),
      patienceMs: optional(MS),
      gapMs: optional(MS),
      faults: optional(TEXTS),
      drained: optional(FLAG),
    }),
  },
  group: {
    purpose: 'A sync group changed its state',
    shape: record<EventOf<'group'>>({
      ...HEAD,
      kind: oneOf({ group: true }),
      group: TEXT,
      to: STATE,
    }),
  },
  warning: {
    purpose: 'The election saw what should not be: a foreign claim, an address that was taken away',
    shape: record<EventOf<'warning'>>({ ...HEAD, kind: oneOf({ warning: true }), why: TEXT }),
  },
  server: {
    purpose: 'A server went down or up, or somebody took it out of use or put it back',
    shape: record<EventOf<'server'>>({
      ...HEAD,
      ...SERVER,
    }),
  },
  node: {
    purpose: 'The node was drained, or made ready again',
    shape: record<EventOf<'node'>>({
      ...HEAD,
      kind: oneOf({ node: true }),
      to: oneOf({ drained: true, ready: true, 'drain-refused': true }),
      why: optional(TEXT),
    }),
  },
  reload: {
    purpose: 'The configuration was read again',
    shape: record<EventOf<'reload'>>({
      ...HEAD,
      kind: oneOf({ reload: true }),
      to: oneOf({ applied: true, refused: true }),
      by: TEXT,
      changes: TEXTS,
    }),
  },
  balancer: {
    purpose:
      'A balancer began to serve, ended, or was ended; or the node began or ceased to count as one that balances',
    shape: record<EventOf<'balancer'>>({
      ...HEAD,
      kind: oneOf({ balancer: true }),
      to: oneOf({
        serves: true,
        'takes-over': true,
        gone: true,
        killed: true,
        failed: true,
        counts: true,
        'counts-not': true,
      }),
      pid: optional(PID),
      why: optional(TEXT),
    }),
  },
  guardian: {
    purpose:
      'A guardian started or ended; "lost": the one before ended without a word, as by a kill',
    shape: record<EventOf<'guardian'>>({
      ...HEAD,
      kind: oneOf({ guardian: true }),
      to: oneOf({
        started: true,
        stopping: true,
        'hands-over': true,
        failed: true,
        lost: true,
      }),
      pid: PID,
      why: optional(TEXT),
    }),
  },
};

type FieldsOfAny<Event> = Event extends unknown ? keyof Event : never;

/** What each field means, whichever events have it. */
export const EVENT_FIELDS: Readonly<Record<FieldsOfAny<NodeEvent>, string>> = {
  n: 'Counts the events of this run directory; one that is missing has given its place to a later one',
  at: 'When this node saw it, by its wall clock, ms since 1970',
  node: 'Name of the node that saw it',
  level: '`info`, `warning` or `error`, as its line in the log',
  text: 'Its line in the log',
  kind: 'Which of the kinds above',
  instance: 'VRRP instance',
  addresses: 'Its virtual addresses',
  group: 'Name of the sync group',
  from: 'State before',
  to: 'State after, or what happened',
  why: 'The cause, in words',
  priority: 'Effective priority of this node then',
  serving: 'Whether the node counted as one that balances; absent: it has no balancer',
  heardFrom: 'Who was last heard as the owner, or who is heard now and is better',
  heardAgoMs: 'How long before the decision that was, ms',
  heardPriority: 'The priority it said; 0: it left',
  patienceMs:
    'How long an owner may be silent before this node takes over, ms (Master_Down_Interval)',
  gapMs:
    'From the last word of an owner that fell silent to the first of this one, ms: clients had nobody for so long at most',
  faults: 'Why the instance is kept out of the election',
  drained: 'Whether the node is drained',
  backend: 'Name of the backend',
  usable: 'Servers of the backend that take connections after it; 0: it has none left',
  server: 'Name of the server',
  by: 'Who asked for it',
  changes: 'What changed, or why it was refused',
  pid: 'Process that it is about',
};

/** One that was kept. Never throws. */
export function parseEvent(value: unknown): Result<NodeEvent> {
  const kind: unknown =
    typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
  if (typeof kind !== 'string' || !Object.hasOwn(EVENTS, kind))
    return fail('It is no kind of event');
  return parseShape<NodeEvent>(EVENTS[kind as EventKind].shape as Shape<NodeEvent>, value);
}

/** With names of a configuration cut, which may be longer. */
export function serverDetail({ backend, server, why, ...rest }: ServerChange): ServerDetail {
  const cut = (value: string): string => value.slice(0, EVENT_CHARS_MAX);
  return { ...rest, kind: 'server', backend: cut(backend), server: cut(server), why: cut(why) };
}
