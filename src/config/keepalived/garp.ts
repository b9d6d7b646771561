/**
 * keepalived.conf: gratuitous ARP and unsolicited Neighbor Advertisements (keepalived.conf(5), garp_* and
 * vrrp_garp_*). An instance begins with what global_defs say.
 */

import type { GarpConfig } from '../model/addresses.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';
import { firstValue, parseInteger, parseSeconds, parseSwitch } from './values.ts';
import type { Handlers } from './walk.ts';

export type GarpDraft = {
  -readonly [Key in keyof Omit<GarpConfig, 'rivalRepeat' | 'rivalDelayMs'>]: GarpConfig[Key];
} & {
  /** null: as often as on promotion, and as long after. */
  rivalRepeat: number | null;
  rivalDelayMs: number | null;
};

const REPEAT_MAX = 100;
/** Longest time keepalived's timers are given here. */
const SECONDS_RANGE = { minMs: 0, maxMs: 4_294_000, otherwise: 'the line is ignored' } as const;
/** Between two frames. */
const PACE_MS_MAX = 1000;

export function defaultGarp(): GarpDraft {
  return {
    repeat: 5,
    delayMs: 5000,
    refreshMs: 0,
    refreshRepeat: 1,
    rivalRepeat: null,
    rivalDelayMs: null,
    arpPaceMs: 0,
    neighbourPaceMs: 0,
  };
}

export function finishGarp(draft: GarpDraft): GarpConfig {
  return {
    ...draft,
    rivalRepeat: draft.rivalRepeat ?? draft.repeat,
    rivalDelayMs: draft.rivalDelayMs ?? draft.delayMs,
  };
}

/** `prefix`: what stands before the names in this block. */
export function garpHandlers(draft: GarpDraft, prefix: '' | 'vrrp_', report: Report): Handlers {
  const time = (statement: Statement): number | null =>
    parseSeconds(firstValue(statement), SECONDS_RANGE, `"${statement.name.text}"`, report);
  const repeat = (statement: Statement, min: number): number | null => {
    const range = { min, max: REPEAT_MAX, otherwise: 'the line is ignored' };
    const word = firstValue(statement);
    if (min === 0 || word.text !== '0') {
      return parseInteger(word, range, 'number of repeats', report);
    }
    const text = '"0" is no number of repeats; here it is 1, as in keepalived';
    report.warning(word, 'bad-value', text);
    return 1;
  };
  return {
    [`${prefix}garp_master_delay`]: (statement) => {
      draft.delayMs = time(statement) ?? draft.delayMs;
    },
    [`${prefix}garp_master_repeat`]: (statement) => {
      draft.repeat = repeat(statement, 1) ?? draft.repeat;
    },
    [`${prefix}garp_master_refresh`]: (statement) => {
      draft.refreshMs = time(statement) ?? draft.refreshMs;
    },
    [`${prefix}garp_master_refresh_repeat`]: (statement) => {
      draft.refreshRepeat = repeat(statement, 1) ?? draft.refreshRepeat;
    },
    [`${prefix}garp_lower_prio_delay`]: (statement) => {
      draft.rivalDelayMs = time(statement) ?? draft.rivalDelayMs;
    },
    [`${prefix}garp_lower_prio_repeat`]: (statement) => {
      draft.rivalRepeat = repeat(statement, 0) ?? draft.rivalRepeat;
    },
    [`${prefix}garp_interval`]: (statement) => {
      draft.arpPaceMs = parsePace(statement, report) ?? draft.arpPaceMs;
    },
    [`${prefix}gna_interval`]: (statement) => {
      draft.neighbourPaceMs = parsePace(statement, report) ?? draft.neighbourPaceMs;
    },
  };
}

/** `vrrp_min_garp`: one announcement, and no second one. */
export function takeMinimum(statement: Statement, draft: GarpDraft, report: Report): void {
  if (parseSwitch(statement, report)) Object.assign(draft, { repeat: 1, delayMs: 0 });
}

/** Our timers count milliseconds, keepalived's microseconds. */
function parsePace(statement: Statement, report: Report): number | null {
  const word = firstValue(statement);
  const range = { minMs: 0, maxMs: PACE_MS_MAX, otherwise: 'the line is ignored' };
  const pace = parseSeconds(word, range, 'pause between announcements', report);
  if (pace !== 0) return pace;
  if (Number(word.text) === 0) {
    const text = `"${word.text}" is no pause between announcements; here the line is ignored, as in keepalived`;
    report.warning(word, 'bad-value', text);
    return null;
  }
  const text = `"${word.text}" is rounded up to 0.001 s, the shortest pause between announcements`;
  report.warning(word, 'bad-value', text);
  return 1;
}
