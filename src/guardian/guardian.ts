/**
 * Process 1 of a node: owns the listening sockets, the election and through it the VIP; supervises the
 * balancer; runs track scripts; answers on the admin socket. Everything it opens it closes again, also
 * when a later step of its start fails.
 */

import type { NameAddresses } from '../config/evergate-yaml/draft.ts';
import type { Config } from '../config/model/config.ts';
import type { StartPrivilegedPlane } from '../contracts/data-plane.ts';
import type { Election, ElectionEvent, ElectionSection, Elections } from '../contracts/election.ts';
import { OperationalError } from '../core/errors.ts';
import { systemAsk } from '../lookup/ask-system.ts';
import { judge, type StatusReport } from '../stats/status.ts';
import { openAdminServer } from './admin-server.ts';
import { setDrained } from './answers.ts';
import { type Applied, applyConfig } from './apply-config.ts';
import { KubeletWatch } from './kubelet-watch.ts';
import { type Listeners, openListeners } from './listeners.ts';
import type { Log } from './log.ts';
import { NodeNames } from './node-names.ts';
import { Notifier } from './notifier.ts';
import type { Outputs } from './output/standard-streams.ts';
import { Neighbours } from './peers/neighbours.ts';
import type { ServerOrder } from './peers/peer-channel.ts';
import { ReaperKeeper } from './reaper/keeper.ts';
import type { ReaperOrder } from './reaper/order.ts';
import { Redirects, redirectTable } from './redirects/redirects.ts';
import { type ReadConfig, Reloader, type ReloadResult } from './reload.ts';
import { type ChildRole, eventsPath, mastershipPath, RunDir } from './run-dir.ts';
import { CancelledStart, unlessAborted } from './service/cancelled-start.ts';
import type { DescriptorStore } from './service/descriptor-store.ts';
import type { ServiceManager } from './service/service-manager.ts';
import { chooseAccounts } from './service-account.ts';
import { StatusSocket } from './status-socket.ts';
import type { BalancerShell } from './supervision/balancer-shell.ts';
import { Supervisor } from './supervision/supervisor.ts';
import { Orphans } from './takeover/orphans.ts';
import { electionNews } from './timeline/election-news.ts';
import { Timeline } from './timeline/timeline.ts';
import { Tracking } from './tracking.ts';

/** How long open connections may finish after the VIP is released and listeners are closed. */
const STOP_GRACE_MS = 1000;

/** How much longer than the VIP a balancer lives without its guardian, and its least. */
const ORPHAN_MARGIN_MS = 1000;
const ORPHAN_MS_MIN = 5000;

/** How long notify scripts may go on once the VIP is released. */
const NOTIFY_GRACE_MS = 2000;

/** How often the balancer is told what its metrics say of the node. */
const FACTS_INTERVAL_MS = 1000;

export type GuardianOptions = {
  readonly config: Config;
  readonly elections: Elections;
  /** Starts the half of the data plane that has rights; its other half is in the balancer. */
  readonly startPrivilegedPlane: StartPrivilegedPlane;
  readonly node: string;
  /** Where the names of its nodes lead; absent: no node is given by one. */
  readonly names?: NameAddresses;
  /** Reads the files again, for a reload. */
  readonly read: () => Promise<ReadConfig>;
  readonly version: string;
  readonly runDir: string;
  readonly balancerGraceMs: number;
  /** Keep a second balancer that waits to take over. */
  readonly spare: boolean;
  /** A process that becomes the first balancer, if there is to be one; who gives it drops it where it is not taken. */
  readonly shell: BalancerShell | null;
  readonly log: Log;
  /** Is told when the node works, and that it goes on working. */
  readonly manager: ServiceManager;
  /** Keeps listening sockets for the guardian that follows, and has those of the one before. */
  readonly store: DescriptorStore;
  /** Where the standard streams of balancers go. */
  readonly outputs: Outputs;
  /** Ends the start, at its next step; its reason is a CancelledStart. */
  readonly cancel: AbortSignal;
  /** The guardian cannot go on; it is to be stopped and the process to end with exit code 1. */
  readonly onFailure: (text: string) => void;
};

/** One thing that was opened and how to close it. */
type Closer = () => void | Promise<void>;

export class Guardian {
  readonly #options: GuardianOptions;
  readonly #startedAt = performance.now();
  readonly #closers: Closer[] = [];
  readonly #timeline: Timeline;
  readonly #reloader: Reloader;
  #config: Config;
  /** Of the configuration; null: it asks for no election. */
  #section: ElectionSection | null;
  #node: string;
  #listeners: Listeners | null = null;
  #supervisor: Supervisor | null = null;
  #election: Election | null = null;
  #tracking: Tracking | null = null;
  #notifier: Notifier | null = null;
  readonly #kubelet = new KubeletWatch();
  readonly #nodeNames: NodeNames;
  #reaper: ReaperKeeper | null = null;
  #statusSocket: StatusSocket | null = null;
  readonly #redirects: Redirects;
  readonly #neighbours: Neighbours;
  #orphans: Orphans | null = null;
  #serving = false;
  #isUp = false;
  /** Why a pid could not be written down during the start. */
  #unnoted: OperationalError | null = null;

