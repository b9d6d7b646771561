/** What the stats page's forms post (HAProxy management guide, "stats admin"), and what the page answers. */

import type { AdminState } from '../health/server-state.ts';

/** Codes of `;st=`: what became of the last action. */
export type ActionCode = 'DONE' | 'NONE' | 'PART' | 'ERRP' | 'EXCD' | 'DENY' | 'IVAL' | 'UNKN';

/** Longest form that is read (HAProxy: one buffer). */
export const FORM_BYTES_MAX = 16_384;

/** Servers named in one form at most. */
const FIELDS_MAX = 4096;

export type AdminAction =
  | { readonly kind: 'set-admin'; readonly admin: AdminState; readonly cause: string }
  | { readonly kind: 'shutdown-sessions' };

export type AdminForm = {
  /** By name or "#number"; null: not given. */
  readonly backend: string | null;
  readonly action: string | null;
  readonly servers: readonly string[];
};

/** The old page's words say in the log line where they came from. */
const ACTIONS: Readonly<Record<string, AdminAction>> = {
  ready: { kind: 'set-admin', admin: 'ready', cause: '' },
  drain: { kind: 'set-admin', admin: 'drain', cause: '' },
  maint: { kind: 'set-admin', admin: 'maint', cause: '' },
  enable: { kind: 'set-admin', admin: 'ready', cause: '' },
  start: { kind: 'set-admin', admin: 'ready', cause: '' },
  disable: { kind: 'set-admin', admin: 'maint', cause: " ('disable' on stats page)" },
  stop: { kind: 'set-admin', admin: 'drain', cause: " ('stop' on stats page)" },
  shutdown: { kind: 'shutdown-sessions' },
};

/** null: no such action, or one of HAProxy's that needs agents or forced health. */
export function adminAction(name: string): AdminAction | null {
  return Object.hasOwn(ACTIONS, name) ? (ACTIONS[name] ?? null) : null;
}

/** Reads `s=m1&s=m2&action=drain&b=%233`; unknown fields are ignored, never throws. */
export function parseAdminForm(body: string): AdminForm {
  let backend: string | null = null;
  let action: string | null = null;
  const servers: string[] = [];
  for (const field of body.split('&', FIELDS_MAX)) {
    const cut = field.indexOf('=');
    const key = decode(cut === -1 ? field : field.slice(0, cut));
    const value = cut === -1 ? '' : decode(field.slice(cut + 1));
    if (key === 's' && value !== '') servers.push(value);
    if (key === 'b') backend = value;
    if (key === 'action' && value !== '') action = value;
  }
  return { backend, action, servers };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' ')).trim();
  } catch {
    return text;
  }
}

/** The page's answer in words; the code comes back in the address and may be anything. */
export function actionText(code: string): { readonly good: boolean; readonly text: string } {
  const texts: Readonly<Record<ActionCode, string>> = {
    DONE: 'Action processed successfully.',
    NONE: 'Nothing has changed.',
    PART: 'Action partially processed. Some server names are probably unknown.',
    ERRP:
      'Action not processed because of invalid parameters: the action, the backend or the ' +
      'server names are probably unknown.',
    EXCD: 'Action not processed: the form is too long. Retry with fewer servers at a time.',
    DENY: 'Action denied.',
    IVAL: 'Invalid request (unsupported method or body).',
    UNKN: 'Unexpected result.',
  };
  const known = Object.hasOwn(texts, code) ? (code as ActionCode) : 'UNKN';
  return { good: known === 'DONE', text: texts[known] };
}
