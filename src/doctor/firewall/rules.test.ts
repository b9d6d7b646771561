import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readIptablesRules } from './iptables-rules.ts';
import { readNftRules } from './nft-rules.ts';
import { type FirewallChain, stoppedBy, type Traffic } from './rules.ts';

const VRRP: Traffic = { family: 'ip', protocol: 112, port: null };
const CLIENTS: Traffic = { family: 'ip', protocol: 6, port: 8443 };
const PEERS: Traffic = { family: 'ip', protocol: 17, port: 8445 };

function iptables(policy: string, ...rules: readonly string[]): readonly FirewallChain[] {
  const head = ['*nat', ':INPUT DROP [0:0]', 'COMMIT', '*filter', `:INPUT ${policy} [0:0]`];
  const chains = [':FORWARD DROP [0:0]', ':mine - [0:0]'];
  return readIptablesRules([...head, ...chains, ...rules, 'COMMIT'].join('\n'), 'ip');
}

function stops(chains: readonly FirewallChain[]): readonly string[] {
  return Object.entries({ VRRP, CLIENTS, PEERS })
    .filter(([, traffic]) => stoppedBy(traffic, chains).length > 0)
    .map(([name]) => name);
}

describe('readIptablesRules()', () => {
  const ALL = ['VRRP', 'CLIENTS', 'PEERS'];

  it('goes by the policy where no rule decides', () => {
    assert.deepEqual(stops(iptables('ACCEPT')), []);
    assert.deepEqual(stops(iptables('DROP')), ALL);
    const usual = [
      '-A INPUT -i lo -j ACCEPT',
      '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT',
    ];
    assert.deepEqual(stops(iptables('DROP', ...usual)), ALL);
    assert.deepEqual(stops(iptables('ACCEPT', ...usual, '-A INPUT -j DROP')), ALL);
    const reject = '-A INPUT -j REJECT --reject-with icmp-port-unreachable';
    assert.deepEqual(stops(iptables('ACCEPT', ...usual, reject)), ALL);
  });

  it('finds what is let in by protocol, port, list, range and chain', () => {
    assert.deepEqual(stops(iptables('DROP', '-A INPUT -p vrrp -j ACCEPT')), ['CLIENTS', 'PEERS']);
    assert.deepEqual(stops(iptables('DROP', '-A INPUT -p 112 -j ACCEPT')), ['CLIENTS', 'PEERS']);
    const list = '-A INPUT -p tcp -m multiport --dports 22,8000:9000 -j ACCEPT';
    assert.deepEqual(stops(iptables('DROP', list)), ['VRRP', 'PEERS']);
    const chain = ['-A INPUT -j mine', '-A mine -p udp -m udp --dport 8445 -j ACCEPT'];
    assert.deepEqual(stops(iptables('DROP', ...chain)), ['VRRP', 'CLIENTS']);
    assert.deepEqual(stops(iptables('DROP', ...chain, '-A mine -j RETURN')), ['VRRP', 'CLIENTS']);
  });

  it('gives rules that it does not understand the benefit of the doubt', () => {
    assert.deepEqual(
      stops(iptables('DROP', '-A INPUT -m set --match-set peers src -j ACCEPT')),
      [],
    );
    assert.deepEqual(stops(iptables('DROP', '-A INPUT -s 192.168.1.0/24 -j ACCEPT')), []);
    assert.deepEqual(stops(iptables('ACCEPT', '-A INPUT -s 10.9.9.9/32 -p vrrp -j DROP')), []);
    assert.deepEqual(stops(iptables('ACCEPT', '-A INPUT -p vrrp -j DROP')), ['VRRP']);
  });

  it('ends in a loop of chains', () => {
    assert.deepEqual(stops(iptables('DROP', '-A INPUT -j mine', '-A mine -j mine')), ALL);
  });
});

describe('readNftRules()', () => {
  const place = { family: 'inet', table: 'filter' };

  function nft(...rules: readonly object[][]): readonly FirewallChain[] {
    const chain = {
      ...place,
      name: 'input',
      type: 'filter',
      hook: 'input',
      prio: 0,
      policy: 'drop',
    };
    const entries = rules.map((expr) => ({ rule: { ...place, chain: 'input', expr } }));
    const text = JSON.stringify({ nftables: [{ metainfo: {} }, { chain }, ...entries] });
    const read = readNftRules(text);
    assert.ok(read);
    return read;
  }
  const match = (left: object, right: unknown, op = '==') => ({ match: { op, left, right } });
  const ACCEPT = { accept: null };
  const dport = (protocol: string) => ({ payload: { protocol, field: 'dport' } });

  it('finds what is let in by port, set and range', () => {
    const set = { set: [22, { range: [8440, 8450] }] };
    assert.deepEqual(stops(nft([match(dport('tcp'), set), ACCEPT])), ['VRRP', 'PEERS']);
    assert.deepEqual(stops(nft([match(dport('th'), 8445), ACCEPT])), ['VRRP', 'CLIENTS']);
    assert.deepEqual(stops(nft([match(dport('tcp'), '@open'), ACCEPT])), ['VRRP', 'PEERS']);
    const vrrp = match({ payload: { protocol: 'ip', field: 'protocol' } }, 112);
    assert.deepEqual(stops(nft([vrrp, ACCEPT])), ['CLIENTS', 'PEERS']);
  });

  it('knows what is never a new packet from outside', () => {
    const all = ['VRRP', 'CLIENTS', 'PEERS'];
    const state = { ct: { key: 'state' } };
    assert.deepEqual(stops(nft([match(state, ['established', 'related'], 'in'), ACCEPT])), all);
    assert.deepEqual(stops(nft([{ vmap: { key: state, data: { set: [] } } }])), all);
    assert.deepEqual(stops(nft([match({ meta: { key: 'iifname' } }, 'lo'), ACCEPT])), all);
    assert.deepEqual(stops(nft([match({ meta: { key: 'iifname' } }, 'ens192'), ACCEPT])), []);
    assert.deepEqual(stops(nft([match(state, ['established', 'new'], 'in'), ACCEPT])), []);
  });

  it('says where a text is none of nft', () => {
    assert.equal(readNftRules('nft: command not found'), null);
    assert.equal(readNftRules('[]'), null);
    assert.equal(readNftRules('{"nftables": 7}'), null);
  });
});
