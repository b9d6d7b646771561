/** What works in a haproxy.cfg and will hurt in front of Kubernetes API servers. Warnings only. */

import type { BindConfig } from '../model/traffic.ts';
import { findBackend, hasBackend, hasFrontend, type Placed, type ProxyDraft } from './draft.ts';
import type { Report } from './report.ts';

/** Shorter idle times cut watches and `kubectl logs -f`: kubernetes/kubeadm#2227. */
const IDLE_TIMEOUT_MS_MIN = 600_000;

/** Ports that speak TLS on every Kubernetes node or in front of one. */
const TLS_PORTS = [443, 6443, 8443];

export const COMMON_PASSWORDS = [
  '',
  '1234',
  '12345',
  '123456',
  '12345678',
  'admin',
  'admin123',
  'changeme',
  'haproxy',
  'pass',
  'passw0rd',
  'password',
  'root',
  'secret',
  'stats',
  'test',
  'user',
];

function isLoopback({ address }: BindConfig): boolean {
  if (address.kind === 'unix') return true;
  return address.kind === 'ipv4' ? address.host.startsWith('127.') : address.host === '::1';
}

function formatMs(ms: number): string {
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

function lintStatsPage(report: Report, draft: ProxyDraft): void {
  const { stats } = draft;
  if (stats === null) return;
  for (const { value, place } of stats.users) {
    const password = value.password.toLowerCase();
    if (!COMMON_PASSWORDS.includes(password) && password !== value.name.toLowerCase()) continue;
    const text = `Everybody knows "${value.name}:${value.password}"; choose a password of your own`;
    report.warning(place, 'default-credentials', text);
  }
  const open = draft.binds.find((each) => !isLoopback(each.bind));
  if (stats.admin === null || open === undefined) return;
  const key = stats.users.length > 0 ? ' and knows its password' : '';
  const text =
    `Whoever reaches "${draft.name}" over the network${key} may take every server out; ` +
    'bind it to 127.0.0.1 or remove "stats admin"';
  report.warning(stats.admin, 'open-admin', text);
}

/** Where and why idle connections through this frontend are cut. */
function lintIdleTimeouts(report: Report, frontend: ProxyDraft, backend: ProxyDraft): void {
  const tunnel = backend.timeouts.get('tunnel');
  const inForce: readonly (readonly [string, Placed<number> | undefined])[] =
    tunnel !== undefined && tunnel.value > 0
      ? [['tunnel', tunnel]]
      : [
          ['client', frontend.timeouts.get('client')],
          ['server', backend.timeouts.get('server')],
        ];
  for (const [name, timeout] of inForce) {
    if (timeout === undefined || timeout.value === 0) continue;
    if (timeout.value >= IDLE_TIMEOUT_MS_MIN) continue;
    const text =
      `"timeout ${name}" cuts idle watches and "kubectl logs -f" after ` +
      `${formatMs(timeout.value)}; say "timeout tunnel 1h"`;
    report.warning(timeout.place, 'short-idle-timeout', text);
  }
}

function lintChecks(report: Report, backend: ProxyDraft): void {
  const checked = backend.servers.filter(
    ({ port, settings }) =>
      settings.check?.value === true &&
      settings.checkSsl !== true &&
      TLS_PORTS.includes(settings.checkPort ?? port),
  );
  const [first] = checked;
  if (first === undefined || first.settings.check === undefined) return;
  if (backend.checkOption !== null && backend.checkOption.value !== 'tcp-check') return;
  if (backend.rules.connect?.security === 'tls') return;
  const names = checked.map((server) => server.name).join(', ');
  const text =
    `A TCP check passes a server that accepts connections and answers nothing (${names}); ` +
    'ask for /readyz over TLS: "option httpchk GET /readyz" in the backend, and "check check-ssl ' +
    'verify required ca-file /etc/kubernetes/pki/ca.crt" at its servers';
  report.warning(first.settings.check.place, 'tcp-check-of-tls', text);
}

/** Adds the warnings that `proxies` earn; omitted ones earn none. */
export function lintProxies(report: Report, proxies: readonly ProxyDraft[]): void {
  for (const draft of proxies) {
    if (draft.omitted !== null) continue;
    if (draft.mode.value === 'http') {
      if (hasFrontend(draft)) lintStatsPage(report, draft);
      continue;
    }
    const backend = hasFrontend(draft) ? findBackend(proxies, draft) : null;
    if (backend !== null) lintIdleTimeouts(report, draft, backend);
    if (hasBackend(draft)) lintChecks(report, draft);
  }
}
