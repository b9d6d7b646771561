/**
 * Keeps servers that are given by names where their names lead: who follows which name, and what an answer means for
 * them. Names are asked for here, where there are no rights; nobody waits for an answer.
 */

import type { ServerAddress } from '../../balance/snapshot.ts';
import type { BalancerConfig } from '../../config/model/config.ts';
import type { NameConfig, ResolversConfig } from '../../config/model/names.ts';
import { assert } from '../../core/assert.ts';
import type { Ask } from '../../lookup/ask.ts';
import { NameLoop } from '../../lookup/name-loop.ts';
import type { Answer, Question, Target } from '../../names/answer.ts';
import { type Assigned, assign } from '../../names/assign.ts';
import { KEEP_FOR_GOOD, lossOf } from '../../names/knowledge.ts';
import { LOSS_TEXTS, NO_ADDRESS_LEFT, NO_RECORD_LEFT } from '../../names/losses.ts';
import { askAgainMs } from '../../names/schedule.ts';
import { weightOfRecord } from '../../names/service-weight.ts';

/** What following names needs of the server table. */
export type NamedServers = {
  address(backend: number, server: number): ServerAddress | null;
  /** Whether checks, if there are any, find it. */
  isUp(backend: number, server: number): boolean;
  setAddress(backend: number, server: number, place: ServerAddress | null, cause: string): void;
  setWeight(backend: number, server: number, weight: number): void;
};

export type NameAsks = {
  readonly system: () => Ask;
  readonly nameservers: (config: ResolversConfig) => Ask;
};

type Names = Pick<BalancerConfig, 'backends' | 'resolvers'>;

type Follower = {
  readonly backend: number;
  readonly server: number;
  readonly port: number;
  readonly config: NameConfig;
};

type Watched = {
  readonly question: Question;
  readonly loop: NameLoop;
  /** Name of its section; null: the system. */
  readonly resolvers: string | null;
  followers: readonly Follower[];
};

export class ServerNames {
  readonly #servers: NamedServers;
  readonly #asks: NameAsks;
  readonly #now: () => number;
  /** By resolvers, kind and name; those of hosts that a service names, too. */
  readonly #watched = new Map<string, Watched>();
  #askers = new Map<string | null, Ask>();
  #config: Names = { backends: [] };
  #started = false;

  /** `now`: monotonic, ms. */
  constructor(servers: NamedServers, asks: NameAsks, now: () => number) {
    this.#servers = servers;
    this.#asks = asks;
    this.#now = now;
  }

  start(config: Names): void {
    this.#started = true;
    this.reconfigure(config);
  }

