/**
 * haproxy.cfg to the configuration model: text to words (lexer.ts), words to sections (parser.ts),
 * sections to drafts (proxies.ts, convert-*.ts, along the tables in directives-*.ts and keywords.ts),
 * drafts to the model (build.ts), and what will hurt (lints.ts).
 */

import type { Diagnostic } from '../diagnostics.ts';
import type { BalancerConfig } from '../model/config.ts';
import { scanTemplates } from '../templates.ts';
import { scanInvisible, withoutInvisible } from '../text.ts';
import { buildBalancer } from './build.ts';
import { lintProxies } from './lints.ts';
import { noteLeftOut, reportUnknownNames } from './omitted.ts';
import { parseSections } from './parser.ts';
import { readDrafts } from './proxies.ts';
import { createReport } from './report.ts';

export type HaproxyResult = {
  /** null exactly when `diagnostics` holds an error. */
  readonly config: BalancerConfig | null;
  /** In the order of the file. */
  readonly diagnostics: readonly Diagnostic[];
  /** What was left out as the caller said, in sentences for the status. */
  readonly notes: readonly string[];
};

/**
 * Reads a whole haproxy.cfg. Pure and bounded: no file is read and no name resolved. `file` is only for
 * messages; `env` is what "${NAME}" in double quotes refers to.
 *
 * Hosts of servers and log targets stay as written when they are names (`localhost` becomes 127.0.0.1). User and group ids (`uid 99`) stand as decimal text.
 *
 * Of proxies that `leaveOut` names nothing is read and nothing runs.
 */
export function parseHaproxy(
  file: string,
  text: string,
  env: Readonly<Record<string, string>>,
  leaveOut: readonly string[] = [],
): HaproxyResult {
  const unrendered = scanTemplates(file, text, '#');
  if (unrendered.length > 0) return { config: null, diagnostics: unrendered, notes: [] };
  const report = createReport(file);
  const invisible = scanInvisible(file, text, '#');
  report.add(invisible);
  const sections = parseSections(report, invisible.length > 0 ? withoutInvisible(text) : text, env);
  const drafts = readDrafts(report, sections, new Set(leaveOut));
  reportUnknownNames(report, drafts.proxies, leaveOut);
  const config = buildBalancer(report, drafts);
  lintProxies(report, drafts.proxies);
  const notes = noteLeftOut(drafts.proxies);
  return { config, diagnostics: report.diagnostics(), notes };
}
