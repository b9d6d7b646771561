/** Keywords of `server` lines about names (configuration manual sections 5.2 and 5.3), and what they come to. */

import { parseNetwork } from '../../../core/network.ts';
import type { InitialAddress, NameConfig, ResolversConfig } from '../../model/names.ts';
import { didYouMean } from '../../suggest.ts';
import { parseCheckHost } from '../address.ts';
import type { ProxyDraft, ServerDraft, ServerSettings } from '../draft.ts';
import type { KeywordHandlers } from '../keyword-reader.ts';
import type { Word } from '../lexer.ts';
import type { Report } from '../report.ts';
import { createResolvers, DEFAULT_RESOLVERS } from './resolvers.ts';

/** HAProxy: SRV_MAX_PREF_NET. */
const NETWORKS_MAX = 5;
/** HAProxy keeps no more ways to a first address. */
const INITIAL_MAX = 8;

export function nameHandlers(report: Report, settings: ServerSettings): KeywordHandlers {
  const wrong = (word: Word, keyword: Word, fix: string): void =>
    report.error(word, 'bad-value', `"${keyword.text} ${word.text}": ${fix}`);
  return {
    resolvers: (word) => {
      settings.resolvers = word;
    },
    'init-addr': (word, keyword) => {
      const initial = parseInitial(word.text);
      if (typeof initial === 'string') wrong(word, keyword, initial);
      else settings.initial = initial;
    },
    'resolve-prefer': (word, keyword) => {
      if (word.text === 'ipv4' || word.text === 'ipv6') settings.prefer = word.text;
      else wrong(word, keyword, 'use ipv4 or ipv6');
    },
    'resolve-net': (word, keyword) => {
      const networks = word.text.split(',');
      const odd = networks.find((text) => !parseNetwork(text).ok);
      if (odd !== undefined) wrong(word, keyword, `"${odd}" is not a network such as 10.0.0.0/8`);
      else if (networks.length <= NETWORKS_MAX) settings.networks = networks;
      else wrong(word, keyword, `name ${NETWORKS_MAX} networks at most`);
    },
    'resolve-opts': (word, keyword) => {
      for (const option of word.text.split(',')) {
        if (option === 'allow-dup-ip') settings.sharesAddress = true;
        else if (option === 'prevent-dup-ip') settings.sharesAddress = false;
        else if (option === 'ignore-weight') settings.ownWeight = true;
        else wrong(word, keyword, 'use allow-dup-ip, prevent-dup-ip or ignore-weight');
      }
    },
  };
}

/** What is wrong with it, where it is no list of ways to an address. */
function parseInitial(text: string): readonly InitialAddress[] | string {
  const initial: InitialAddress[] = [];
  for (const word of text.split(',')) {
    const host = parseCheckHost(word);
    if (word === 'libc') initial.push({ kind: 'system' });
    else if (word === 'none') initial.push({ kind: 'none' });
    else if (host.ok) initial.push({ kind: 'address', host: host.value });
    // Of HAProxy's state file, which Evergate has none of; its balancers know from each other.
    else if (word !== 'last')
      return `"${word}" is no way to an address; use last, libc, none or an address`;
  }
  if (initial.length > INITIAL_MAX) return `name ${INITIAL_MAX} ways at most`;
  const addresses = initial.filter(({ kind }) => kind === 'address');
  return addresses.length > 1 ? 'give one address at most' : initial;
}

/** Empty for a server that is given by its address. */
export function buildName({ hostKind, settings }: ServerDraft): {
  readonly resolution?: NameConfig;
} {
  if (hostKind.kind === 'numeric') return {};
  const { resolvers, networks, ownWeight } = settings;
  const own = resolvers === undefined;
  // HAProxy's libc gives every server of a name the same address, its resolvers give each one of its own.
  const shares = settings.sharesAddress ?? (own && !hostKind.template);
  return {
    resolution: {
      kind: hostKind.kind,
      resolvers: resolvers?.text ?? null,
      prefer: settings.prefer ?? (own ? 'ipv4' : 'ipv6'),
      ...(networks === undefined ? {} : { networks }),
      ...(shares ? { shares: true as const } : {}),
      ...(ownWeight === true ? { ownWeight } : {}),
      initial: settings.initial ?? [{ kind: 'system' }],
      initialHost: null,
    },
  };
}

/** Those that servers name, of the sections of the file; one that is not there is an error. */
export function usedResolvers(
  report: Report,
  proxies: readonly ProxyDraft[],
  sections: readonly ResolversConfig[],
): { readonly resolvers?: readonly ResolversConfig[] } {
  // HAProxy has one that nobody writes, of what /etc/resolv.conf says.
  const all = sections.some(({ name }) => name === DEFAULT_RESOLVERS)
    ? sections
    : [...sections, { ...createResolvers(DEFAULT_RESOLVERS), systemNameservers: true }];
  const used = new Set<string>();
  for (const { servers } of proxies) {
    for (const { settings } of servers) {
      const word = settings.resolvers;
      if (word === undefined || used.has(word.text)) continue;
      used.add(word.text);
      if (all.some(({ name }) => name === word.text)) continue;
      const known = all.map(({ name }) => name);
      const text = `No "resolvers" section is called "${word.text}"${didYouMean(word.text, known)}`;
      report.error(word, 'unknown-name', text);
    }
  }
  const resolvers = all.filter(({ name }) => used.has(name));
  return resolvers.length === 0 ? {} : { resolvers };
}
