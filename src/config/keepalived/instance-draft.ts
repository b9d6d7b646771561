/** keepalived.conf: what is gathered from a vrrp_instance block before its directives are held together. */

import type { ChecksumRule } from '../../vrrp/packet.ts';
import type { VirtualAddressConfig, VirtualRouteConfig } from '../model/addresses.ts';
import { NO_NOTIFY } from '../vrrp-defaults.ts';
import { AUTHENTICATION, VRRP_INSTANCE } from './directives.ts';
import { type GarpDraft, garpHandlers } from './garp.ts';
import { type GlobalDefs, parseVersion } from './global-defs.ts';
import type { Word } from './lexer.ts';
import { type NotifyDraft, notifyHandlers } from './notify.ts';
import type { Statement } from './parser.ts';
import { convertPeers, type PeerDraft } from './peers.ts';
import type { Report } from './report.ts';
import { noTracks, type Tracks, trackHandlers } from './tracks.ts';
import {
  firstValue,
  parseAnyAddress,
  parseInteger,
  parseInterface,
  parseMulticastGroup,
  parseSeconds,
  parseSwitch,
} from './values.ts';
import { convertAddresses } from './virtual-addresses.ts';
import { convertRoutes } from './virtual-routes.ts';
import { type Handlers, walk } from './walk.ts';

export type InstanceDraft = {
  readonly name: Word;
  version: 2 | 3;
  interface: string | null;
  /** Where the interface is named; null: it is not. */
  interfaceWord: Word | null;
  virtualRouterId: Word | null;
  virtualRouterIdValue: number | null;
  priority: Word | null;
  priorityValue: number | null;
  state: 'master' | 'backup';
  advertInterval: Word | null;
  authentication: Word | null;
  authType: Word | null;
  /** null: there is none. */
  authHmac: Statement | null;
  /** Where another rule than the RFC's is asked for. */
  checksum: { readonly rule: ChecksumRule; readonly place: Word } | null;
  unicastTtl: number | null;
  /** null: no interface with a virtual MAC address. */
  vmac: { readonly place: Word; readonly name: string | null } | null;
  readonly vmacPrefix: string;
  vmacXmitBase: Word | null;
  authPass: Word | null;
  /** Where nopreempt stands; null: it does not. */
  nopreempt: Word | null;
  preemptDelay: Word | null;
  preemptDelayMs: number;
  addresses: readonly VirtualAddressConfig[];
  excludedAddresses: readonly VirtualAddressConfig[];
  routes: readonly VirtualRouteConfig[];
  hasAddresses: boolean;
  sourceAddress: string | null;
  /** null: that of the family. */
  group: string | null;
  readonly groups: { readonly ipv4: string; readonly ipv6: string };
  /** null: multicast. */
  peers: readonly PeerDraft[] | null;
  readonly tracks: Tracks;
  readonly notify: NotifyDraft;
  notifyPriority: boolean;
  promotesSecondaries: boolean;
  readonly garp: GarpDraft;
  answersLower: boolean | null;
  saysFarewell: boolean | null;
  strict: boolean;
};

const PREEMPT_DELAY_RANGE = { minMs: 0, maxMs: 1_000_000, otherwise: 'there is none' } as const;
const BYTE_RANGE = { min: 1, max: 255 } as const;
const TTL_RANGE = { min: 0, max: 255, otherwise: 'the line is ignored' } as const;

function emptyDraft(name: Word, globals: GlobalDefs): InstanceDraft {
  return {
    name,
    version: globals.version,
    interface: null,
    interfaceWord: null,
    virtualRouterId: null,
    virtualRouterIdValue: null,
    priority: null,
    priorityValue: null,
    state: 'backup',
    advertInterval: null,
    authentication: null,
    authType: null,
    authHmac: null,
    checksum: null,
    unicastTtl: null,
    vmac: null,
    vmacPrefix: globals.vmacPrefix,
    vmacXmitBase: null,
    authPass: null,
    nopreempt: null,
    preemptDelay: null,
    preemptDelayMs: 0,
    addresses: [],
    excludedAddresses: [],
    routes: [],
    hasAddresses: false,
    sourceAddress: null,
    group: null,
    groups: { ipv4: globals.group, ipv6: globals.group6 },
    peers: null,
    tracks: noTracks(),
    notify: { ...NO_NOTIFY },
    notifyPriority: globals.notifyPriority,
    promotesSecondaries: false,
    garp: { ...globals.garp },
    answersLower: globals.answersLower,
    saysFarewell: globals.saysFarewell,
    strict: globals.strict,
  };
}

function parseState(word: Word, report: Report): 'master' | 'backup' {
  if (word.text === 'MASTER') return 'master';
  if (word.text !== 'BACKUP') {
    const text = `"${word.text}" is no state; write "MASTER" or "BACKUP"; here it is BACKUP, as in keepalived`;
    report.warning(word, 'bad-value', text);
  }
  return 'backup';
}

