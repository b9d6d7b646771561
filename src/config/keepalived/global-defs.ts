/** keepalived.conf: the global_defs block (keepalived.conf(5), "Global definitions"). */

import { GLOBAL_DEFS } from './directives.ts';
import { defaultGarp, type GarpDraft, garpHandlers, takeMinimum } from './garp.ts';
import type { Position } from './lexer.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';
import {
  firstValue,
  parseInteger,
  parseInterface,
  parseMulticastGroup,
  parseSwitch,
} from './values.ts';
import { walk } from './walk.ts';

export type Account = { readonly user: string; readonly group: string | null };

/** A FIFO and its script stand in two directives, in any order. */
export type FifoDraft = { fifo: Statement | null; script: Statement | null };

/** What the blocks behind fall back on. */
export type GlobalDefs = {
  routerId: (Position & { readonly value: string }) | null;
  version: 2 | 3;
  scriptAccount: Account | null;
  scriptSecurity: boolean;
  group: string;
  group6: string;
  readonly garp: GarpDraft;
  /** Instances tell changes of their priority. */
  notifyPriority: boolean;
  awaitsInterfaces: boolean;
  /** Before the virtual router id in the names of use_vmac. */
  vmacPrefix: string;
  /** keepalived's lower_prio_no_advert and higher_prio_send_advert, where they are given. */
  answersLower: boolean | null;
  saysFarewell: boolean | null;
  /** keepalived's vrrp_strict: no authentication. */
  strict: boolean;
  /** `notify_fifo` and `vrrp_notify_fifo`. */
  readonly fifos: readonly [FifoDraft, FifoDraft];
};

/** keepalived's own defaults; the group is that of RFC 5798 section 5.1.1.2. */
export function defaultGlobalDefs(): GlobalDefs {
  return {
    routerId: null,
    version: 2,
    scriptAccount: null,
    scriptSecurity: false,
    group: '224.0.0.18',
    group6: 'ff02::12',
    garp: defaultGarp(),
    notifyPriority: false,
    awaitsInterfaces: false,
    vmacPrefix: 'vrrp',
    answersLower: null,
    saysFarewell: null,
    strict: false,
    fifos: [
      { fifo: null, script: null },
      { fifo: null, script: null },
    ],
  };
}

const VERSION_RANGE = { min: 2, max: 3, otherwise: 'the line is ignored' } as const;

export function parseVersion(statement: Statement, report: Report): 2 | 3 | null {
  const version = parseInteger(firstValue(statement), VERSION_RANGE, 'VRRP version', report);
  return version === 2 || version === 3 ? version : null;
}

export function parseAccount(statement: Statement): Account {
  return { user: firstValue(statement).text, group: statement.args[1]?.text ?? null };
}

/** Fills in `globals`; a file may hold several such blocks. */
export function convertGlobalDefs(block: Statement, globals: GlobalDefs, report: Report): void {
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
    enable_script_security: () => {
      globals.scriptSecurity = true;
    },
    vrrp_mcast_group4: (statement: Statement) => {
      globals.group = parseMulticastGroup(firstValue(statement), report) ?? globals.group;
    },
    vrrp_mcast_group6: (statement: Statement) => {
      globals.group6 = parseMulticastGroup(firstValue(statement), report) ?? globals.group6;
    },
    ...garpHandlers(globals.garp, 'vrrp_', report),
    dynamic_interfaces: () => {
      globals.awaitsInterfaces = true;
    },
    vrrp_notify_priority_changes: (statement: Statement) => {
      globals.notifyPriority = parseSwitch(statement, report);
    },
    vmac_prefix: (statement: Statement) => {
      globals.vmacPrefix = parseInterface(firstValue(statement), report) ?? globals.vmacPrefix;
    },
    vrrp_min_garp: (statement: Statement) => takeMinimum(statement, globals.garp, report),
    vrrp_lower_prio_no_advert: (statement: Statement) => {
      globals.answersLower = !parseSwitch(statement, report);
    },
    vrrp_higher_prio_send_advert: (statement: Statement) => {
      globals.saysFarewell = parseSwitch(statement, report);
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