  /** What is known of a name that stays with the same section goes on to count. */
  reconfigure(config: Names): void {
    if (!this.#started) return;
    const before = this.#config;
    this.#config = config;
    this.#askers = new Map();
    const sections = [...(before.resolvers ?? []), ...(config.resolvers ?? [])];
    const changed = sections.filter(({ name }) => !isSameSection(before, config, name));
    for (const watched of this.#watched.values()) {
      if (changed.some(({ name }) => name === watched.resolvers)) this.#end(watched);
      watched.followers = [];
    }
    for (const [key, followers] of followersOf(config)) {
      const [first] = followers;
      if (first === undefined) continue;
      const { host = '' } = config.backends[first.backend]?.servers[first.server] ?? {};
      const question = { kind: first.config.kind, name: host };
      this.#watch(key, question, first.config.resolvers).followers = followers;
    }
    for (const watched of this.#watched.values()) this.#apply(watched);
    this.#endUnused();
  }

  /** The server went down, or did not take a connection. */
  askSoon(backend: number, server: number): void {
    for (const watched of this.#watched.values()) {
      const follows = watched.followers.some(
        (one) => one.backend === backend && one.server === server,
      );
      if (!follows) continue;
      watched.loop.askSoon();
      for (const host of this.#hostsOf(watched)) host.loop.askSoon();
    }
  }

  stop(): void {
    this.#started = false;
    for (const watched of this.#watched.values()) this.#end(watched);
  }

  #watch(key: string, question: Question, resolvers: string | null): Watched {
    const known = this.#watched.get(key);
    if (known !== undefined) return known;
    const section = this.#config.resolvers?.find(({ name }) => name === resolvers);
    assert(resolvers === null || section !== undefined, 'resolvers that a server names are there');
    const loop = new NameLoop({
      question,
      ask: this.#askOf(resolvers, section),
      hold: section?.holdMs ?? KEEP_FOR_GOOD,
      pauseMs: (answer) => section?.intervalMs ?? this.#pauseMs(key, answer),
      now: this.#now,
      onLearned: () => this.#learned(key),
    });
    const watched: Watched = { question, loop, resolvers, followers: [] };
    this.#watched.set(key, watched);
    return watched;
  }

  #askOf(resolvers: string | null, section: ResolversConfig | undefined): Ask {
    const known = this.#askers.get(resolvers);
    if (known !== undefined) return known;
    const ask = section === undefined ? this.#asks.system() : this.#asks.nameservers(section);
    this.#askers.set(resolvers, ask);
    return ask;
  }

  #pauseMs(key: string, answer: Answer): number {
    const followers = this.#watched.get(key)?.followers ?? [];
    const trouble = followers.some(({ backend, server }) => !this.#servers.isUp(backend, server));
    return askAgainMs(answer, trouble);
  }

  #learned(key: string): void {
    const watched = this.#watched.get(key);
    assert(watched !== undefined, 'a name that is asked for is watched');
    if (watched.question.kind === 'service') this.#watchHosts(watched);
    this.#apply(watched);
    for (const other of [...this.#watched.values()]) {
      if (this.#hostsOf(other).includes(watched)) this.#apply(other);
    }
    if (watched.question.kind === 'service') this.#endUnused();
  }

  #watchHosts({ loop, resolvers }: Watched): void {
    for (const { host } of loop.knowledge.known) {
      const question: Question = { kind: 'addresses', name: host };
      this.#watch(keyOf(resolvers, question), question, resolvers);
    }
  }

  /** The hosts that a service names now. */
  #hostsOf({ question, loop, resolvers }: Watched): readonly Watched[] {
    if (question.kind !== 'service') return [];
    return loop.knowledge.known.flatMap(({ host }) => {
      const one = this.#watched.get(keyOf(resolvers, { kind: 'addresses', name: host }));
      return one === undefined ? [] : [one];
    });
  }

  #apply(watched: Watched): void {
    const { loop, question, followers } = watched;
    const { outcome, by } = loop.knowledge;
    const loss = lossOf(loop.knowledge, loop.hold, this.#now());
    if (loss === null && outcome !== 'valid') return;
    const hosts = this.#hostsOf(watched);
    if (hosts.some((host) => host.loop.knowledge.outcome === null)) return;
    const noneLeft = question.kind === 'service' ? NO_RECORD_LEFT : NO_ADDRESS_LEFT;
    const cause = loss === null ? noneLeft : LOSS_TEXTS[loss];
    for (const group of Map.groupBy(followers, ({ backend }) => backend).values()) {
      const claimants = group.map(({ backend, server, port, config }) => {
        return { ...config, port, current: this.#servers.address(backend, server) };
      });
      const places = assign(claimants, this.#targetsOf(watched, group[0]?.config));
      for (const [index, follower] of group.entries()) {
        this.#place(follower, places[index] ?? null, cause, by);
      }
    }
  }

  /** Where the name leads now. */
  #targetsOf(watched: Watched, config: NameConfig | undefined): readonly Target[] {
    const { known } = watched.loop.knowledge;
    if (watched.question.kind === 'addresses') return known;
    return known.flatMap(({ host, port, weight }) => {
      const one = this.#watched.get(keyOf(watched.resolvers, { kind: 'addresses', name: host }));
      const addresses = (one?.loop.knowledge.known ?? []).map((target) => target.host);
      const isPreferred = (address: string) =>
        address.includes(':') === (config?.prefer === 'ipv6');
      const address = addresses.find(isPreferred) ?? addresses[0];
      return address === undefined ? [] : [{ host: address, name: host, port, weight }];
    });
  }

  #place(
    { backend, server, config }: Follower,
    place: Assigned | null,
    cause: string,
    by: string,
  ): void {
    if (place === null) {
      this.#servers.setAddress(backend, server, null, cause);
      return;
    }
    const { weight, ...address } = place;
    this.#servers.setAddress(backend, server, address, by);
    if (weight === null || config.ownWeight === true) return;
    this.#servers.setWeight(backend, server, weightOfRecord(weight));
  }

  /** Names that nobody follows, and no service names. */
  #endUnused(): void {
    const hosts = new Set([...this.#watched.values()].flatMap((one) => this.#hostsOf(one)));
    for (const watched of this.#watched.values()) {
      if (watched.followers.length === 0 && !hosts.has(watched)) this.#end(watched);
    }
  }

  #end(watched: Watched): void {
    watched.loop.end();
    this.#watched.delete(keyOf(watched.resolvers, watched.question));
  }
}

function followersOf({ backends }: Names): ReadonlyMap<string, readonly Follower[]> {
  const all = backends.flatMap(({ servers }, backend) =>
    servers.flatMap(({ host, port, resolution: config }, server) => {
      if (config === undefined) return [];
      const key = keyOf(config.resolvers, { kind: config.kind, name: host });
      return [{ key, follower: { backend, server, port, config } }];
    }),
  );
  const groups = Map.groupBy(all, ({ key }) => key);
  return new Map(
    [...groups].map(([key, members]) => [key, members.map(({ follower }) => follower)]),
  );
}

function keyOf(resolvers: string | null, { kind, name }: Question): string {
  return `${resolvers ?? ''} ${kind} ${name.toLowerCase()}`;
}

function isSameSection(before: Names, after: Names, name: string): boolean {
  const text = ({ resolvers = [] }: Names) =>
    JSON.stringify(resolvers.find((section) => section.name === name));
  return text(before) === text(after);
}
