/** keepalived.conf: the peers of an instance, `ADDRESS [min_ttl N] [max_ttl N]` on lines of their own. */

import { parseIpAddress } from '../../core/ip-address.ts';
import type { Word } from './lexer.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';
import { parseAnyAddress, parseInteger } from './values.ts';
import { listEntries } from './walk.ts';

/** `ttl`: what is believed of it; all where the file says nothing, as in keepalived. */
export type PeerDraft = {
  readonly address: string;
  readonly place: Word;
  readonly ttl: { readonly min: number; readonly max: number };
};

const PEERS_MAX = 64;
const TTL_RANGE = { min: 0, max: 255, otherwise: 'any counts' } as const;

export function convertPeers(block: Statement, report: Report): readonly PeerDraft[] {
  const peers: PeerDraft[] = [];
  for (const { name, args } of listEntries(block, report)) {
    const address = parseAnyAddress(name, 'unicast peer', report);
    const ttl = convertTtl(args, report);
    if (address === null) continue;
    if (peers.length < PEERS_MAX) peers.push({ address, place: name, ttl });
    else report.error(name, 'bad-value', `An instance has at most ${PEERS_MAX} peers`);
  }
  if ((block.children ?? []).length === 0) {
    const text =
      '"unicast_peer" names no peer and is ignored, as in keepalived: name the other nodes';
    report.warning(block.name, 'missing-value', text);
  }
  return peers;
}

function convertTtl(args: readonly Word[], report: Report): PeerDraft['ttl'] {
  let min: number = TTL_RANGE.min;
  let max: number = TTL_RANGE.max;
  for (let index = 0; index < args.length; index += 2) {
    const [key, value] = [args[index], args[index + 1]];
    if (key === undefined) break;
    if (key.text !== 'min_ttl' && key.text !== 'max_ttl') {
      if (parseIpAddress(key.text).ok) {
        report.error(key, 'bad-value', `"${key.text}" must stand on a line of its own`);
      } else {
        const text = `"${key.text}" behind the peer is not understood, and ignored`;
        report.warning(key, 'ignored-directive', text);
      }
      break;
    }
    if (value === undefined) {
      report.warning(key, 'missing-value', `"${key.text}" without a value is ignored`);
      break;
    }
    const ttl = parseInteger(value, TTL_RANGE, 'TTL', report);
    if (key.text === 'min_ttl') min = ttl ?? min;
    else max = ttl ?? max;
  }
  const [first] = args;
  if (min > max && first !== undefined) {
    const text = `No TTL is from ${min} to ${max}: nothing of this peer would be believed`;
    report.error(first, 'bad-value', text);
  }
  return { min, max };
}
