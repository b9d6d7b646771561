/**
 * keepalived.conf: a vrrp_instance as a whole, once all its directives are read: what one directive means
 * may depend on another (state and nopreempt, version and advert_int, version and authentication).
 */

import type { TrackConfig } from '../model/election.ts';
import type { VrrpInstanceConfig } from '../model/vrrp.ts';
import { finishGarp } from './garp.ts';
import type { InstanceDraft } from './instance-draft.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import { parseSeconds } from './values.ts';
import { virtualMac, wireFeatures } from './wire-features.ts';

/** RFC 2338 section 5.3.10: the field is eight bytes long. */
const PASSWORD_BYTES_MAX = 8;

/** RFC 5798 section 5.2.4. */
const OWNER_PRIORITY = 255;

const ADVERT_DEFAULT_MS = 1000;
/** RFC 5798 section 5.2.7: twelve bits of centiseconds. */
const ADVERT_MS_MAX_V3 = 40_950;
/** What keepalived reads; it rounds to what the version can say. */
const ADVERT_RANGE = { minMs: 10, maxMs: 255_000, otherwise: 'it is 1 s' } as const;

/** Whole seconds in version 2, tens of milliseconds in version 3: rounded to them, as in keepalived. */
function advertIntervalMs(draft: InstanceDraft, report: Report): number {
  const word = draft.advertInterval;
  if (word === null) return ADVERT_DEFAULT_MS;
  const valueMs = parseSeconds(word, ADVERT_RANGE, 'interval', report);
  if (valueMs === null) return ADVERT_DEFAULT_MS;
  const stepMs = draft.version === 2 ? 1_000 : 10;
  const roundedMs = Math.max(stepMs, Math.round(valueMs / stepMs) * stepMs);
  const sentMs = draft.version === 2 ? roundedMs : Math.min(roundedMs, ADVERT_MS_MAX_V3);
  if (sentMs === Number(word.text) * 1_000) return sentMs;
  const can = draft.version === 2 ? 'in whole seconds' : 'in steps of 0.01 s, up to 40.95 s';
  const text = `VRRP version ${draft.version} advertises ${can}: "${word.text}" counts as ${sentMs / 1_000} s, as in keepalived`;
  report.warning(word, 'bad-value', text);
  return sentMs;
}

