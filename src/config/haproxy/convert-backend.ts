/** `default_backend` and `use_backend`: where a proxy's clients go (configuration manual section 4.2). */

import type { ProxyDraft } from './draft.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import { convertRoute } from './rules/convert-rules.ts';
import type { Call } from './scope.ts';

/** With HAProxy's two ACLs that are always there; '' is no condition at all. */
const ALWAYS = ['', 'if TRUE', 'unless FALSE'];
const NEVER = ['if FALSE', 'unless TRUE'];

/** `use_backend <backend> [if|unless <condition>]`: the first rule that applies decides. */
export function convertUseBackend(
  report: Report,
  draft: ProxyDraft,
  call: Call,
  backend: Word,
): void {
  const condition = call.args
    .slice(1)
    .map((word) => word.text)
    .join(' ');
  if (draft.useBackend !== null) {
    const text = `"use_backend ${backend.text}" is never reached: line ${draft.useBackend.line} takes every client`;
    report.warning(call.place, 'ignored-directive', text);
  } else if (ALWAYS.includes(condition)) {
    draft.useBackend = backend;
  } else if (NEVER.includes(condition)) {
    const text = `"use_backend ${backend.text}" is ignored: "${condition}" never holds`;
    report.warning(call.place, 'ignored-directive', text);
  } else if (backend.text.includes('%[')) {
    const text = `"use_backend ${backend.text}" is not supported: name each backend in a line of its own`;
    report.error(backend, 'unsupported-directive', text);
  } else {
    convertRoute(report, draft, call, backend);
  }
}

/** Says what of a proxy's choice of a backend never counts, once its lines are read. */
export function settleBackend(report: Report, { useBackend, defaultBackend }: ProxyDraft): void {
  if (useBackend === null || defaultBackend === null) return;
  const text = `"default_backend ${defaultBackend.text}" is never reached: "use_backend" in line ${useBackend.line} takes every client`;
  report.warning(defaultBackend, 'ignored-directive', text);
}
