/** keepalived.conf: the entries of virtual_ipaddress (keepalived.conf(5), "VRRP instance(s)"). */

import { bareAddress, formatIpAddress, parseIpPrefix } from '../../core/ip-address.ts';
import type { VirtualAddressConfig } from '../model/addresses.ts';
import { didYouMean } from '../suggest.ts';
import { ADDRESS_DEFAULTS } from '../vrrp-defaults.ts';
import type { Word } from './lexer.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';
import { parseAddress, parseAnyAddress, parseInterface } from './values.ts';
import { listEntries } from './walk.ts';

/** The count travels in one byte (RFC 5798 section 5.2.5). */
const ADDRESSES_MAX = 255;

/** IFNAMSIZ - 1: the kernel keeps a label in an interface name's space (netdevice(7)). */
const LABEL_LENGTH_MAX = 15;

/** Options with a value, then options without. */
const VALUED = ['brd', 'dev', 'scope', 'label', 'broadcast', 'preferred_lft'];
const FLAGS = ['home', '-nodad', 'nodad', 'mngtmpaddr', 'noprefixroute', 'track_group'];

/** rtnetlink(7), ifa_scope. */
const SCOPES: Readonly<Record<string, number>> = { global: 0, site: 200, link: 253, host: 254 };

type Draft = {
  interface: string | null;
  label: string | null;
  scope: number;
  broadcast: string | null;
};

function takeOption(option: Word, argument: Word | undefined, draft: Draft, report: Report): void {
  const name = option.text;
  if (argument === undefined) {
    report.error(option, 'missing-value', `"${name}" needs a value`);
  } else if (name === 'dev') {
    draft.interface = parseInterface(argument, report);
  } else if (name === 'label') {
    draft.label = argument.text;
    if (argument.text.length <= LABEL_LENGTH_MAX) return;
    const text = `The label "${argument.text}" is longer than ${LABEL_LENGTH_MAX} characters`;
    report.error(argument, 'bad-value', text);
  } else if (name === 'scope') {
    const scope = SCOPES[argument.text] ?? null;
    draft.scope = scope ?? 0;
    if (scope !== null) return;
    const text = `"${argument.text}" is no scope; write ${Object.keys(SCOPES).join(', ')}`;
    report.error(argument, 'bad-value', text);
  } else if (name === 'brd' || name === 'broadcast') {
    draft.broadcast = parseAddress(argument, 'broadcast address', report);
  } else {
    const text = `"${name} ${argument.text}" is ignored: a virtual address needs no such setting`;
    report.warning(option, 'ignored-directive', text);
  }
}

function parseOptions(words: readonly Word[], report: Report): Draft {
  const draft: Draft = { ...ADDRESS_DEFAULTS };
  for (let index = 0; index < words.length; index++) {
    const option = words[index];
    if (option === undefined) break;
    if (VALUED.includes(option.text)) {
      index += 1;
      takeOption(option, words[index], draft, report);
    } else if (FLAGS.includes(option.text)) {
      const text = `"${option.text}" is ignored: a virtual address needs no such setting`;
      report.warning(option, 'ignored-directive', text);
    } else if (/^[\d.]+(\/\d+)?$|^[\da-f]*:[\da-f:.]+(\/\d+)?$/i.test(option.text)) {
      const text = `"${option.text}" must stand on a line of its own`;
      report.error(option, 'bad-value', text);
      break;
    } else {
      const hint = didYouMean(option.text, VALUED);
      const text = `"${option.text}" is no option of an address and left out${hint}`;
      report.warning(option, 'bad-value', text);
    }
  }
  return draft;
}

/** Without a slash the address alone, as keepalived takes it. */
function parsePrefix(word: Word, report: Report): VirtualAddressConfig | null {
  const prefix = parseIpPrefix(word.text);
  if (prefix.ok) {
    const { address, prefixLength } = prefix.value;
    return { address: formatIpAddress(address), prefixLength, ...ADDRESS_DEFAULTS };
  }
  const bare = { ...word, text: bareAddress(word.text) };
  if (parseAnyAddress(bare, 'virtual address', report) !== null) {
    report.error(word, 'bad-value', prefix.reason);
  }
  return null;
}

export function convertAddresses(
  block: Statement,
  report: Report,
): readonly VirtualAddressConfig[] {
  const addresses: VirtualAddressConfig[] = [];
  for (const { name, args } of listEntries(block, report)) {
    const prefix = parsePrefix(name, report);
    const options = parseOptions(args, report);
    if (prefix === null) continue;
    if (addresses.some(({ address }) => address === prefix.address)) {
      report.warning(name, 'duplicate-name', `The address "${prefix.address}" is given twice`);
    } else if (addresses.length >= ADDRESSES_MAX) {
      const text = `An instance carries at most ${ADDRESSES_MAX} addresses; split it in two`;
      report.error(name, 'bad-value', text);
      break;
    } else {
      addresses.push({ ...prefix, ...options });
    }
  }
  return addresses;
}
