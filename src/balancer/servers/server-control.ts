/**
 * What happens to servers, and what follows from it: the table of what is true about them, the checks that
 * feed it, the snapshots that the data plane gets, the sessions that end or move, the lines in the log.
 */

import type { ServerAddress } from '../../balance/snapshot.ts';
import type { BalancerConfig } from '../../config/model/config.ts';
import type { BackendConfig } from '../../config/model/traffic.ts';
import type { DataPlane, DataPlaneEvent } from '../../contracts/data-plane.ts';
import type { ServerChange } from '../../health/server-change.ts';
import { LEVEL_EMERGENCY, LEVEL_WARNING, type ServerMessage } from '../../health/server-events.ts';
import type { AdminState, CheckResult, ServerStateRecord } from '../../health/server-state.ts';
import { nameserverAsk } from '../../lookup/ask-nameservers.ts';
import { systemAsk } from '../../lookup/ask-system.ts';
import type { ServerCounter } from '../../stats/catalogue.ts';
import { ApartChecks } from '../checks/apart-checks.ts';
import { Checker } from '../checks/checker.ts';
import { EventLogWriter } from '../event-log-writer.ts';
import { ServerNames } from '../names/server-names.ts';
import { canMove, missingAbilities } from '../plane-abilities.ts';
import { Rebalancer } from '../rebalancer.ts';
import type { Traffic } from '../traffic.ts';
import { isServing, weightOf } from './server-entry.ts';
import { ServerTable } from './server-table.ts';

export type ServerControlEvents = {
  /** Every change of the servers, for a successor. */
  servers(records: readonly ServerStateRecord[]): void;
  log(level: 'info' | 'warning' | 'error', text: string, change?: ServerChange): void;
  /** Asks for a check that needs a secret. */
  check: ConstructorParameters<typeof ApartChecks>[0];
};

type ConnectFailure = Extract<DataPlaneEvent, { readonly kind: 'connect-failed' }>;

export class ServerControl {
  readonly table: ServerTable;
  readonly #traffic: Readonly<Traffic>;
  readonly #events: ServerControlEvents;
  readonly #apart: ApartChecks;
  readonly #checker: Checker;
  readonly #names: ServerNames;
  readonly #eventLog = new EventLogWriter();
  #rebalancer: Rebalancer | null = null;

