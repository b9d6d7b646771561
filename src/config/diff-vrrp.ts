/** What differs between two forms of one VRRP instance, in words. */

import { formatDuration, valueChanges } from './diff-values.ts';
import type { VirtualAddressConfig } from './model/addresses.ts';
import type { VrrpInstanceConfig } from './model/vrrp.ts';

export function instanceChanges(
  what: string,
  before: VrrpInstanceConfig,
  after: VrrpInstanceConfig,
): readonly string[] {
  const { addresses, excludedAddresses, password, ...rest } = before;
  const { addresses: newAddresses, excludedAddresses: newExcluded, ...newRest } = after;
  const { password: newPassword, ...shown } = newRest;
  return [
    ...addressChanges(what, 'address', addresses, newAddresses),
    ...addressChanges(what, 'excluded address', excludedAddresses, newExcluded),
    ...(password === newPassword ? [] : [`${what}: password changed`]),
    ...valueChanges(what, rest, shown, {
      advertIntervalMs: { label: 'advert_int', format: formatDuration },
      preemptDelayMs: { label: 'preempt_delay', format: formatDuration },
      virtualRouterId: { label: 'virtual_router_id' },
      initialState: { label: 'state' },
      garp: { label: 'garp settings' },
      routes: { label: 'routes' },
      notify: { label: 'notify scripts' },
    }),
  ];
}

function addressChanges(
  what: string,
  kind: string,
  before: readonly VirtualAddressConfig[],
  after: readonly VirtualAddressConfig[],
): readonly string[] {
  const [old, next] = [before.map(addressText), after.map(addressText)];
  return [
    ...next.filter((text) => !old.includes(text)).map((text) => `${what}: ${kind} ${text} added`),
    ...old.filter((text) => !next.includes(text)).map((text) => `${what}: ${kind} ${text} removed`),
  ];
}

function addressText(virtual: VirtualAddressConfig): string {
  const { address, prefixLength, interface: device, label } = virtual;
  const where = device === null ? '' : ` dev ${device}`;
  return `${address}/${prefixLength}${where}${label === null ? '' : ` label ${label}`}`;
}
