/** The plan of the `check` section, put into the model's terms for one server. */

import { parseIpv4 } from '../../core/ip.ts';
import { type CheckConfig, checkKindOfType } from '../../health/kinds/check-kinds.ts';
import { isIpv6 } from '../haproxy/address.ts';
import type {
  CheckSchedule,
  CheckTls,
  FileText,
  HttpCheckRequest,
  HttpCheckRules,
} from '../model/checks.ts';
import type { CheckPlan } from './check-section.ts';

/** ms; of a check for which the file names no time. */
const TIMEOUT_MS = 2000;

/** A refused, reset or unanswered connect takes the server out at once; checks bring it back. */
const PASSIVE = { errorLimit: 1, onError: 'mark-down' } as const;

function unread(path: string): FileText {
  return { path, text: null };
}

function isAddress(host: string): boolean {
  return parseIpv4(host).ok || isIpv6(host);
}

function toSchedule({ section }: CheckPlan): CheckSchedule {
  return {
    host: null,
    port: section.port ?? null,
    intervalMs: section.interval,
    fastIntervalMs: section['fast-interval'],
    downIntervalMs: section['down-interval'],
    rise: section.rise,
    fall: section.fall,
    connectTimeoutMs: section.timeout ?? TIMEOUT_MS,
    responseTimeoutMs: null,
    ...(section.timeout === undefined ? { learnsPatience: true as const } : {}),
    passive: section.passive ? PASSIVE : null,
  };
}

function toTls(plan: CheckPlan, host: string, clientNames: readonly string[]): CheckTls {
  const { section, ca, client } = plan;
  const name = section['server-name'] ?? host;
  return {
    verify: ca === null ? 'none' : 'required',
    ca: ca === null ? null : unread(ca),
    certificate: client === null ? null : { cert: unread(client.cert), key: unread(client.key) },
    // RFC 6066 section 3: addresses are not sent as server names.
    sni: isAddress(name) ? null : name,
    verifyName: ca === null ? null : name,
    alpn: checkKindOfType(section.type).alpn,
    clientNames,
  };
}

function toRequest(plan: CheckPlan, host: string): HttpCheckRequest {
  const name = plan.section['server-name'] ?? host;
  const { token } = plan.section;
  return {
    method: 'GET',
    uri: plan.path,
    version: '1.1',
    headers: [
      { name: 'Host', value: isIpv6(name) ? `[${name}]` : name },
      { name: 'User-Agent', value: 'evergate' },
    ],
    body: '',
    token: token === undefined ? null : unread(token),
  };
}

/** `clientNames`: addresses by which clients reach the servers through us, i.e. the VIPs. */
export function toCheckConfig(
  plan: CheckPlan,
  host: string,
  clientNames: readonly string[],
): CheckConfig {
  const kind = checkKindOfType(plan.section.type);
  const ranges = plan.expect.map((status) => ({ min: status, max: status }));
  const http: HttpCheckRules = {
    request: toRequest(plan, host),
    expect: [{ negated: false, kind: 'status', ranges }],
    // An apiserver that is alive and not ready finishes what it has and gets nothing new.
    drainOn: 'unexpected-status',
    ...(plan.denialPasses ? { denialPasses: true as const } : {}),
    keepConnection: true,
  };
  const tls = kind.takesTls ? toTls(plan, host, clientNames) : null;
  return kind.build({ schedule: toSchedule(plan), tls, http });
}