  /** `records`: where the previous balancer left the servers. */
  constructor(
    traffic: Readonly<Traffic>,
    records: readonly ServerStateRecord[],
    events: ServerControlEvents,
  ) {
    this.#traffic = traffic;
    this.#events = events;
    const { backends } = traffic.config;
    this.table = new ServerTable({
      backends,
      records,
      now: () => performance.now(),
      sessions: (backend, server) => this.#counter(backend, server, 'sessionsCurrent'),
      connects: (backend, server) => this.#counter(backend, server, 'connects'),
      onDown: (backend, server) => this.#onDown(backend, server),
      onUp: (backend, server) => this.#onUp(backend, server),
      log: (backend, message) => this.#log(backend, message),
      onChange: () => this.#publish(),
    });
    this.#apart = new ApartChecks((asked) => events.check(asked));
    this.#checker = new Checker(
      backends,
      {
        health: (backend, server) => this.table.health(backend, server),
        inMaintenance: (backend, server) => this.table.inMaintenance(backend, server),
        address: (backend, server) => this.table.address(backend, server),
        recordCheck: (backend, server, result) => this.table.recordCheck(backend, server, result),
        heard: (backend, server) => this.#counter(backend, server, 'bytesOut'),
      },
      this.#apart,
    );
    this.#names = new ServerNames(
      {
        address: (backend, server) => this.table.address(backend, server),
        isUp: (backend, server) => isServing(this.table.entry(backend, server)),
        setAddress: (backend, server, place, cause) => {
          this.#setAddress(backend, server, place, cause);
        },
        setWeight: (backend, server, weight) => {
          const before = weightOf(this.table.entry(backend, server));
          if (weight !== before) this.table.setWeight(backend, server, weight);
        },
      },
      { system: systemAsk, nameservers: nameserverAsk },
      () => performance.now(),
    );
  }

  /** Lines of server events that were lost. */
  get logsDropped(): number {
    return this.#eventLog.dropped;
  }

  /** Opens what the log lines of these backends need, while the process may still open it. */
  openLogs({ backends }: BalancerConfig): void {
    this.#eventLog.retarget(backends.flatMap(({ logs }) => logs));
  }

  /** The data plane has started. */
  attach(plane: DataPlane): void {
    this.#tellMissing(plane);
    if (!canMove(plane)) return;
    this.#rebalancer = new Rebalancer({
      table: this.table,
      plane,
      now: () => performance.now(),
      random: Math.random,
      log: (backend, message) => this.#log(backend, message),
    });
  }

  /** What came of a check that was asked for; null: nobody could run it. */
  noteChecked(id: number, result: CheckResult | null): void {
    this.#apart.answer(id, result);
  }

  /** Starts over where another balancer left the servers. */
  restore(records: readonly ServerStateRecord[]): void {
    this.table.restore(records);
    this.#checker.reconfigure(this.#traffic.config.backends);
  }

  /** From now on servers are checked, and looked for where their names lead. */
  startWatching(): void {
    this.#checker.start();
    this.#names.start(this.#traffic.config);
  }

  /** To be called about once a second: weights grow, sessions go back to servers that returned, warnings are told. */
  tick(): void {
    this.table.tellWarnings();
    if (this.table.warms()) this.#traffic.plane?.apply(this.table.snapshot());
    this.#rebalancer?.findReturned();
  }

  /** The traffic's configuration has changed; these backends were there before. */
  reconfigure(before: readonly BackendConfig[]): void {
    const { config, plane } = this.#traffic;
    if (plane !== null) this.#tellMissing(plane);
    this.openLogs(config);
    this.table.reconfigure(config.backends);
    this.#checker.reconfigure(config.backends);
    this.#names.reconfigure(config);
    this.#rebalancer?.reconfigure(before);
  }

  stop(): void {
    this.#checker.stop();
    this.#names.stop();
    this.#rebalancer?.stop();
  }

  closeLogs(): void {
    this.#eventLog.close();
  }

  /** By index. `cause` goes into the log line, with a leading space. */
  setAdmin(backend: number, server: number, admin: AdminState, cause: string): void {
    this.table.setAdmin(backend, server, admin, cause);
    // What was known before a maintenance is stale.
    if (admin !== 'maint') this.#checker.checkSoon(backend, server);
  }

  /** A connect of traffic failed: passive health, and a check at once. */
  noteConnectFailure(failure: ConnectFailure): void {
    const place = this.table.find(failure.backend, failure.server);
    if (place === null) return;
    this.table.recordConnectFailure(place.backend, place.server);
    this.#checker.checkSoon(place.backend, place.server);
    this.#names.askSoon(place.backend, place.server);
  }

  /** By index; false: the data plane cannot. */
  shutdownSessions(backend: number, server: number): boolean {
    const { config, plane } = this.#traffic;
    if (plane?.shutdownSessions === undefined) return false;
    const { name, servers } = config.backends[backend] ?? {};
    const serverName = servers?.[server]?.name;
    if (name !== undefined && serverName !== undefined) plane.shutdownSessions(name, serverName);
    return true;
  }

  #tellMissing(plane: DataPlane): void {
    for (const text of missingAbilities(this.#traffic.config, plane)) {
      this.#events.log('warning', text);
    }
  }

  #publish(): void {
    this.#traffic.plane?.apply(this.table.snapshot());
    this.#events.servers(this.table.records());
  }

  #setAddress(backend: number, server: number, place: ServerAddress | null, cause: string): void {
    const before = this.table.address(backend, server);
    this.table.setAddress(backend, server, place, cause);
    if (this.table.address(backend, server) !== before) this.#checker.retarget(backend, server);
  }

  #onDown(backend: number, server: number): void {
    this.#names.askSoon(backend, server);
    const config = this.#traffic.config.backends[backend]?.servers[server];
    if (config?.shutdownSessionsOnDown === true) this.shutdownSessions(backend, server);
  }

  #onUp(backend: number, server: number): void {
    const servers = this.#traffic.config.backends[backend]?.servers ?? [];
    if (servers[server]?.shutdownBackupsOnUp !== true) return;
    for (const [index, { backup }] of servers.entries()) {
      if (backup) this.shutdownSessions(backend, index);
    }
  }

  #log(backend: number, { level, text, change }: ServerMessage): void {
    this.#eventLog.write(this.#traffic.config.backends[backend]?.logs ?? [], level, text);
    const severity =
      level <= LEVEL_EMERGENCY ? 'error' : level <= LEVEL_WARNING ? 'warning' : 'info';
    this.#events.log(severity, text, change);
  }

  #counter(backend: number, server: number, name: ServerCounter): number {
    const { plane } = this.#traffic;
    return plane === null ? 0 : plane.counters.server(backend, server, name);
  }
}
