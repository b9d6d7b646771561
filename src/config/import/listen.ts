/** Binds as `listen`. */

import { addressWithPort } from '../../core/ip-address.ts';
import { LISTENS_MAX } from '../evergate-yaml/defaults.ts';
import type { BindConfig } from '../model/traffic.ts';
import type { ImportDraft, Scalar, Value } from './draft.ts';

const ANY = ['0.0.0.0', '::'];

/** In the form of `listen`; null: a listener that has none. */
function listenOf({ address }: BindConfig, bareIsIpv4: boolean): Scalar | null {
  if (address.kind === 'unix') return address.path.startsWith('/') ? address.path : null;
  const { host, port } = address;
  if (address.kind === 'ipv4') {
    return host === '0.0.0.0' && bareIsIpv4 ? port : addressWithPort(host, port);
  }
  return addressWithPort(host, port);
}

/** Whether a listener of every address takes its clients, as well. */
function isCovered({ address }: BindConfig, binds: readonly BindConfig[]): boolean {
  if (address.kind === 'unix' || ANY.includes(address.host)) return false;
  return binds.some(
    ({ address: other }) =>
      other.kind === address.kind && ANY.includes(other.host) && other.port === address.port,
  );
}

/** `bareIsIpv4`: the file has no address of IPv6, so that a bare port is one of IPv4. */
export function listens(
  draft: ImportDraft,
  binds: readonly BindConfig[],
  {
    key,
    file,
    bareIsIpv4,
  }: { readonly key: string; readonly file: string; readonly bareIsIpv4: boolean },
): Value {
  const written: Scalar[] = [];
  for (const bind of binds) {
    const line = Number(bind.origin.slice(bind.origin.lastIndexOf(':') + 1));
    const place = { file, line, column: 0 };
    if (isCovered(bind, binds)) {
      const said = 'A listener of one address: one of every address has the same port';
      draft.remark('changed', key, place, said);
      continue;
    }
    const { address } = bind;
    if (address.kind === 'ipv6' && address.host === '::' && address.v6only) {
      const said = `"[::]:${address.port}" takes clients of IPv4, too`;
      draft.remark('changed', key, place, said);
    }
    const text = listenOf(bind, bareIsIpv4);
    if (text === null || written.length >= LISTENS_MAX) {
      const why =
        text === null ? 'a socket has the path of a file' : `there are ${LISTENS_MAX} at most`;
      draft.remark('left-out', key, place, `A listener: ${why}`);
    } else written.push(text);
  }
  const [only] = written;
  return written.length === 1 && only !== undefined ? only : written;
}
