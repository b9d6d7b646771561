/** Firewall rules in the way of VRRP, of the other nodes' questions, and of clients. */

import type { DoctorCheck } from '../check.ts';
import type { Facts, ToolAnswer } from '../facts.ts';
import { type Finding, type FindingCode, finding } from '../findings.ts';
import { readIptablesRules } from '../firewall/iptables-rules.ts';
import { readNftRules } from '../firewall/nft-rules.ts';
import { type FirewallChain, stoppedBy, type Traffic } from '../firewall/rules.ts';
import { configuredPorts } from '../ports.ts';

const TCP = 6;
const UDP = 17;
const VRRP = 112;

export const FIREWALL: DoctorCheck = {
  id: 'firewall',
  needs: ['configuration'],
  allWell: 'no rule stops VRRP, the other nodes or clients',
  look(facts) {
    const { chains, unread } = chainsOf(facts);
    const stopped = wanted(facts).flatMap(({ code, what, traffic }) => {
      const [chain] = stoppedBy(traffic, chains);
      if (chain === undefined) return [];
      return [finding(code, `Chain "${chain}" lets no ${what} in`, fixOf(chain, traffic))];
    });
    // A chain for both families stops a port of both, and is opened once.
    const apart = new Map(stopped.map((each) => [each.what, each]));
    return [...apart.values(), ...unread];
  },
};

type Wanted = { readonly code: FindingCode; readonly what: string; readonly traffic: Traffic };

function wanted({ config }: Facts): readonly Wanted[] {
  const instances = config.vrrp?.instances ?? [];
  const vips = instances.flatMap(({ addresses }) => addresses.map(({ address }) => address));
  const peers = (config.nodes ?? []).flatMap(({ addresses }) => addresses);
  const ports = configuredPorts(config).filter(({ isPublic }) => isPublic);
  return [
    ...familiesOf(vips).map((family) => ({
      code: 'firewall-stops-vrrp' as const,
      what: 'VRRP (IP protocol 112)',
      traffic: { family, protocol: VRRP, port: null },
    })),
    ...ports
      .filter(({ protocol }) => protocol === 'udp')
      .flatMap(({ port }) =>
        familiesOf(peers).map((family) => ({
          code: 'firewall-stops-peers' as const,
          what: `UDP port ${port} of the other nodes`,
          traffic: { family, protocol: UDP, port },
        })),
      ),
    ...ports
      .filter(({ protocol }) => protocol === 'tcp')
      .flatMap(({ port, families }) =>
        families.map((family) => ({
          code: 'firewall-stops-clients' as const,
          what: `TCP port ${port} of clients`,
          traffic: { family, protocol: TCP, port },
        })),
      ),
  ];
}

function familiesOf(addresses: readonly string[]): readonly ('ip' | 'ip6')[] {
  return [...new Set(addresses.map((address) => (address.includes(':') ? 'ip6' : 'ip')))];
}

/** In the words of the tool that has the rule; firewalld keeps its own, which only it may change. */
function fixOf(chain: string, { family, protocol, port }: Traffic): string {
  if (chain.includes(' firewalld ')) {
    const rule =
      port === null
        ? '--add-protocol=vrrp'
        : `--add-port=${port}/${protocol === UDP ? 'udp' : 'tcp'}`;
    return `firewall-cmd --permanent ${rule} && firewall-cmd --reload`;
  }
  if (/^ip6?tables /.test(chain)) {
    const command = family === 'ip6' ? 'ip6tables' : 'iptables';
    const rule =
      port === null ? '-p 112' : `-p ${protocol === UDP ? 'udp' : 'tcp'} --dport ${port}`;
    return `${command} -I INPUT ${rule} -j ACCEPT`;
  }
  const rule =
    port === null ? 'meta l4proto 112' : `${protocol === UDP ? 'udp' : 'tcp'} dport ${port}`;
  return `nft insert rule ${chain} ${rule} accept`;
}

function chainsOf({ firewall }: Facts): {
  readonly chains: readonly FirewallChain[];
  readonly unread: readonly Finding[];
} {
  const chains: FirewallChain[] = [];
  const unread: Finding[] = [];
  const read = (
    answer: ToolAnswer,
    command: string,
    parse: (text: string) => readonly FirewallChain[] | null,
  ): void => {
    if (answer.kind === 'missing') return;
    const found = answer.kind === 'said' ? parse(answer.text) : null;
    if (found !== null) chains.push(...found);
    else {
      const why = answer.kind === 'failed' ? answer.why : 'its answer is none that is known';
      unread.push(finding('firewall-unread', `"${command}" tells nothing: ${why}`, command));
    }
  };
  read(firewall.nft, 'nft -j list ruleset', readNftRules);
  read(firewall.iptables, 'iptables-save', (text) => readIptablesRules(text, 'ip'));
  read(firewall.ip6tables, 'ip6tables-save', (text) => readIptablesRules(text, 'ip6'));
  return { chains, unread };
}
