/**
 * What the imports of golden files and of files from the field are held against: the evergate.yaml that was made,
 * read by its own front end, means what the old files mean, or a remark names the key that does not.
 */

import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { ABSENT } from '../../src/balance/conditions/facts.ts';
import { compileRoutes, routeOf } from '../../src/balance/conditions/rules.ts';
import { formatDiagnostic } from '../../src/config/diagnostics.ts';
import { parseNative } from '../../src/config/evergate-yaml/index.ts';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import type { Imported, ImportSources } from '../../src/config/import/index.ts';
import { parseKeepalived } from '../../src/config/keepalived/index.ts';
import type { BackendConfig, FrontendConfig } from '../../src/config/model/traffic.ts';
import type { VrrpConfig, VrrpInstanceConfig } from '../../src/config/model/vrrp.ts';

const FILE = /^===== (\S+)\n/m;

/** Sources of a golden input: files, each behind a line `===== NAME`. `# modern` and `# leave-out: NAME` before them. */
export function sourcesOf(input: string): ImportSources {
  const [head = '', ...rest] = input.split(new RegExp(FILE, 'gm'));
  const files = new Map<string, string>();
  for (let at = 0; at < rest.length; at += 2) files.set(rest[at] ?? '', rest[at + 1] ?? '');
  const configs = [...files].map(([file, text]) => ({ file, text }));
  const haproxy = configs.find(({ file }) => file.endsWith('.cfg'));
  const leaveOut = /^# leave-out: (.*)$/m.exec(head)?.[1]?.split(' ') ?? [];
  return {
    haproxy: haproxy === undefined ? null : { ...haproxy, env: {}, leaveOut },
    keepalived: configs.filter(({ file }) => file.endsWith('.conf')),
    options: {
      readInclude: () => [],
      readScript: (path) => files.get(path) ?? null,
      configId: null,
    },
    here: { name: 'lb1', address: '10.0.0.77' },
    modern: /^# modern$/m.test(head),
  };
}

type Read = {
  readonly frontends: readonly FrontendConfig[];
  readonly backends: readonly BackendConfig[];
  readonly vrrp: VrrpConfig | null;
};

/** The result as the node reads it whose keepalived.conf is the one at `index`. */
function readNew(text: string, node: string): Read {
  const { config, diagnostics } = parseNative('evergate.yaml', text, {
    hostName: null,
    localAddresses: [],
    node,
    canRedirect: true,
    fileExists: () => false,
    groupExists: () => true,
    mustBeNode: false,
  });
  assert.ok(config !== null, `${diagnostics.map(formatDiagnostic).join('\n')}\n${text}`);
  const { balancer, vrrp } = config;
  return { frontends: balancer?.frontends ?? [], backends: balancer?.backends ?? [], vrrp };
}

/** Names that the frontends' routes ask for, and some that no route asks for. */
function samplesOf(frontends: readonly FrontendConfig[]): readonly (string | typeof ABSENT)[] {
  const tests = frontends.flatMap(({ routes = [] }) =>
    routes.flatMap(({ when }) => when.anyOf.flat().flatMap((term) => term.tests)),
  );
  const patterns = tests.flatMap(({ match }) => (match.kind === 'texts' ? match.patterns : []));
  const named = patterns.flatMap((each) => {
    const bare = each.replace(/^\.+/, '');
    return [bare, `x.${bare}`, `x.y.${bare}`, `x${bare}`, `${bare}.x`];
  });
  return [...new Set(named), 'elsewhere.test', ABSENT];
}

/** Where clients go that say these names. A rule that asks for something else is asked by a client of nowhere. */
function leadsTo(
  { backend, routes = [] }: FrontendConfig,
  { backends }: Pick<Read, 'backends'>,
  samples: readonly (string | typeof ABSENT)[],
): readonly string[] {
  const names = { backends: backends.map(({ name }) => name), tables: [] };
  const compiled = compileRoutes(routes, names);
  const serversOf = (name: string | undefined): string =>
    (backends.find((each) => each.name === name)?.servers ?? [])
      .map(({ host, port }) => `${host} ${port}`)
      .toSorted()
      .join();
  return samples.map((name) => {
    const at = routeOf(compiled, {
      source: () => ABSENT,
      destination: () => ABSENT,
      sourcePort: () => ABSENT,
      destinationPort: () => ABSENT,
      usableServers: () => 1,
      ofSource: () => ABSENT,
      tracked: () => ABSENT,
      helloType: () => 1,
      serverName: () => name,
      received: () => 100,
      moreComes: () => false,
    });
    return `${String(name)}: ${serversOf(names.backends[at] ?? backend)}`;
  });
}

/** By the key of evergate.yaml. */
type Meaning = ReadonlyMap<string, unknown>;

function listenMeaning({ binds }: FrontendConfig): readonly string[] {
  return binds.map(({ address }) =>
    address.kind === 'unix' ? address.path : `${address.host} ${address.port}`,
  );
}

function shorter(...times: readonly (number | null)[]): number {
  return Math.min(
    ...times.map((time) => (time === null || time === 0 ? Number.MAX_SAFE_INTEGER : time)),
  );
}