function electionHandlers(draft: InstanceDraft, report: Report): Handlers {
  return {
    state: (statement) => {
      draft.state = parseState(firstValue(statement), report);
    },
    virtual_router_id: (statement) => {
      const word = firstValue(statement);
      draft.virtualRouterId = word;
      draft.virtualRouterIdValue = parseInteger(word, BYTE_RANGE, 'virtual router id', report);
    },
    priority: (statement) => {
      draft.priority = firstValue(statement);
      draft.priorityValue = parseInteger(draft.priority, BYTE_RANGE, 'priority', report);
    },
    advert_int: (statement) => {
      draft.advertInterval = firstValue(statement);
    },
    version: (statement) => {
      draft.version = parseVersion(statement, report) ?? draft.version;
    },
    preempt: () => {
      draft.nopreempt = null;
    },
    nopreempt: (statement) => {
      draft.nopreempt = statement.name;
    },
    preempt_delay: (statement) => {
      const word = firstValue(statement);
      draft.preemptDelay = statement.name;
      draft.preemptDelayMs = parseSeconds(word, PREEMPT_DELAY_RANGE, 'delay', report) ?? 0;
    },
    authentication: (statement) => {
      draft.authentication = statement.name;
      const handlers: Handlers = {
        auth_type: (inner) => {
          draft.authType = firstValue(inner);
        },
        auth_pass: (inner) => {
          draft.authPass = firstValue(inner);
        },
      };
      walk(statement.children ?? [], AUTHENTICATION, 'authentication', handlers, report);
    },
    auth_hmac: (statement) => {
      draft.authHmac = statement;
    },
    old_unicast_checksum: (statement) => {
      // "never": other checksums are not even recognized, as is always so here.
      if (statement.args[0]?.text === 'never') return;
      draft.checksum = { rule: 'old-unicast', place: statement.name };
    },
    v3_checksum_as_v2: (statement) => {
      const isOn = parseSwitch(statement, report);
      draft.checksum = isOn ? { rule: 'as-v2', place: statement.name } : null;
    },
    strict_mode: (statement) => {
      draft.strict = parseSwitch(statement, report);
    },
    lower_prio_no_advert: (statement) => {
      draft.answersLower = !parseSwitch(statement, report);
    },
    higher_prio_send_advert: (statement) => {
      draft.saysFarewell = parseSwitch(statement, report);
    },
  };
}

/** `use_vmac [NAME [MAC]]` */
function takeVmac({ name: place, args }: Statement, draft: InstanceDraft, report: Report): void {
  const [name, mac] = args;
  draft.vmac = { place, name: name === undefined ? null : parseInterface(name, report) };
  if (mac === undefined) return;
  const text = `The MAC address "${mac.text}" is not supported: it is that of the virtual router id`;
  report.error(mac, 'unsupported-directive', text);
}

function networkHandlers(draft: InstanceDraft, report: Report): Handlers {
  const source = (statement: Statement): void => {
    draft.sourceAddress = parseAnyAddress(firstValue(statement), 'source address', report);
  };
  return {
    interface: (statement) => {
      draft.interfaceWord = firstValue(statement);
      draft.interface = parseInterface(draft.interfaceWord, report);
    },
    use_vmac: (statement) => takeVmac(statement, draft, report),
    promote_secondaries: () => {
      draft.promotesSecondaries = true;
    },
    vmac_xmit_base: (statement) => {
      draft.vmacXmitBase = statement.name;
    },
    virtual_ipaddress: (statement) => {
      draft.hasAddresses = (statement.children ?? []).length > 0;
      draft.addresses = [...draft.addresses, ...convertAddresses(statement, report)];
    },
    virtual_ipaddress_excluded: (statement) => {
      const excluded = convertAddresses(statement, report);
      draft.excludedAddresses = [...draft.excludedAddresses, ...excluded];
    },
    virtual_routes: (statement) => {
      draft.routes = [...draft.routes, ...convertRoutes(statement, report)];
    },
    unicast_src_ip: source,
    unicast_ttl: (statement) => {
      const word = firstValue(statement);
      draft.unicastTtl = parseInteger(word, TTL_RANGE, 'TTL', report);
      if (draft.unicastTtl !== 0) return;
      const text = `With a TTL of "${word.text}" no advertisement leaves the node; give 1 to 255`;
      report.error(word, 'bad-value', text);
    },
    mcast_src_ip: source,
    mcast_dst_ip: (statement) => {
      draft.group = parseMulticastGroup(firstValue(statement), report) ?? draft.group;
    },
    unicast_peer: (statement) => {
      const peers = [...(draft.peers ?? []), ...convertPeers(statement, report)];
      draft.peers = peers.length === 0 ? null : peers;
    },
  };
}

/** Reads the block word by word; what the words mean together is decided by finishInstance(). */
export function readInstance(block: Statement, globals: GlobalDefs, report: Report): InstanceDraft {
  const draft = emptyDraft(firstValue(block), globals);
  const where = `vrrp_instance "${draft.name.text}"`;
  const handlers = {
    ...electionHandlers(draft, report),
    ...networkHandlers(draft, report),
    ...garpHandlers(draft.garp, '', report),
    ...trackHandlers(draft.tracks, report),
    ...notifyHandlers(draft.notify, globals.scriptAccount, report),
    notify_priority_changes: (statement: Statement) => {
      draft.notifyPriority = parseSwitch(statement, report);
    },
  };
  walk(block.children ?? [], VRRP_INSTANCE, where, handlers, report);
  return draft;
}
