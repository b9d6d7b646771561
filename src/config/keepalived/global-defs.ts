/** keepalived.conf: the global_defs block (keepalived.conf(5), "Global definitions"). */

import { GLOBAL_DEFS } from './directives.ts';
import type { Position } from './lexer.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';
import { firstValue, parseInteger, parseMulticastGroup, parseSeconds } from './values.ts';
import { walk } from './walk.ts';

export type Account = { readonly user: string; readonly group: string | null };

/** A FIFO and its script stand in two directives, in any order. */
export type FifoDraft = { fifo: Statement | null; script: Statement | null };

/** What the blocks behind fall back on. */
export type GlobalDefs = {
  routerId: (Position & { readonly value: string }) | null;
  version: 2 | 3;
  scriptAccount: Account | null;
  group: string;
  group6: string;
  garpDelayMs: number;
  garpRepeat: number;
  garpRefreshMs: number;
  /** keepalived's vrrp_strict: no authentication. */
  strict: boolean;
  /** `notify_fifo` and `vrrp_notify_fifo`. */
  readonly fifos: readonly [FifoDraft, FifoDraft];
};

/** Longest time keepalived's timers are given here. */
export const SECONDS_RANGE = { minMs: 0, maxMs: 4_294_000 } as const;

export const GARP_REPEAT_RANGE = { min: 1, max: 100 } as const;

/** keepalived's own defaults; the group is that of RFC 5798 section 5.1.1.2. */
export function defaultGlobalDefs(): GlobalDefs {
  return {
    routerId: null,
    version: 2,
    scriptAccount: null,
    group: '224.0.0.18',
    group6: 'ff02::12',
    garpDelayMs: 5000,
    garpRepeat: 5,
    garpRefreshMs: 0,
    strict: false,
    fifos: [
      { fifo: null, script: null },
      { fifo: null, script: null },
    ],
  };
}

export function parseVersion(statement: Statement, report: Report): 2 | 3 | null {
  const version = parseInteger(firstValue(statement), { min: 2, max: 3 }, 'VRRP version', report);
  return version === 2 || version === 3 ? version : null;
}

export function parseAccount(statement: Statement): Account {
  return { user: firstValue(statement).text, group: statement.args[1]?.text ?? null };
}

/** A switch with an optional value; a bare name means on. */
export function parseSwitch(statement: Statement, report: Report): boolean {
  const word = statement.args[0];
  if (word === undefined || /^(on|true|yes)$/.test(word.text)) return true;
  if (!/^(off|false|no)$/.test(word.text)) {
    report.error(word, 'bad-value', `"${word.text}" is neither "on" nor "off"`);
  }
  return false;
}

/** Fills in `globals`; a file may hold several such blocks. */
export function convertGlobalDefs(block: Statement, globals: GlobalDefs, report: Report): void {
  const seconds = (statement: Statement, what: string): number | null =>
    parseSeconds(firstValue(statement), SECONDS_RANGE, what, report);
  const handlers = {
    router_id: (statement: Statement) => {
      const { text, file, line, column } = firstValue(statement);
      globals.routerId = { value: text, file, line, column };
    },
    vrrp_version: (statement: Statement) => {
      globals.version = parseVersion(statement, report) ?? globals.version;
    },
    script_user: (statement: Statement) => {
      globals.scriptAccount = parseAccount(statement);
    },
    vrrp_mcast_group4: (statement: Statement) => {
      globals.group = parseMulticastGroup(firstValue(statement), report) ?? globals.group;
    },
    vrrp_mcast_group6: (statement: Statement) => {
      globals.group6 = parseMulticastGroup(firstValue(statement), report) ?? globals.group6;
    },
    vrrp_garp_master_delay: (statement: Statement) => {
      globals.garpDelayMs = seconds(statement, 'delay') ?? globals.garpDelayMs;
    },
    vrrp_garp_master_repeat: (statement: Statement) => {
      const word = firstValue(statement);
      const repeat = parseInteger(word, GARP_REPEAT_RANGE, 'number of repeats', report);
      globals.garpRepeat = repeat ?? globals.garpRepeat;
    },
    vrrp_garp_master_refresh: (statement: Statement) => {
      globals.garpRefreshMs = seconds(statement, 'refresh time') ?? globals.garpRefreshMs;
    },
    notify_fifo: (statement: Statement) => {
      globals.fifos[0].fifo = statement;
    },
    notify_fifo_script: (statement: Statement) => {
      globals.fifos[0].script = statement;
    },
    vrrp_notify_fifo: (statement: Statement) => {
      globals.fifos[1].fifo = statement;
    },
    vrrp_notify_fifo_script: (statement: Statement) => {
      globals.fifos[1].script = statement;
    },
    vrrp_strict: (statement: Statement) => {
      globals.strict = parseSwitch(statement, report);
      if (!globals.strict) return;
      const text = '"vrrp_strict" only turns authentication off here; no traffic is blocked';
      report.warning(statement.name, 'ignored-directive', text);
    },
  };
  walk(block.children ?? [], GLOBAL_DEFS, 'global_defs', handlers, report);
}
