/**
 * keepalived.conf: the auth_hmac block of an instance (keepalived.conf(5) of 2.4): keys that sign every
 * advertisement, and how they are brought to a running cluster.
 */

import { parseSecret } from '../../vrrp/signature.ts';
import type { SignatureConfig, SignatureKeyConfig } from '../model/vrrp.ts';
import { AUTH_HMAC } from './directives.ts';
import type { Word } from './lexer.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';
import { firstValue, parseInteger } from './values.ts';
import { type Handlers, walk } from './walk.ts';

type Draft = {
  readonly keys: SignatureKeyConfig[];
  activeKey: Word | null;
  activeKeyValue: number | null;
  monotonic: boolean;
  windowMs: number | null;
  mode: SignatureConfig['mode'];
};

const KEY_ID_RANGE = { min: 1, max: 255 } as const;
const WINDOW_RANGE = { min: 1, max: 300 } as const;
/** keepalived's default window is three intervals, and at least this. */
const WINDOW_MS_MIN = 5000;
const MODES = ['enforce', 'permissive', 'receive-only'] as const;

/** null after an error. */
export function convertAuthHmac(
  block: Statement,
  advertIntervalMs: number,
  report: Report,
): SignatureConfig | null {
  const draft: Draft = {
    keys: [],
    activeKey: null,
    activeKeyValue: null,
    monotonic: false,
    windowMs: null,
    mode: 'enforce',
  };
  walk(block.children ?? [], AUTH_HMAC, 'auth_hmac', handlersOf(draft, report), report);
  const { activeKey, activeKeyValue, keys, mode } = draft;
  if (activeKey === null || activeKeyValue === null) {
    if (activeKey !== null) return null;
    const text = '"auth_hmac" has no "active_key"; name the id of the key that signs';
    report.error(block.name, 'missing-value', text);
    return null;
  }
  if (!keys.some(({ id }) => id === activeKeyValue)) {
    const text = `"active_key ${activeKeyValue}" is no key of this block; add "key ${activeKeyValue} ..."`;
    report.error(activeKey, 'unknown-name', text);
    return null;
  }
  const windowMs = draft.windowMs ?? Math.max(3 * advertIntervalMs, WINDOW_MS_MIN);
  const toleranceMs = draft.monotonic ? null : windowMs;
  return { keys, activeKey: activeKeyValue, toleranceMs, mode };
}

function handlersOf(draft: Draft, report: Report): Handlers {
  return {
    key: (statement) => takeKey(statement, draft, report),
    active_key: (statement) => {
      draft.activeKey = firstValue(statement);
      draft.activeKeyValue = parseInteger(draft.activeKey, KEY_ID_RANGE, 'key id', report);
    },
    anti_replay: (statement) => {
      const word = firstValue(statement);
      draft.monotonic = word.text === 'monotonic';
      if (word.text === 'monotonic' || word.text === 'time') return;
      report.error(word, 'bad-value', `"${word.text}" is neither "time" nor "monotonic"`);
    },
    time_window: (statement) => {
      const seconds = parseInteger(firstValue(statement), WINDOW_RANGE, 'window', report);
      draft.windowMs = seconds === null ? null : seconds * 1000;
    },
    mode: (statement) => {
      const word = firstValue(statement);
      const mode = MODES.find((each) => each === word.text);
      draft.mode = mode ?? 'enforce';
      if (mode !== undefined) return;
      report.error(word, 'bad-value', `"${word.text}" is no mode; write ${MODES.join(', ')}`);
    },
  };
}

/** `key <id> <value>`: "hex:..." or a text, or "file:PATH" with one of them in the file. */
function takeKey({ args }: Statement, draft: Draft, report: Report): void {
  const [idWord, valueWord] = args;
  if (idWord === undefined || valueWord === undefined) return;
  const id = parseInteger(idWord, KEY_ID_RANGE, 'key id', report);
  if (id === null) return;
  if (draft.keys.some((key) => key.id === id)) {
    report.error(idWord, 'duplicate-name', `The key ${id} is given twice; remove one`);
    return;
  }
  const path = /^file:(.*)$/.exec(valueWord.text)?.[1];
  if (path !== undefined) {
    if (path.startsWith('/')) draft.keys.push({ id, path, secret: null });
    else report.error(valueWord, 'bad-value', `"${path}" is no absolute path of a key file`);
    return;
  }
  const secret = parseSecret(valueWord.text);
  if (secret.ok) draft.keys.push({ id, path: null, secret: valueWord.text });
  else report.error(valueWord, 'bad-value', `The key ${id} ${secret.reason}`);
}