function balancerMeaning(frontend: FrontendConfig, backend: BackendConfig): Meaning {
  const [first] = backend.servers;
  const silence = shorter(frontend.clientTimeoutMs, backend.serverTimeoutMs);
  return new Map<string, unknown>([
    ['listen', listenMeaning(frontend)],
    [
      'servers',
      backend.servers.map(({ host, port, weight, backup, disabled, connectionsMax, sendProxy }) =>
        [host, port, weight, backup, disabled, connectionsMax, sendProxy].join(' '),
      ),
    ],
    ['slowstart', backend.servers.map(({ slowstartMs }) => slowstartMs ?? 0)],
    ['balance', backend.balance.kind],
    ['retries', backend.retries],
    ['timeouts.connect', backend.connectTimeoutMs],
    ['timeouts.handshake', silence],
    ['timeouts.idle', backend.tunnelTimeoutMs ?? silence],
    ['clients.accept-proxy', frontend.acceptProxy === true],
    ['hedge', [backend.hedgeConnectMs, backend.hedgeAfterMs]],
    ['admission', backend.admission],
    ['rebalance', backend.rebalance],
    ['check.type', first?.follows === undefined ? first?.check?.kind : 'follows'],
    ['check.interval', first?.check?.intervalMs],
    ['check.rise', first?.check?.rise],
    ['check.fall', first?.check?.fall],
  ]);
}

function vrrpMeaning(instance: VrrpInstanceConfig): Meaning {
  return new Map<string, unknown>([
    ['vip', instance.addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`)],
    ['vrrp.interface', instance.interface],
    ['vrrp.router-id', instance.virtualRouterId],
    ['vrrp.interval', instance.advertIntervalMs],
    ['vrrp.preempt', [instance.preempt, instance.preempt ? instance.preemptDelayMs : 0]],
    ['vrrp.transport', instance.transport.kind],
    ['vrrp.garp', [instance.garp.repeat, instance.garp.delayMs, instance.garp.refreshMs]],
    ['priority', instance.priority],
    [
      'notify',
      [instance.notify.master?.argv, instance.notify.backup?.argv, instance.notify.fault?.argv],
    ],
  ]);
}

/** Of an instance that holds the VIPs of others as well, this one's. */
function meaningFor(old: VrrpInstanceConfig, now: VrrpInstanceConfig | undefined): Meaning {
  if (now === undefined) return new Map();
  const own = old.addresses.map(({ address }) => address);
  const addresses = now.addresses.filter(({ address }) => own.includes(address));
  return vrrpMeaning({ ...now, addresses });
}

/** Keys that --modern gives other values. */
const MODERNISED =
  /^(balance|retries|timeouts|hedge|admission|rebalance|slowstart|check|priority|vrrp\.(interval|preempt|transport|garp))/;

/** A remark about a block is one about what is in it, and one about a service's key is one about that key. */
function isAbout(said: string, key: string): boolean {
  const own = said.replace(/^services\.[^.]+\.?(?=.)/, '');
  return own === key || (own !== '' && key.startsWith(`${own}.`)) || own.startsWith(`${key}.`);
}

function compare(before: Meaning, after: Meaning, imported: Imported, modern: boolean): void {
  for (const [key, value] of before) {
    if (modern && MODERNISED.test(key)) continue;
    const inOrder = (each: unknown): unknown =>
      modern && key === 'servers' ? (each as readonly string[]).toSorted() : each;
    if (JSON.stringify(inOrder(value)) === JSON.stringify(inOrder(after.get(key)))) continue;
    const isTold = imported.remarks.some((each) => isAbout(each.key, key));
    const values = `${JSON.stringify(value)} -> ${JSON.stringify(after.get(key))}`;
    assert.ok(isTold, `${key}: ${values}, and nobody says so\n${imported.text}`);
  }
}

/** Fails where the result is another configuration than the old one and no remark says so. */
export function assertSameMeaning(sources: ImportSources, imported: Imported): void {
  const { text } = imported;
  if (text === null) return;
  const { haproxy, keepalived, modern } = sources;
  const { nodes } = parse(text) as { readonly nodes: Readonly<Record<string, unknown>> };
  const [anyNode = ''] = Object.keys(nodes);
  const old =
    haproxy === null ? null : parseHaproxy(haproxy.file, haproxy.text, {}, haproxy.leaveOut).config;
  const fresh = readNew(text, anyNode);
  for (const frontend of old?.frontends ?? []) {
    const backend = old?.backends.find(({ name }) => name === frontend.backend);
    const name = listenMeaning(frontend).join();
    // A port that the servers have, too, is redirected to the one 2000 above.
    const redirected = name.replaceAll(/\d+(?=,|$)/g, (port) => String(Number(port) + 2000));
    const now = [name, redirected]
      .flatMap(
        (listens) =>
          fresh.frontends.find((each) => listens.includes(listenMeaning(each).join())) ?? [],
      )
      .at(0);
    const servers = fresh.backends.find((each) => each.name === now?.backend);
    const samples = samplesOf([frontend, ...(now === undefined ? [] : [now])]);
    if (old !== null) {
      const before = new Map([['names', leadsTo(frontend, old, samples)]]);
      const after = new Map([['names', now === undefined ? [] : leadsTo(now, fresh, samples)]]);
      compare(before, after, imported, modern);
    }
    if (backend === undefined || backend.servers.length === 0) continue;
    const after =
      now === undefined || servers === undefined ? new Map() : balancerMeaning(now, servers);
    compare(balancerMeaning(frontend, backend), after, imported, modern);
  }
  const all = { ...sources.options, keepScripts: false, balancerHere: haproxy !== null };
  for (const source of keepalived) {
    const { config } = parseKeepalived(source.file, source.text, all);
    const isOwn = (name: string): boolean =>
      new RegExp(`^  ${RegExp.escape(name)}: .*# ${RegExp.escape(source.file)}$`, 'm').test(text);
    const own = Object.keys(nodes).find(isOwn) ?? anyNode;
    const { vrrp } = readNew(text, own);
    for (const instance of config?.instances ?? []) {
      const vip = instance.addresses[0]?.address;
      const now = vrrp?.instances.find(({ addresses }) =>
        addresses.some(({ address }) => address === vip),
      );
      compare(vrrpMeaning(instance), meaningFor(instance, now), imported, modern);
    }
  }
}
