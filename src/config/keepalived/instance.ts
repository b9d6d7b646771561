/**
 * keepalived.conf: a vrrp_instance as a whole, once all its directives are read: what one directive means
 * may depend on another (state and nopreempt, version and advert_int, version and authentication).
 */

import type { TrackConfig } from '../model/election.ts';
import type { VrrpInstanceConfig } from '../model/vrrp.ts';
import { finishGarp } from './garp.ts';
import type { InstanceDraft } from './instance-draft.ts';
import type { Report } from './report.ts';
import { parseInteger, parseSeconds } from './values.ts';
import { virtualMac, wireFeatures } from './wire-features.ts';

/** RFC 2338 section 5.3.10: the field is eight bytes long. */
const PASSWORD_BYTES_MAX = 8;

const ADVERT_DEFAULT_MS = 1000;
/** RFC 5798 section 5.2.7: twelve bits of centiseconds. */
const ADVERT_RANGE_V3 = { minMs: 10, maxMs: 40_950 } as const;
const ADVERT_RANGE_V2 = { min: 1, max: 255 } as const;

/** Whole seconds in version 2, tens of milliseconds in version 3. */
function advertIntervalMs(draft: InstanceDraft, report: Report): number {
  const word = draft.advertInterval;
  if (word === null) return ADVERT_DEFAULT_MS;
  if (draft.version === 2) {
    if (/^\d*\.\d*[1-9]/.test(word.text)) {
      const text = `VRRP version 2 cannot advertise every "${word.text}" s, only in whole seconds; add "version 3"`;
      report.error(word, 'bad-value', text);
      return ADVERT_DEFAULT_MS;
    }
    const whole = { ...word, text: word.text.replace(/\.0*$/, '') };
    const seconds = parseInteger(whole, ADVERT_RANGE_V2, 'interval of version 2', report);
    return (seconds ?? 1) * 1000;
  }
  const valueMs = parseSeconds(word, ADVERT_RANGE_V3, 'interval of version 3', report);
  if (valueMs === null || valueMs % 10 === 0) return valueMs ?? ADVERT_DEFAULT_MS;
  const text = `"${word.text}" is no interval of version 3; it counts in steps of 0.01 s`;
  report.error(word, 'bad-value', text);
  return ADVERT_DEFAULT_MS;
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
    const text = `"${authType.text}" is no auth_type; write "PASS" or "AH"`;
    report.error(authType, 'bad-value', text);
    return null;
  }
  if (authPass === null) {
    report.error(authType, 'missing-value', `"auth_type ${authType.text}" needs an "auth_pass"`);
    return null;
  }
  if (draft.version === 3 || draft.strict) {
    const reason = draft.version === 3 ? 'VRRP version 3 has none' : 'vrrp_strict forbids it';
    report.warning(authentication, 'ignored-directive', `"authentication" is ignored: ${reason}`);
    return null;
  }
  if (!/^[\x20-\x7e]*$/.test(authPass.text)) {
    report.error(authPass, 'bad-value', 'The password may hold only printable ASCII characters');
    return null;
  }
  const length = authPass.text.length;
  if (length > PASSWORD_BYTES_MAX) {
    const cut = `only the first ${PASSWORD_BYTES_MAX} of its ${length} characters count`;
    report.warning(authPass, 'bad-value', `The password is too long: ${cut}`);
  }
  // Its key does not travel.
  if (authType.text === 'AH') return authPass.text.slice(0, PASSWORD_BYTES_MAX);
  const sent = Math.min(length, PASSWORD_BYTES_MAX);
  const text =
    `The password of ${sent} characters travels in clear text in every advertisement; ` +
    'it guards against mistakes, not against people: use unicast and a firewall';
  report.warning(authPass, 'clear-text-password', text);
  return authPass.text.slice(0, PASSWORD_BYTES_MAX);
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
  if (nopreempt !== null && priority === 255) {
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
    ...(draft.peers ?? []),
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

/** null when something is missing without which there is no instance; it is reported. */
export function finishInstance(draft: InstanceDraft, report: Report): VrrpInstanceConfig | null {
  reportMissing(draft, report);
  const ipv6 = chooseFamily(draft, report);
  const priority = draft.priorityValue ?? (draft.state === 'master' ? 255 : 100);
  const { interface: interfaceName, virtualRouterIdValue: virtualRouterId, peers } = draft;
  const intervalMs = advertIntervalMs(draft, report);
  const instance = {
    name: draft.name.text,
    version: draft.version,
    priority,
    initialState: draft.state,
    advertIntervalMs: intervalMs,
    password: password(draft, report),
    ...(draft.authType?.text === 'AH' &&
      draft.authHmac === null && { authenticationHeader: true as const }),
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
