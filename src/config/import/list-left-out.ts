/** Lines that have no place in evergate.yaml, each with its reason. */

import type { Diagnostic } from '../diagnostics.ts';
import type { TrackScriptConfig } from '../model/election.ts';
import type { ImportDraft } from './draft.ts';
import {
  BIND_LEFT_OUT,
  BLOCKS_LEFT_OUT,
  DEFS_LEFT_OUT,
  type Fates,
  GLOBAL_LEFT_OUT,
  INSTANCE_LEFT_OUT,
  PROXY_LEFT_OUT,
  SERVER_LEFT_OUT,
} from './fates.ts';
import type { HaproxyLines } from './haproxy-lines.ts';
import { type KeepalivedLines, placeOf } from './keepalived-lines.ts';

const PROXIES = ['defaults', 'frontend', 'backend', 'listen'];

/** What the front ends themselves leave out. */
const TOLD_CODES = ['ignored-directive', 'unsupported-directive', 'replaced-script'];

/** Warnings of the front ends about lines that do nothing here either. */
export function listTold(draft: ImportDraft, diagnostics: readonly Diagnostic[]): void {
  for (const { severity, code, text, file, line, column } of diagnostics) {
    if (severity !== 'warning' || !TOLD_CODES.includes(code)) continue;
    const kind = code === 'replaced-script' ? 'changed' : 'left-out';
    const said = text.replace(/ \(--keep-scripts .*\)$/, '');
    draft.remark(kind, '', { file, line, column }, said);
  }
}

function why(fates: Fates, name: string): string | null {
  return Object.hasOwn(fates, name) ? (fates[name] ?? null) : null;
}

/** `skipped`: proxies that nothing is read of. */
export function listHaproxy(
  draft: ImportDraft,
  lines: HaproxyLines,
  skipped: ReadonlySet<string>,
): void {
  for (const { place, directive } of lines.lines(['global'])) {
    const reason = why(GLOBAL_LEFT_OUT, directive);
    if (reason !== null) draft.remark('left-out', '', place, `"${directive}": ${reason}`);
  }
  for (const { place, directive, words, section } of lines.lines(PROXIES)) {
    if (skipped.has(section)) continue;
    const negated = words[0] === 'no' || words[0] === 'default';
    const reason = why(PROXY_LEFT_OUT, directive);
    if (reason !== null && !negated)
      draft.remark('left-out', '', place, `"${directive}": ${reason}`);
    const keywords = directive.endsWith('server') ? SERVER_LEFT_OUT : BIND_LEFT_OUT;
    if (!['server', 'default-server', 'server-template', 'bind'].includes(directive)) continue;
    for (const word of words.slice(1)) {
      const told = why(keywords, word);
      if (told !== null) draft.remark('left-out', '', place, `"${word}": ${told}`);
    }
  }
}

/** `scripts`: those that are tracked beside the balancer. */
export function listKeepalived(
  draft: ImportDraft,
  lines: KeepalivedLines,
  scripts: readonly TrackScriptConfig[],
): void {
  for (const block of lines.statements) {
    const reason = why(BLOCKS_LEFT_OUT, block.name.text);
    if (reason !== null) {
      draft.remark('left-out', '', placeOf(block), `"${block.name.text}": ${reason}`);
    }
    if (block.name.text === 'vrrp_script') {
      const name = block.args[0]?.text ?? '';
      if (!scripts.some((script) => script.name === name)) continue;
      const text = `Script "${name}": a node follows its own balancer and runs no script of its own; what it found out is not known any more`;
      draft.remark('left-out', '', placeOf(block), text);
    }
    const fates = block.name.text === 'global_defs' ? DEFS_LEFT_OUT : INSTANCE_LEFT_OUT;
    if (!['global_defs', 'vrrp_instance'].includes(block.name.text)) continue;
    for (const statement of block.children ?? []) {
      const told = why(fates, statement.name.text);
      if (told === null) continue;
      draft.remark('left-out', '', placeOf(statement), `"${statement.name.text}": ${told}`);
    }
  }
}
