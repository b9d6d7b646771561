/** keepalived.conf: the entries of virtual_routes, `[src S] DESTINATION [via G] [dev I] [metric M]`. */

import { formatIpv4, parseIpv4Prefix } from '../../core/ip.ts';
import type { VirtualRouteConfig } from '../model/addresses.ts';
import type { Word } from './lexer.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';
import { parseAddress, parseInteger, parseInterface } from './values.ts';
import { listEntries } from './walk.ts';

const ROUTES_MAX = 256;
const METRIC_RANGE = { min: 0, max: 4_294_967_295 } as const;
const TABLE_RANGE = METRIC_RANGE;
const TABLE_NAMES: Readonly<Record<string, number>> = { default: 253, main: 254, local: 255 };
const MAIN_TABLE = 254;

type Draft = { -readonly [Key in keyof VirtualRouteConfig]: VirtualRouteConfig[Key] };

function takeOption(name: Word, argument: Word | undefined, draft: Draft, report: Report): void {
  if (argument === undefined) {
    report.error(name, 'missing-value', `"${name.text}" needs a value`);
    return;
  }
  switch (name.text) {
    case 'via':
    case 'gw':
      draft.gateway = parseAddress(argument, 'gateway', report);
      break;
    case 'dev':
    case 'oif':
      draft.interface = parseInterface(argument, report);
      break;
    case 'src':
      draft.source = parseAddress(argument, 'source address', report);
      break;
    case 'metric':
      draft.metric = parseInteger(argument, METRIC_RANGE, 'metric', report) ?? 0;
      break;
    case 'table':
      draft.table =
        TABLE_NAMES[argument.text] ??
        parseInteger(argument, TABLE_RANGE, 'table', report) ??
        MAIN_TABLE;
      break;
    default: {
      const known = 'via, dev, src, metric and table are';
      const text = `"${name.text}" of a virtual route is not supported; ${known}`;
      report.error(name, 'unsupported-directive', text);
    }
  }
}

function parseDestination(word: Word, draft: Draft, report: Report): void {
  const text = word.text === 'default' ? '0.0.0.0/0' : word.text;
  const prefix = parseIpv4Prefix(text, 32);
  if (!prefix.ok) {
    report.error(word, 'bad-value', `"${word.text}" is no IPv4 network to route to`);
    return;
  }
  const { address, prefixLength } = prefix.value;
  const mask = prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0;
  draft.destination = formatIpv4((address & mask) >>> 0);
  draft.prefixLength = prefixLength;
}

function convertRoute(words: readonly Word[], report: Report): VirtualRouteConfig | null {
  const draft: Draft = {
    destination: '',
    prefixLength: 0,
    gateway: null,
    interface: null,
    source: null,
    metric: 0,
    table: MAIN_TABLE,
  };
  let hasDestination = false;
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    if (word === undefined) break;
    if (word.text === 'to') continue;
    if (word.text === 'default' || /^\d[\d.]*(\/\d+)?$/.test(word.text)) {
      hasDestination = true;
      parseDestination(word, draft, report);
    } else {
      index += 1;
      takeOption(word, words[index], draft, report);
    }
  }
  const [first] = words;
  if (first !== undefined && !hasDestination) {
    report.error(first, 'missing-value', 'The route has no destination, such as "10.0.0.0/8"');
  } else if (first !== undefined && draft.gateway === null && draft.interface === null) {
    report.error(
      first,
      'missing-value',
      'The route leads nowhere; add "via ADDRESS" or "dev NAME"',
    );
  }
  return draft.destination === '' ? null : draft;
}

export function convertRoutes(block: Statement, report: Report): readonly VirtualRouteConfig[] {
  const entries = listEntries(block, report);
  const excess = entries[ROUTES_MAX];
  if (excess !== undefined) {
    report.error(excess.name, 'bad-value', `An instance has at most ${ROUTES_MAX} routes`);
  }
  return entries
    .slice(0, ROUTES_MAX)
    .map(({ name, args }) => convertRoute([name, ...args], report))
    .filter((route) => route !== null);
}
