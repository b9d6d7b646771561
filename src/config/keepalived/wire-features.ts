/** keepalived.conf: what of an instance is seen on the wire alone: signatures, checksums, TTL, MAC address. */

import type { PeerTtlConfig, VrrpInstanceConfig } from '../model/vrrp.ts';
import { convertAuthHmac } from './auth-hmac.ts';
import type { InstanceDraft } from './instance-draft.ts';
import type { PeerDraft } from './peers.ts';
import type { Report } from './report.ts';

/** IFNAMSIZ - 1 (netdevice(7)). */
const INTERFACE_LENGTH_MAX = 15;

/** What makes packets others than those of the RFC; only where it is asked for. */
export function wireFeatures(
  draft: InstanceDraft,
  intervalMs: number,
  report: Report,
): Pick<VrrpInstanceConfig, 'signature' | 'checksum' | 'unicastTtl' | 'peerTtls'> {
  const { authHmac, checksum, peers, strict, unicastTtl, version } = draft;
  const signature = authHmac === null ? null : convertAuthHmac(authHmac, intervalMs, report);
  if (strict && authHmac !== null && signature !== null && signature.mode !== 'enforce') {
    const text = `"mode ${signature.mode}" cannot be with "vrrp_strict": write "mode enforce"`;
    report.error(authHmac.name, 'bad-value', text);
  }
  if (checksum !== null && (version === 2 || (checksum.rule === 'old-unicast' && !peers))) {
    const needs = checksum.rule === 'as-v2' ? 'version 3' : 'version 3 and unicast peers';
    const text = `"${checksum.place.text}" changes nothing without ${needs}`;
    report.warning(checksum.place, 'ignored-directive', text);
  }
  return {
    ...(signature !== null && { signature }),
    ...(checksum !== null && { checksum: checksum.rule }),
    ...(unicastTtl !== null && peers !== null && { unicastTtl }),
    ...(peers !== null && { peerTtls: peerTtls(draft, peers) }),
  };
}

/** keepalived believes a unicast peer whatever the TTL where the file does not say otherwise. */
function peerTtls(
  { sourceAddress }: InstanceDraft,
  peers: readonly PeerDraft[],
): readonly PeerTtlConfig[] {
  return peers
    .filter(({ address }) => address !== sourceAddress)
    .map(({ address: peer, ttl }) => ({ peer, ...ttl }));
}

/** Unicast peers are reached by routes, which the interface with the virtual MAC address has none of. */
export function virtualMac(
  draft: InstanceDraft,
  report: Report,
): Pick<VrrpInstanceConfig, 'virtualMac'> {
  const { vmac, vmacXmitBase, peers, strict } = draft;
  if (vmac === null) {
    if (vmacXmitBase !== null) {
      const text = '"vmac_xmit_base" changes nothing without "use_vmac"';
      report.warning(vmacXmitBase, 'ignored-directive', text);
    }
    return {};
  }
  if (peers !== null && vmacXmitBase === null) {
    const text = '"use_vmac" with unicast peers needs "vmac_xmit_base", as in keepalived';
    report.error(vmac.place, 'missing-value', text);
  }
  if (strict && vmacXmitBase !== null) {
    const text = '"vmac_xmit_base" cannot be with "vrrp_strict"';
    report.error(vmacXmitBase, 'bad-value', text);
  }
  const name = virtualMacName(draft) ?? '';
  if (name.length > INTERFACE_LENGTH_MAX) {
    const text = `The interface name "${name}" is longer than ${INTERFACE_LENGTH_MAX} characters`;
    report.error(vmac.place, 'bad-value', text);
  }
  return { virtualMac: { name, sendsFromBase: vmacXmitBase !== null } };
}

/** The name of its interface with the virtual MAC address; null: it has none. */
function virtualMacName(draft: InstanceDraft): string | null {
  const { vmac, vmacPrefix, virtualRouterIdValue } = draft;
  return vmac === null ? null : (vmac.name ?? `${vmacPrefix}.${virtualRouterIdValue ?? 0}`);
}

/** An interface belongs to one instance. */
export function reportSharedVirtualMacs(drafts: readonly InstanceDraft[], report: Report): void {
  const owners = new Map<string, string>();
  for (const draft of drafts) {
    const name = virtualMacName(draft);
    if (name === null || draft.vmac === null) continue;
    const owner = owners.get(name);
    owners.set(name, owner ?? draft.name.text);
    if (owner === undefined) continue;
    const text = `The interface "${name}" is already that of "${owner}"; write "use_vmac" with another name`;
    report.error(draft.vmac.place, 'duplicate-name', text);
  }
}
