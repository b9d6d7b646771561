/** Holds a configuration against this machine: do the interfaces and the script files exist? */

import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Diagnostic, DiagnosticCode, Severity } from '../config/diagnostics.ts';
import { FAMILY_BITS, familyOf, isWithin } from '../config/evergate-yaml/networks.ts';
import type { NodeFacts } from '../config/lint.ts';
import type { Place } from '../config/place.ts';
import { commandFile, isRunnable } from '../linux/command-safety.ts';
import { findAccount, groupId } from '../linux/identity.ts';
import { localAddresses } from './local-addresses.ts';

/**
 * Interfaces of the network namespace we run in (proc_pid_net(5)). Not /sys/class/net: that mount may
 * belong to another namespace.
 */
function interfaceNames(): ReadonlySet<string> {
  const names = readFileSync('/proc/self/net/dev', 'utf8').matchAll(/^\s*([^\s:]+):/gm);
  return new Set([...names].map((match) => match[1] ?? ''));
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function diagnose(
  place: Place,
  severity: Severity,
  code: DiagnosticCode,
  text: string,
): Diagnostic {
  const { file, line, column } = place;
  return { file, line, column, severity, text, code };
}

/** What is wrong with a command; null when it can be run. */
function commandProblem(command: string): string | null {
  if (/[<>|;&$`]/.test(command)) {
    return `"${command}" is no program but shell syntax; write "sh -c '...'" around the command`;
  }
  if (!command.includes('/')) {
    if (commandFile(command) !== null) return null;
    return `the program "${command}" is in no directory of PATH`;
  }
  if (isRunnable(command)) return null;
  if (exists(command)) return `"${command}" cannot be run; make it executable with "chmod +x"`;
  return `the file "${command}" does not exist`;
}

/** Arguments that are plainly script files, as behind `timeout 2` or `sh`. */
function missingArgument(argv: readonly string[]): string | null {
  const script = argv.slice(1).find((word) => /^\/\S+\.(sh|bash|py|pl)$/.test(word));
  if (script === undefined || exists(script)) return null;
  return `the file "${script}", given to ${basename(argv[0] ?? '')}, does not exist`;
}

/** Peers that are this very machine: the node would tell itself, and be told of as a peer never heard. */
function ownPeers({ peers }: NodeFacts): readonly Diagnostic[] {
  const own = new Set(localAddresses().map(({ address }) => address));
  return peers
    .filter(({ address }) => own.has(address))
    .map(({ address, place }) => {
      const text = `The unicast peer "${address}" is an address of this machine; list the other nodes only`;
      return diagnose(place, 'warning', 'bad-value', text);
    });
}

/** Loopback addresses: neighbours are not asked for what is on such an interface. */
const LOOPBACK = /^(127\.|::1$)/;

/** VIPs that neighbours look for elsewhere, as in no network of the interface. */
function vipsOutside({ instances }: NodeFacts): readonly Diagnostic[] {
  const local = localAddresses();
  return instances.flatMap(({ interface: on, addresses }) => {
    if (on === null) return [];
    return addresses.flatMap((vip) => {
      const own = local.filter(
        (each) =>
          each.interface === on.name &&
          familyOf(each.address) === familyOf(vip) &&
          each.address !== vip &&
          each.prefixLength < FAMILY_BITS[familyOf(vip)] &&
          !LOOPBACK.test(each.address),
      );
      if (own.length === 0) return [];
      if (own.some(({ address, prefixLength }) => isWithin(vip, address, prefixLength))) return [];
      const networks = own.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
      const text =
        `The VIP "${vip}" lies in no network of "${on.name}", which has ${networks.join(', ')}; ` +
        'neighbours will not find it: correct either';
      return [diagnose(on, 'warning', 'vip-outside-network', text)];
    });
  });
}

/**
 * A script that cannot run is an error: its instance would be in FAULT, or at the wrong priority, for
 * ever. An interface that is missing is a warning: it may come up later, or the file be another node's;
 * `evergate run` refuses to start without it. `mayBeElsewhere`: the files belong to several nodes, so that
 * scripts too are only warned of.
 */
export function checkMachine(facts: NodeFacts, mayBeElsewhere: boolean): readonly Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const known = interfaceNames();
  for (const { name, place } of facts.interfaces) {
    if (known.has(name)) continue;
    const text = `The interface "${name}" does not exist on this machine; "evergate run" needs it`;
    diagnostics.push(diagnose(place, 'warning', 'missing-interface', text));
  }
  if (!mayBeElsewhere) diagnostics.push(...ownPeers(facts), ...vipsOutside(facts));
  const severity = mayBeElsewhere ? 'warning' : 'error';
  for (const { name, argv, user, group, place } of facts.scripts) {
    for (const [kind, account, found] of [
      ['user', user, user === null || findAccount(user) !== null],
      ['group', group, group === null || groupId(group) !== null],
    ] as const) {
      if (found) continue;
      const text = `Script "${name}" runs as ${kind} "${account}", which does not exist; create it`;
      diagnostics.push(diagnose(place, severity, 'unknown-name', text));
    }
    const problem = commandProblem(argv[0] ?? '') ?? missingArgument(argv);
    if (problem === null) continue;
    const text = `Script "${name}" cannot run: ${problem}`;
    diagnostics.push(diagnose(place, severity, 'missing-script', text));
  }
  return diagnostics;
}
