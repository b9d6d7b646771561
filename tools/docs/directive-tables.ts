/**
 * Tables of the documentation that come from the code, as Markdown: the directives of both front ends, the
 * metrics.
 */

import type { DirectiveTable } from '../../src/config/haproxy/directives.ts';
import { GLOBAL_DIRECTIVES, SECTIONS } from '../../src/config/haproxy/directives-global.ts';
import { PROXY_DIRECTIVES } from '../../src/config/haproxy/directives-proxy.ts';
import {
  BIND_KEYWORDS,
  type KeywordTable,
  SERVER_KEYWORDS,
  STATS_SOCKET_KEYWORDS,
} from '../../src/config/haproxy/keywords.ts';
import { RESOLVERS_DIRECTIVES } from '../../src/config/haproxy/names/directives.ts';
import {
  AUTHENTICATION,
  GLOBAL_DEFS,
  type RuleTable,
  SYNC_GROUP,
  TOP_LEVEL,
  TRACK_FILE,
  TRACK_PROCESS,
  VRRP_INSTANCE,
  VRRP_SCRIPT,
} from '../../src/config/keepalived/directives.ts';
import { EVENT_FIELDS, EVENTS } from '../../src/contracts/events.ts';
import { assert } from '../../src/core/assert.ts';
import { METRICS } from '../../src/stats/metrics/metrics.ts';
import type { PageTables } from './page-tables.ts';
import { statusTables } from './status-tables.ts';

/** One directive, section or keyword, whichever table it comes from. */
type Entry = { readonly name: string; readonly treatment: Treatment };

type Treatment =
  | { readonly does: 'convert' }
  | { readonly does: 'ignore' | 'lose' | 'refuse'; readonly why: string };

/** Kinds of result in the order of the page, with the words over each list. */
const HEADINGS = {
  convert: 'Read:',
  ignore: 'Left out with a warning; nothing changes:',
  lose: 'Left out with a warning; traffic flows as it did, something else is lost:',
  refuse: 'Refused with an error:',
} as const satisfies Record<Treatment['does'], string>;

const KINDS = ['convert', 'ignore', 'lose', 'refuse'] as const;

function codes(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

/** Names by the reason they share, in the order of the table. */
function byReason(entries: readonly Entry[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, readonly string[]>();
  for (const { name, treatment } of entries) {
    const why = treatment.does === 'convert' ? '' : treatment.why;
    groups.set(why, [...(groups.get(why) ?? []), name]);
  }
  return groups;
}

function renderKind(kind: Treatment['does'], entries: readonly Entry[]): string {
  const groups = byReason(entries);
  const lines =
    kind === 'convert'
      ? [codes([...groups.values()].flat())]
      : [
          '| Name | Why |',
          '|---|---|',
          ...[...groups].map(([why, names]) => `| ${codes(names)} | ${why} |`),
        ];
  return `${HEADINGS[kind]}\n\n${lines.join('\n')}\n`;
}

function render(entries: readonly Entry[]): string {
  return KINDS.map(
    (kind) => [kind, entries.filter((each) => each.treatment.does === kind)] as const,
  )
    .filter(([, found]) => found.length > 0)
    .map(([kind, found]) => renderKind(kind, found))
    .join('\n');
}

function fromTable(table: DirectiveTable | KeywordTable): readonly Entry[] {
  return [...table.values()];
}

function fromRules(table: RuleTable): readonly Entry[] {
  return Object.entries(table).map(([name, treatment]) => ({ name, treatment }));
}

function fromSections(): readonly Entry[] {
  return [...SECTIONS].map(([name, treatment]) => ({ name, treatment }));
}

function renderMetrics(): string {
  const lines = METRICS.map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`);
  return `| Name | Type | What it is |\n|---|---|---|\n${lines.join('\n')}\n`;
}

/** Fields that every event has. */
const EVENT_HEAD: ReadonlySet<string> = new Set(['n', 'at', 'node', 'level', 'text', 'kind']);

function renderEventKinds(): string {
  const lines = Object.entries(EVENTS).map(([kind, { purpose, shape }]) => {
    assert(shape.rule.kind === 'record', 'an event is a record');
    const own = Object.entries(shape.rule.fields).filter(([name]) => !EVENT_HEAD.has(name));
    const fields = own.map(([name, { optional }]) => `\`${name}\`${optional ? '?' : ''}`);
    return `| \`${kind}\` | ${purpose} | ${fields.join(' ')} |`;
  });
  return `| Kind | What it tells | Fields; \`?\`: where known |\n|---|---|---|\n${lines.join('\n')}\n`;
}

function renderEventFields(): string {
  const lines = Object.entries(EVENT_FIELDS).map(
    ([name, meaning]) => `| \`${name}\` | ${meaning} |`,
  );
  return `| Field | What it says |\n|---|---|\n${lines.join('\n')}\n`;
}

export const PAGES: PageTables = {
  'docs/haproxy.md': {
    sections: render(fromSections()),
    global: render(fromTable(GLOBAL_DIRECTIVES)),
    proxies: render(fromTable(PROXY_DIRECTIVES)),
    resolvers: render(fromTable(RESOLVERS_DIRECTIVES)),
    bind: render(fromTable(BIND_KEYWORDS)),
    server: render(fromTable(SERVER_KEYWORDS)),
    'stats-socket': render(fromTable(STATS_SOCKET_KEYWORDS)),
  },
  'docs/events.md': { kinds: renderEventKinds(), fields: renderEventFields() },
  'docs/status.md': statusTables(),
  'docs/metrics.md': { metrics: renderMetrics() },
  'docs/keepalived.md': {
    blocks: render(fromRules(TOP_LEVEL)),
    'global-defs': render(fromRules(GLOBAL_DEFS)),
    'vrrp-script': render(fromRules(VRRP_SCRIPT)),
    'vrrp-instance': render(fromRules(VRRP_INSTANCE)),
    authentication: render(fromRules(AUTHENTICATION)),
    'sync-group': render(fromRules(SYNC_GROUP)),
    'track-process': render(fromRules(TRACK_PROCESS)),
    'track-file': render(fromRules(TRACK_FILE)),
  },
};
