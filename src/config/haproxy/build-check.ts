/**
 * From what a proxy and a server line say to the server's check. Timers as the configuration manual has
 * them under `timeout check` and `inter`.
 */

import { ALL_CHECK_KINDS, type CheckConfig, checkKindOf } from '../../health/kinds/check-kinds.ts';
import type {
  CheckSchedule,
  CheckTls,
  HttpCheckRequest,
  HttpCheckRules,
  PassiveHealthConfig,
} from '../model/checks.ts';
import type { ProxyDraft, ServerDraft } from './draft.ts';
import type { Report } from './report.ts';

/** HAProxy's DEF_CHKINTR, DEF_RISETIME and DEF_FALLTIME: manual section 5.2. */
const DEFAULT_INTER_MS = 2_000;
const DEFAULT_RISE = 2;
const DEFAULT_FALL = 3;
/** Manual section 5.2, error-limit. */
const DEFAULT_ERROR_LIMIT = 10;

/** Options of plain checks, which go by TCP or TLS as the server's line says. */
const PLAIN_OPTIONS = ['tcp-check', 'ssl-hello-chk'];

/** The kind that has the option to itself; undefined: none has. */
function kindOfOption(option: string) {
  return ALL_CHECK_KINDS.find((kind) => kind.option === option);
}

/** The server's check; null: it has none, or an error was reported. */
export function buildCheck(
  report: Report,
  draft: ProxyDraft,
  server: ServerDraft,
): CheckConfig | null {
  if (server.settings.check?.value !== true) return null;
  const schedule = buildSchedule(draft, server);
  const tls = buildTls(report, draft, server);
  const plain = checkKindOf(tls === null ? 'tcp' : 'tls');
  const kind = kindOfOption(draft.checkOption?.value ?? '') ?? plain;
  return kind.build({ schedule, tls, http: buildHttpRules(draft) });
}

function buildHttpRules(draft: ProxyDraft): HttpCheckRules {
  return {
    request: buildRequest(draft),
    expect: draft.rules.expect,
    drainOn: draft.disableOn404 ? '404' : 'none',
    keepConnection: false,
  };
}

function buildSchedule(draft: ProxyDraft, server: ServerDraft): CheckSchedule {
  const { settings } = server;
  const connect = activeConnect(draft);
  const intervalMs = settings.interMs ?? DEFAULT_INTER_MS;
  const checkMs = draft.timeouts.get('check')?.value ?? 0;
  const connectMs = draft.timeouts.get('connect')?.value ?? 0;
  return {
    host: connect?.host ?? settings.checkHost ?? null,
    port: connect?.port ?? settings.checkPort ?? null,
    intervalMs,
    fastIntervalMs: settings.fastinterMs ?? intervalMs,
    downIntervalMs: settings.downinterMs ?? intervalMs,
    rise: settings.rise ?? DEFAULT_RISE,
    fall: settings.fall ?? DEFAULT_FALL,
    connectTimeoutMs:
      checkMs === 0 || connectMs === 0 ? intervalMs : Math.min(connectMs, intervalMs),
    responseTimeoutMs: checkMs === 0 ? null : checkMs,
    passive: buildPassive(server),
  };
}

function buildPassive({ settings }: ServerDraft): PassiveHealthConfig | null {
  if (settings.observe !== true) return null;
  return {
    errorLimit: settings.errorLimit ?? DEFAULT_ERROR_LIMIT,
    onError: settings.onError ?? 'fail-check',
  };
}

/** The `connect` rule of the family that the option switches on. */
function activeConnect(draft: ProxyDraft): ProxyDraft['rules']['connect'] {
  const family = draft.checkOption?.value === 'httpchk' ? 'http-check' : 'tcp-check';
  const option = draft.checkOption?.value;
  if (option !== 'httpchk' && option !== 'tcp-check') return null;
  return draft.rules.family === family ? draft.rules.connect : null;
}

/** null: the check speaks plainly. */
function buildTls(report: Report, draft: ProxyDraft, server: ServerDraft): CheckTls | null {
  const { settings } = server;
  const connect = activeConnect(draft);
  const hello = draft.checkOption?.value === 'ssl-hello-chk';
  const server_ = settings.checkSsl === true;
  const wanted =
    connect === null || connect.security === 'server' ? server_ : connect.security === 'tls';
  if (!wanted && !hello) return null;
  // An SSLv3 hello never looked at the certificate.
  const verify = hello && !server_ ? 'none' : (settings.verify ?? 'required');
  if (verify === 'required' && settings.caFile === undefined) {
    const text =
      `The check of server "${server.name}" verifies its certificate and has nothing to hold it ` +
      'against: add "ca-file /etc/kubernetes/pki/ca.crt", or "verify none"';
    report.error(server.place, 'missing-value', text);
  }
  const sni = connect?.sni ?? settings.checkSni ?? null;
  const file = (path: string) => ({ path, text: null });
  const { caFile, crt } = settings;
  return {
    verify,
    ca: verify === 'none' || caFile === undefined || caFile === '@system-ca' ? null : file(caFile),
    certificate: crt === undefined ? null : { cert: file(crt), key: file(crt) },
    sni,
    // HAProxy holds the certificate against the name it asked for, before any "verifyhost".
    verifyName: sni === null ? (settings.verifyHost ?? null) : null,
    alpn: connect !== null && connect.alpn.length > 0 ? connect.alpn : (settings.checkAlpn ?? []),
    clientNames: [],
  };
}

function buildRequest(draft: ProxyDraft): HttpCheckRequest {
  const said = {
    ...draft.httpchk,
    ...(draft.rules.family === 'http-check' ? draft.rules.send : {}),
  };
  return {
    method: said.method ?? 'OPTIONS',
    uri: said.uri ?? '/',
    version: said.version ?? '1.0',
    headers: said.headers ?? [],
    body: said.body ?? '',
    token: null,
  };
}

/** Says what becomes of the proxy's check options; once per proxy. */
export function judgeCheckOption(report: Report, draft: ProxyDraft): void {
  const option = draft.checkOption;
  const checked = draft.servers.some((server) => server.settings.check?.value === true);
  judgeRules(report, draft);
  if (option === null || option.value === 'tcp-check') return;
  if (!checked) {
    const text = `"option ${option.value}" is ignored: no server of "${draft.name}" has "check"`;
    report.warning(option.place, 'ignored-directive', text);
  } else if (option.value === 'ssl-hello-chk') {
    const text =
      '"option ssl-hello-chk" sends a hello that no server has answered for years: a handshake of ' +
      'today takes its place; say "check-ssl verify none" instead';
    report.warning(option.place, 'unsupported-directive', text);
  } else if (!PLAIN_OPTIONS.includes(option.value) && kindOfOption(option.value) === undefined) {
    const text = `"option ${option.value}" is not supported: say "option httpchk" or "option tcp-check"`;
    report.error(option.place, 'unsupported-directive', text);
  }
}

/** HAProxy keeps rules without their option for nothing, too. */
function judgeRules(report: Report, draft: ProxyDraft): void {
  const { family, connect, inherited } = draft.rules;
  if (family === null || inherited) return;
  const option = family === 'http-check' ? 'httpchk' : 'tcp-check';
  const chosen = draft.checkOption;
  if (chosen?.value === option) return;
  const why =
    chosen === null
      ? `add "option ${option}"`
      : `"option ${chosen.value}" in line ${chosen.place.line} is the check, and not "option ${option}"`;
  const text = `The "${family}" rules of "${draft.name}" are ignored: ${why}`;
  report.warning(connect?.place ?? draft.place, 'ignored-directive', text);
}
