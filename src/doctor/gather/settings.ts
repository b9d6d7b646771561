/** Settings and routes of our network namespace (ip-sysctl; proc(5)); what is not to be seen is left out. */

import { readdirSync } from 'node:fs';
import type { SettingFacts } from '../facts.ts';
import { read } from './processes.ts';

const CONF = '/proc/sys/net/ipv4/conf';
const INTERFACES_MAX = 4096;
const ROUTES_MAX = 65_536;
/** "Strict mode as defined in RFC3704"; 2 is loose. */
const STRICT = 1;

export function kernelSettings(): SettingFacts {
  const arpIgnore = read(`${CONF}/all/arp_ignore`);
  const all = reversePath('all');
  return {
    arpIgnore: arpIgnore === '' ? null : Number(arpIgnore),
    // The greater one of the two counts.
    strictReversePath: interfaces().filter((name) => Math.max(all, reversePath(name)) === STRICT),
    defaultInterfaces: defaultInterfaces(read('/proc/self/net/route')),
  };
}

function reversePath(name: string): number {
  return Number(read(`${CONF}/${name}/rp_filter`));
}

function interfaces(): readonly string[] {
  try {
    const names = readdirSync(CONF).slice(0, INTERFACES_MAX);
    return names.filter((name) => name !== 'all' && name !== 'default');
  } catch {
    return [];
  }
}

export function defaultInterfaces(table: string): readonly string[] {
  const lines = table.split('\n').slice(1, ROUTES_MAX);
  const names = lines.flatMap((line) => {
    const [name = '', destination, , , , , , mask] = line.trim().split(/\s+/);
    return destination === '00000000' && mask === '00000000' ? [name] : [];
  });
  return [...new Set(names)];
}
