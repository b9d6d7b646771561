/** What `iptables-save` and `ip6tables-save` print of the table "filter" (iptables-save(8)), as rules.ts has it. */

import { type FirewallChain, type FirewallRule, protocolNumber, type Ranges } from './rules.ts';

export function readIptablesRules(text: string, family: 'ip' | 'ip6'): readonly FirewallChain[] {
  const filter = /^\*filter$([\s\S]*?)^COMMIT$/m.exec(text)?.[1] ?? '';
  const lines = filter.split('\n');
  const rules = new Map<string, FirewallRule[]>();
  for (const line of lines) {
    const [, chain = '', rest = ''] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
    if (chain === '') continue;
    const name = nameOf(family, chain);
    rules.set(name, [...(rules.get(name) ?? []), ruleOf(family, rest)]);
  }
  return lines.flatMap((line) => {
    const [, chain = '', policy = ''] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (chain === '') return [];
    const name = nameOf(family, chain);
    return {
      name,
      family,
      isInput: chain === 'INPUT',
      dropsByDefault: policy === 'DROP',
      rules: rules.get(name) ?? [],
    };
  });
}

function nameOf(family: 'ip' | 'ip6', chain: string): string {
  return `${family}tables ${chain}`;
}

function ruleOf(family: 'ip' | 'ip6', text: string): FirewallRule {
  const one = (flag: string) => new RegExp(`(?<!\\S)(! )?${flag} (\\S+)`).exec(text) ?? [];
  const [, noProtocol, protocol] = one('-p');
  const [, noPorts, ports] = one('(?:--dports?|--destination-ports?)');
  const [, noInput, input] = one('-i');
  const [, , state] = one('(?:--ctstate|--state)');
  const [, , target = ''] = one('(?:-j|-g)');
  const number = protocol === undefined ? null : protocolNumber(protocol);
  const understood = /(?<!\S)(?:-p|-m|--dports?|-j|-g|--comment|--reject-with) ("[^"]*"|\S+)/g;
  const rest = text.replace(understood, '').trim();
  return {
    protocols: number === null || noProtocol !== undefined ? null : [{ min: number, max: number }],
    ports: ports === undefined || noPorts !== undefined ? null : portRanges(ports),
    neverNew:
      (input === 'lo' && noInput === undefined) ||
      (state !== undefined && !state.split(',').includes('NEW')) ||
      text.includes('--icmp'),
    conditional: rest !== '' || noProtocol !== undefined || noPorts !== undefined,
    verdict: verdictOf(family, target),
  };
}

function verdictOf(family: 'ip' | 'ip6', target: string): FirewallRule['verdict'] {
  switch (target) {
    case 'ACCEPT':
      return { kind: 'accept' };
    case 'DROP':
    case 'REJECT':
      return { kind: 'drop' };
    case 'RETURN':
      return { kind: 'return' };
    default:
      return { kind: 'jump', chain: nameOf(family, target) };
  }
}

/** "8443", "8000:9000", "80,443". */
function portRanges(text: string): Ranges {
  return text.split(',').map((part) => {
    const [min = '', max = min] = part.split(':');
    return { min: Number(min), max: Number(max) };
  });
}