  private constructor(options: GuardianOptions) {
    this.#timeline = new Timeline({
      log: options.log,
      node: () => this.#node,
      now: Date.now,
    });
    this.#options = { ...options, log: this.#timeline.log };
    this.#config = options.config;
    this.#section = options.elections.sectionOf(options.config);
    this.#node = options.node;
    this.#redirects = new Redirects(options.runDir, this.#options.log);
    this.#nodeNames = new NodeNames({
      ask: systemAsk(),
      now: () => performance.now(),
      onMoved: (name) => void this.reload(`the name "${name}" leads elsewhere`),
    });
    this.#neighbours = new Neighbours({
      log: this.#options.log,
      config: () => this.#config,
      node: () => this.#node,
      instances: () => this.#election?.status() ?? [],
      setServer: (order) => this.#setServer(order),
      onClock: ({ addresses }, utcLessBootMs) =>
        this.#election?.learnClock(addresses, utcLessBootMs),
    });
    this.#reloader = new Reloader({
      read: options.read,
      apply: (read) => this.#apply(read),
      log: this.#options.log,
      now: () => new Date(),
    });
  }

  /** The log, and with details the timeline. */
  get log(): Log {
    return this.#options.log;
  }

  /**
   * Resolves when the node works; throws OperationalError, or CancelledStart, with nothing left behind. Where that hands
   * over, the process is to end as it is then.
   */
  static async start(options: GuardianOptions): Promise<Guardian> {
    const guardian = new Guardian(options);
    try {
      await guardian.#open();
      return guardian;
    } catch (error) {
      const handsOver = error instanceof CancelledStart && error.handsOver;
      await (handsOver ? guardian.#leaveStart() : guardian.stop());
      throw error;
    }
  }

  /** As before a kill: what has served until now goes on, or else what does now. */
  async #leaveStart(): Promise<void> {
    if (this.#orphans?.serves === true) {
      await this.#supervisor?.stop(0);
      this.#orphans.leave();
    } else if (this.#config.balancer !== null && !this.#serving) {
      return this.stop();
    }
    await this.prepareToLeave();
  }

  async status(): Promise<StatusReport> {
    const vrrp = this.#neighbours.ownership();
    const { status: redirects } = this.#redirects;
    const report = {
      node: this.#node,
      version: this.#options.version,
      pid: process.pid,
      uptimeMs: Math.round(performance.now() - this.#startedAt),
      balancer: (await this.#supervisor?.status()) ?? null,
      vrrp,
      addresses: vrrp.flatMap((instance) => (instance.held ? instance.addresses : [])),
      ...(redirects === undefined ? {} : { redirects }),
      ...this.#neighbours.status(),
      scripts: this.#tracking?.status() ?? [],
      configuration: this.#reloader.status,
      notes: this.#notes(),
    };
    return { ...report, ...judge(report) };
  }

  /** Reads the configuration again and goes on by it, or says why not. `asker`: for the log. */
  reload(asker: string): Promise<ReloadResult> {
    return this.#options.manager.reload(() => this.#reloader.reload(asker));
  }

  async #apply({ config, node, names }: ReadConfig): Promise<Applied> {
    const parts = {
      listeners: this.#listeners,
      redirects: this.#redirects,
      supervisor: this.#supervisor,
      election: this.#election,
      notifier: this.#notifier,
      tracking: this.#tracking,
      statusSocket: this.#statusSocket,
    };
    const section = this.#options.elections.sectionOf(config);
    const before = { config: this.#config, section: this.#section };
    const applied = await applyConfig(parts, before, { config, section });
    this.#config = config;
    this.#section = section;
    this.#followNames(names);
    if (section !== null) this.#reaper?.tell(this.#reaperOrder(section));
    this.#node = node ?? this.#options.node;
    this.#neighbours.follow();
    return applied;
  }

  /** Only an election has to know where other nodes are. */
  #followNames(names: NameAddresses = {}): void {
    this.#nodeNames.follow(this.#section === null ? {} : names);
  }

  #notes(): readonly string[] {
    const { refused } = this.#reloader.status;
    const vip = this.#section?.config.instances[0]?.addresses[0]?.address;
    const kubelet = this.#kubelet.note(vip, performance.now());
    const notes = [
      ...(this.#config.notes ?? []),
      ...this.#neighbours.notes(),
      ...(kubelet === null ? [] : [kubelet]),
    ];
    if (refused === null) return notes;
    const text = `The reload at ${refused.at} was refused, the configuration of before runs on`;
    return [`${text}: ${refused.reason}`, ...notes];
  }

  /**
   * Has other nodes wait for the process that follows. After that this one is to end with nothing released. Never
   * rejects: at worst they wait no longer than usual.
   */
  async prepareToLeave(): Promise<void> {
    await this.#reloader.close();
    if (this.#section === null || this.#election === null) return;
    const section = this.#section.patient();
    try {
      await this.#election.reload(section);
      this.#reaper?.tell(this.#reaperOrder(section));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#options.log('warning', `Other nodes may take the VIP over: ${error.message}`);
    }
  }

  /** Releases the VIP first, then lets connections finish, then closes the rest. May be called twice. */
  async stop(): Promise<void> {
    await this.#reloader.close();
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      await closer();
    }
  }

  async #open(): Promise<void> {
    const { log, cancel } = this.#options;
    const config = this.#config;
    const runDir = new RunDir(this.#options.runDir);
    this.#closers.push(() => runDir.release());
    this.#timeline.follow(eventsPath(runDir.path));
    this.#closers.push(() => this.#timeline.close());
    const { store } = this.#options;
    const orphans = new Orphans(runDir, store, log);
    this.#orphans = orphans;
    this.#closers.push(() => orphans.close());
    cancel.throwIfAborted();
    if (config.balancer === null) await orphans.end();
    else await this.#openBalancer(config.balancer, runDir, orphans);
    // Before the election, which holds what others sign against their clocks.
    this.#neighbours.follow();
    this.#closers.push(() => this.#neighbours.close());
    cancel.throwIfAborted();
    if (this.#section !== null) await this.#openElection(this.#section, runDir, orphans);
    await unlessAborted(this.#supervisor?.started() ?? Promise.resolve(), cancel);
    if (this.#unnoted !== null) throw this.#unnoted;
    this.#isUp = true;
    this.#tellFacts();
    this.#closers.push(() => this.#nodeNames.stop());
    this.#followNames(this.#options.names);
    orphans.retire();
    this.#listeners?.keepIn(store);
    store.forgetRest();
    const admin = await openAdminServer(runDir.adminSocket, {
      status: () => this.status(),
      reload: () => this.reload('evergate reload'),
      setServer: (order) => this.#setServer(order),
      setServerEverywhere: (order) => this.#neighbours.setServerEverywhere(order),
      setDrained: (drained) =>
        setDrained(this.#election, drained, () => this.#neighbours.ownership(), log),
    });
    this.#closers.push(() => admin.close());
    const statusSocket = new StatusSocket(
      runDir.statusSocket,
      () => this.status(),
      (gid) => this.#timeline.showTo(gid),
    );
    this.#statusSocket = statusSocket;
    this.#closers.push(() => statusSocket.close());
    this.#timeline.keep();
    await statusSocket.open(config.statusGroup);
    cancel.throwIfAborted();
    const started = { kind: 'guardian', to: 'started', pid: process.pid } as const;
    log('info', `Node ${this.#node} is up; admin socket ${runDir.adminSocket}`, started);
    this.#options.manager.ready([
      ...(this.#supervisor === null ? [] : (['supervision'] as const)),
      ...(this.#election === null ? [] : (['election'] as const)),
    ]);
  }

  /** At the start a disk that is full refuses it; later it ends nothing. */
  #notePid(runDir: RunDir, role: ChildRole, pid: number): void {
    try {
      runDir.writePid(role, pid);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (!this.#isUp) this.#unnoted ??= error;
      else this.#options.log('warning', `The pid of the ${role} is not noted: ${error.message}`);
    }
  }

  /** null: done; otherwise what is wrong. */
  async #setServer({ backend, server, state }: ServerOrder): Promise<string | null> {
    if (this.#supervisor === null) return 'No balancer runs here';
    return this.#supervisor.setServer(backend, server, state);
  }

  /** Pushed, so that the guardian waits for nobody (docs/adr/0008). */
  #tellFacts(): void {
    const supervisor = this.#supervisor;
    if (supervisor === null) return;
    const { node, version } = this.#options;
    const tell = (): void => {
      supervisor.tell({
        node,
        version,
        vrrp: this.#neighbours.ownership(),
        moves: this.#timeline.moves,
      });
      this.#neighbours.look();
    };
    const timer = setInterval(tell, FACTS_INTERVAL_MS);
    this.#closers.push(() => clearInterval(timer));
    tell();
  }

  async #openBalancer(
    config: NonNullable<Config['balancer']>,
    runDir: RunDir,
    orphans: Orphans,
  ): Promise<void> {
    // What it puts into the kernel is there before anybody can connect, and after nobody can any more.
    const plane = await this.#options.startPrivilegedPlane(config);
    this.#closers.push(() => plane.stop());
    const left = await orphans.takeSockets();
    const { count } = left;
    const listeners = await openListeners(config, plane.sockets, left);
    orphans.tellTaken(count);
    this.#listeners = listeners;
    this.#closers.push(() => listeners.close());
    this.#closers.push(() => this.#redirects.stop());
    await this.#redirects.change(this.#config.redirects ?? []);
    this.#serving = orphans.serves;
    const accounts = chooseAccounts(config.process, runDir.path);
    for (const { level, text } of accounts.lines) this.#options.log(level, text);
    const supervisor = new Supervisor({
      config,
      accounts,
      plane,
      sockets: listeners.sockets,
      graceMs: this.#options.balancerGraceMs,
      orphanMs: orphanMs(this.#section),
      relieves: this.#serving,
      spare: this.#options.spare,
      shell: this.#options.shell,
      log: this.#options.log,
      outputs: this.#options.outputs,
      onTurn: () => this.#options.manager.turned('supervision'),
      onServing: (serving, why) => this.#onServing(serving, why),
      onPid: (role, pid) => this.#notePid(runDir, role, pid),
      onReload: async () => {
        const { applied, lines } = await this.reload('runtime socket');
        return [`Success=${applied ? 1 : 0}`, '--', ...lines].map((line) => `${line}\n`).join('');
      },
    });
    this.#supervisor = supervisor;
    this.#closers.push(() => supervisor.stop(STOP_GRACE_MS));
  }

  async #openElection(section: ElectionSection, runDir: RunDir, orphans: Orphans): Promise<void> {
    const { config } = section;
    const notifier = new Notifier(config, this.#options.log);
    this.#notifier = notifier;
    this.#closers.push(() => notifier.close(NOTIFY_GRACE_MS));
    const mastership = runDir.prepareMastership();
    const onEvent = (event: ElectionEvent) => this.#onElection(event);
    const election = await this.#options.elections.start(section, mastership, onEvent, () =>
      orphans.endReaper(),
    );
    this.#election = election;
    this.#neighbours.tellClocks();
    // The reaper of before, which is gone now, may have removed the table.
    this.#redirects.look();
    // Closed in the other order: until the addresses are gone there is a reaper.
    const reaper = new ReaperKeeper({
      estateModule: section.estateModule,
      order: this.#reaperOrder(section),
      log: this.#options.log,
      onPid: (pid) => this.#notePid(runDir, 'reaper', pid),
    });
    this.#reaper = reaper;
    this.#closers.push(() => reaper.stop());
    this.#closers.push(() => election.stop());
    const tracking = new Tracking(config, election, this.#options.log, this.#serving);
    this.#tracking = tracking;
    this.#closers.push(() => tracking.stop());
  }

  #reaperOrder(section: ElectionSection): ReaperOrder {
    const { runDir } = this.#options;
    const balancerIn = this.#config.balancer === null ? null : runDir;
    const redirects = (this.#config.redirects ?? []).length > 0 ? redirectTable(runDir) : null;
    return { estate: section.estate(mastershipPath(runDir)), balancerIn, redirects };
  }

  #onServing(serving: boolean, why: string): void {
    this.#serving = serving;
    this.#tracking?.setServing(serving);
    const to = serving ? 'counts' : 'counts-not';
    this.log(serving ? 'info' : 'error', why, { kind: 'balancer', to, why });
  }

  #onElection(event: ElectionEvent): void {
    const news = electionNews(event, {
      names: this.#neighbours.names,
      instances: this.#section?.config.instances ?? [],
      serving: this.#supervisor === null ? undefined : this.#serving,
    });
    if (news !== null) this.log(news.level, news.text, news.detail);
    switch (event.kind) {
      case 'transition':
        this.#notifier?.instance(event.instance, event.to, event.priority);
        if (event.to === 'master') this.#neighbours.tookOver(event.instance);
        break;
      case 'priority':
        this.#notifier?.priority(event.instance, event.state, event.priority);
        break;
      case 'rival':
        this.#notifier?.rival(event.instance, event.priority);
        break;
      case 'alive':
        this.#options.manager.turned('election');
        break;
      case 'own-address-moved':
        void this.reload("move of the node's address");
        break;
      case 'clock-doubt':
        this.#neighbours.doubtClock(event.address);
        break;
      case 'group':
        this.#notifier?.group(event.group, event.to);
        break;
      case 'failed':
        this.#options.onFailure(event.text);
        break;
    }
  }
}

/** The VIP goes at the latest when the election says that another node has it. */
function orphanMs(section: ElectionSection | null): number {
  if (section === null) return ORPHAN_MS_MIN;
  return Math.max(ORPHAN_MS_MIN, section.patient().heldMsMax + ORPHAN_MARGIN_MS);
}
