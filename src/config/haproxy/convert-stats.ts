/** `stats ...` directives of proxies: the statistics page (configuration manual section 4.2). */

import type { ProxyDraft, StatsDraft } from './draft.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import type { Call } from './scope.ts';
import { parseTimeMs } from './values.ts';

/** Users one page may have. */
const USERS_MAX = 64;

/** HAProxy's own, where `stats uri` and `stats realm` are not given. */
export const DEFAULT_STATS_URI = '/haproxy?stats';
export const DEFAULT_STATS_REALM = 'HAProxy Statistics';

type Converter = (report: Report, stats: StatsDraft, call: Call, word: Word) => void;

function convertAuth(report: Report, stats: StatsDraft, _call: Call, word: Word): void {
  const colon = word.text.indexOf(':');
  if (colon <= 0) {
    const text = '"stats auth" needs a user and a password, as in "stats auth operator:secret"';
    report.error(word, 'bad-value', text);
  } else if (stats.users.length >= USERS_MAX) {
    report.error(word, 'bad-value', `"stats auth" is given more than ${USERS_MAX} times`);
  } else {
    const user = { name: word.text.slice(0, colon), password: word.text.slice(colon + 1) };
    stats.users = [...stats.users, { value: user, place: word }];
  }
}

function convertAdmin(report: Report, stats: StatsDraft, call: Call): void {
  const condition = call.args.map((word) => word.text).join(' ');
  if (condition === 'if TRUE' || condition === 'unless FALSE') {
    stats.admin = call.place;
  } else if (condition === 'if FALSE' || condition === 'unless TRUE') {
    stats.admin = null;
  } else {
    stats.admin = null;
    const text = `"stats admin ${condition}" is left out, and the page takes no actions: the condition must be "if TRUE"`;
    report.warning(call.place, 'unsupported-directive', text);
  }
}

/** By directive. Any of them switches the page on, as in HAProxy. */
export const STATS_CONVERTERS: Readonly<Record<string, Converter>> = {
  'stats enable': () => {},
  'stats hide-version': (_report, stats) => {
    stats.hideVersion = true;
  },
  'stats uri': (_report, stats, _call, word) => {
    stats.uri = word.text;
  },
  'stats realm': (_report, stats, _call, word) => {
    stats.realm = word.text;
  },
  'stats auth': convertAuth,
  'stats admin': convertAdmin,
  'stats show-node': (report, stats, call, word) => {
    stats.showNode = true;
    if (call.args.length === 0) return;
    const text = `Name "${word.text}" is left out: the page shows "node" of the global section`;
    report.warning(word, 'unsupported-directive', text);
  },
  'stats refresh': (report, stats, _call, word) => {
    const parsed = parseTimeMs(word.text, 's');
    if (parsed.ok) stats.refreshSeconds = Math.ceil(parsed.value / 1_000);
    else report.error(word, 'bad-value', `"stats refresh": ${parsed.reason}`);
  },
};

/** Notes what one `stats` directive says of the proxy's page. */
export function convertStats(report: Report, draft: ProxyDraft, call: Call): void {
  draft.stats ??= {
    place: call.place,
    uri: null,
    realm: null,
    users: [],
    hideVersion: false,
    showNode: false,
    refreshSeconds: 0,
    admin: null,
  };
  const [word] = call.args;
  const place: Word = word ?? { text: '', line: call.place.line, column: call.place.column };
  STATS_CONVERTERS[call.name]?.(report, draft.stats, call, place);
}