/** The first bytes of a password, without authentication data of its own; null: they end inside a character. */
function passwordBytes(text: string): string | null {
  const bytes = new TextEncoder().encode(text).subarray(0, PASSWORD_BYTES_MAX);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** The password as it travels; null without one. */
function password(draft: InstanceDraft, report: Report): string | null {
  const { authentication, authType, authPass } = draft;
  if (authentication === null) return null;
  if (draft.authHmac !== null) {
    const text = '"authentication" is ignored beside "auth_hmac"';
    report.warning(authentication, 'ignored-directive', text);
    return null;
  }
  if (authType === null) {
    const text = '"authentication" without "auth_type" is ignored, as keepalived does';
    report.warning(authentication, 'ignored-directive', text);
    return null;
  }
  if (authType.text !== 'PASS' && authType.text !== 'AH') {
    const text = `"${authType.text}" is no auth_type; write "PASS" or "AH"; here there is no authentication, as in keepalived`;
    report.warning(authType, 'bad-value', text);
    return null;
  }
  if (authPass === null) {
    const text = `"auth_type ${authType.text}" is ignored without an "auth_pass", as in keepalived`;
    report.warning(authType, 'missing-value', text);
    return null;
  }
  if (draft.version === 3 || draft.strict) {
    const reason = draft.version === 3 ? 'VRRP version 3 has none' : 'vrrp_strict forbids it';
    report.warning(authentication, 'ignored-directive', `"authentication" is ignored: ${reason}`);
    return null;
  }
  const sent = passwordBytes(authPass.text);
  if (sent === null) {
    const text = `The first ${PASSWORD_BYTES_MAX} bytes of the password end inside a character; choose another`;
    report.error(authPass, 'bad-value', text);
    return null;
  }
  warnOfPassword(authType, authPass, sent, report);
  return sent;
}

/** What a password costs that is too long, not of plain letters, or in clear text. */
function warnOfPassword(authType: Word, authPass: Word, sent: string, report: Report): void {
  const { length } = authPass.text;
  if (sent !== authPass.text) {
    const cut = `only the first ${sent.length} of its ${length} characters count`;
    report.warning(authPass, 'bad-value', `The password is too long: ${cut}`);
  }
  if (!/^[\x20-\x7e]*$/.test(sent)) {
    const text =
      'The password holds other than plain ASCII characters: they travel as UTF-8, as the file has them; ' +
      'see that every node has the same bytes';
    report.warning(authPass, 'bad-value', text);
  }
  // The key of the header does not travel.
  if (authType.text === 'AH') return;
  const text =
    `The password of ${sent.length} characters travels in clear text in every advertisement; ` +
    'it guards against mistakes, not against people: use unicast and a firewall';
  report.warning(authPass, 'clear-text-password', text);
}

/** Then the instance has a priority that its file does not give. */
export function isPriorityRefused({ priority, priorityValue }: InstanceDraft): boolean {
  return priority !== null && priorityValue === null;
}

type Preemption = { readonly preempt: boolean; readonly preemptDelayMs: number };

/** nopreempt and preempt_delay are void with state MASTER; 255 cancels the first, the first the second. */
function preemption(draft: InstanceDraft, priority: number, report: Report): Preemption {
  const { nopreempt, preemptDelay, preemptDelayMs, state } = draft;
  if (state === 'master') {
    for (const word of [nopreempt, preemptDelay]) {
      if (word === null) continue;
      const text = `"${word.text}" is ignored with "state MASTER", as keepalived does; write "state BACKUP"`;
      report.warning(word, 'ignored-directive', text);
    }
    return { preempt: true, preemptDelayMs: 0 };
  }
  if (nopreempt !== null && priority === OWNER_PRIORITY) {
    const text = '"nopreempt" is ignored with priority 255, the address owner\'s';
    report.warning(nopreempt, 'ignored-directive', text);
    return { preempt: true, preemptDelayMs };
  }
  if (nopreempt !== null && preemptDelay !== null) {
    const text = '"preempt_delay" is ignored beside "nopreempt"';
    report.warning(preemptDelay, 'ignored-directive', text);
  }
  return { preempt: nopreempt === null, preemptDelayMs: nopreempt === null ? preemptDelayMs : 0 };
}

function reportMissing(draft: InstanceDraft, report: Report): void {
  const where = `The vrrp_instance "${draft.name.text}"`;
  const missing = (directive: string, fix: string): void =>
    report.error(draft.name, 'missing-value', `${where} has no "${directive}"; ${fix}`);
  if (draft.interface === null && draft.interfaceWord === null) {
    missing('interface', 'name the one to advertise on');
  }
  if (draft.virtualRouterId === null) {
    missing('virtual_router_id', 'give a number from 1 to 255, the same on every node');
  }
  if (!draft.hasAddresses) missing('virtual_ipaddress', 'give at least one address');
}

/**
 * True for an instance of IPv6, which is always of version 3. Addresses of the other family can only be
 * excluded ones; the rest of the instance must be of its family, too.
 */
function chooseFamily(draft: InstanceDraft, report: Report): boolean {
  const isIpv6 = (text: string) => text.includes(':');
  const [first] = draft.addresses;
  if (first === undefined) return false;
  const ipv6 = isIpv6(first.address);
  if (ipv6) draft.version = 3;
  const own = [
    ...draft.addresses.map(({ address }) => address),
    ...(draft.peers ?? []).map(({ address }) => address),
    draft.sourceAddress ?? first.address,
    draft.group ?? first.address,
  ];
  const stranger = own.find((text) => isIpv6(text) !== ipv6);
  if (stranger !== undefined) {
    const text =
      `"${stranger}" is not of the family of "${first.address}", the first address of ` +
      `"${draft.name.text}"; move it to "virtual_ipaddress_excluded" or an instance of its own`;
    report.error(draft.name, 'bad-value', text);
  }
  return ipv6;
}

/** The instance's own interface always counts, and without a weight. */
function trackedInterfaces(draft: InstanceDraft, report: Report): readonly TrackConfig[] {
  return draft.tracks.interfaces.flatMap(({ name, weight }) => {
    if (name.text !== draft.interface) return [{ name: name.text, weight: weight ?? 0 }];
    const text = `The instance's own interface "${name.text}" always counts; tracking it is ignored`;
    report.warning(name, 'ignored-directive', text);
    return [];
  });
}

/**
 * keepalived waits for an advertisement of the last master before it takes over with a header, as the
 * sequence number must go on from there.
 */
function startAsBackup(draft: InstanceDraft, priority: number, report: Report): void {
  const { authType, authHmac, state, version } = draft;
  if (authType?.text !== 'AH' || authHmac !== null || version === 3 || draft.authPass === null)
    return;
  if (state !== 'master' || priority === OWNER_PRIORITY) return;
  const text = '"state MASTER" counts as BACKUP beside "auth_type AH", as in keepalived';
  report.warning(authType, 'ignored-directive', text);
  draft.state = 'backup';
}

/** Peers to send to: the node itself is none. */
function otherNodes(draft: InstanceDraft, report: Report): readonly string[] | null {
  const { peers, sourceAddress } = draft;
  if (peers === null) return null;
  const own = peers.find(({ address }) => address === sourceAddress);
  if (own !== undefined) {
    const text = `"${own.place.text}" is this node's own address, its "unicast_src_ip": it is left out of the peers`;
    report.warning(own.place, 'ignored-directive', text);
  }
  return peers.map(({ address }) => address).filter((address) => address !== sourceAddress);
}

/** null when something is missing without which there is no instance; it is reported. */
export function finishInstance(draft: InstanceDraft, report: Report): VrrpInstanceConfig | null {
  reportMissing(draft, report);
  const ipv6 = chooseFamily(draft, report);
  const priority = draft.priorityValue ?? (draft.state === 'master' ? OWNER_PRIORITY : 100);
  startAsBackup(draft, priority, report);
  const { interface: interfaceName, virtualRouterIdValue: virtualRouterId } = draft;
  const peers = otherNodes(draft, report);
  const intervalMs = advertIntervalMs(draft, report);
  const sent = password(draft, report);
  const instance = {
    name: draft.name.text,
    version: draft.version,
    priority,
    initialState: draft.state,
    advertIntervalMs: intervalMs,
    password: sent,
    ...(sent !== null && draft.authType?.text === 'AH' && { authenticationHeader: true as const }),
    ...wireFeatures(draft, intervalMs, report),
    ...virtualMac(draft, report),
    ...(draft.promotesSecondaries && { promoteSecondaries: true as const }),
    ...preemption(draft, priority, report),
    addresses: draft.addresses,
    excludedAddresses: draft.excludedAddresses,
    routes: draft.routes,
    sourceAddress: draft.sourceAddress,
    transport:
      peers === null
        ? ({
            kind: 'multicast',
            group: draft.group ?? (ipv6 ? draft.groups.ipv6 : draft.groups.ipv4),
          } as const)
        : ({ kind: 'unicast', peers } as const),
    garp: finishGarp(draft.garp),
    // keepalived's defaults: it answers unless it is strict. The farewell is ours.
    answersLower: draft.answersLower ?? !draft.strict,
    saysFarewell: draft.saysFarewell ?? true,
    trackScripts: [],
    trackInterfaces: trackedInterfaces(draft, report),
    trackProcesses: [],
    trackFiles: [],
    trackBalancer: null,
    notify: draft.notify,
    ...(draft.notifyPriority && { notifyPriority: true as const }),
  };
  if (interfaceName === null || virtualRouterId === null) return null;
  return { ...instance, interface: interfaceName, virtualRouterId };
}
