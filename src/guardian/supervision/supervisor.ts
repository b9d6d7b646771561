/**
 * Keeps a balancer running: starts it, watches its beats, kills it, replaces it by the spare or by a new
 * one, and says whether this node balances. The decisions are in supervision.ts and beat-monitor.ts.
 */

import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import type { BalancerConfig } from '../../config/model/config.ts';
import type { PrivilegedPlane } from '../../contracts/data-plane.ts';
import type { InheritedListener } from '../../contracts/listeners.ts';
import type { BalancerToGuardian } from '../../contracts/protocol.ts';
import { assert } from '../../core/assert.ts';
import { OperationalError } from '../../core/errors.ts';
import { splitChecks } from '../../health/apart.ts';
import type { AdminState, ServerStateRecord } from '../../health/server-state.ts';
import { SystemError } from '../../linux/errno.ts';
import { listenAgain } from '../../linux/listening.ts';
import type { NodeFacts } from '../../stats/node-facts.ts';
import type { BalancerReport, BalancerStatus } from '../../stats/status.ts';
import type { Log, LogLevel } from '../log.ts';
import type { Outputs } from '../output/standard-streams.ts';
import type { ChildRole } from '../run-dir.ts';
import type { ServiceAccounts } from '../service-account.ts';
import { type BalancerChange, balancerDetail } from '../timeline/balancer-detail.ts';
import { type BalancerEvents, BalancerProcess } from './balancer-process.ts';
import type { BalancerShell } from './balancer-shell.ts';
import { CheckerKeeper } from './checker-keeper.ts';
import { startReplacement } from './replacement.ts';
import { RetiredBalancer } from './retired-balancer.ts';
import { Spare } from './spare.ts';
import {
  type SupervisionEvent,
  type SupervisionState,
  startSupervision,
  superviseStep,
} from './supervision.ts';

const TICK_MS = 25;
const START_LIMIT_MS = 10_000;
/** A report that takes longer is given up; the guardian never waits for a balancer. */
const REPORT_LIMIT_MS = 500;
/** A reload takes a turn of each relay's loop, in which ten thousand sessions may be reset: about a second. */
const RELOAD_LIMIT_MS = 30_000;
/** For what a balancer that has ended logged last. */
const LAST_LINES_MS = 500;
/** Requests to a balancer that are open at one time. */
const REQUESTS_MAX = 64;
/** Reloads that balancers have asked for, under way or waiting. */
const RELOADS_MAX = 16;

export type SupervisorOptions = {
  readonly config: BalancerConfig;
  readonly plane: PrivilegedPlane;
  readonly sockets: readonly InheritedListener[];
  readonly graceMs: number;
  /** How long a balancer serves on when this process is killed. */
  readonly orphanMs: number;
  readonly accounts: Pick<ServiceAccounts, 'balancer' | 'checker'>;
  /** A balancer of an earlier guardian serves until ours does. */
  readonly relieves: boolean;
  /** Keep a warm spare. */
  readonly spare: boolean;
  /** What becomes the first balancer; null: it is started when it is needed. */
  readonly shell: BalancerShell | null;
  readonly log: Log;
  /** Where the standard streams of balancers go. */
  readonly outputs: Outputs;
  /** Called with every turn of the loop that watches balancers, many times a second. */
  readonly onTurn: () => void;
  /** Called when this node begins or ceases to count as one that balances. */
  readonly onServing: (serving: boolean, why: string) => void;
  /** Called with the pid of each new balancer and spare. */
  readonly onPid: (role: ChildRole, pid: number) => void;
  /** Somebody on a runtime socket wants the configuration to be read again; resolves with what to answer. */
  readonly onReload: () => Promise<string>;
};

type Reply = Exclude<
  Extract<BalancerToGuardian, { readonly id: number }>,
  { readonly kind: 'ask-reload' | 'check' }
>;

type AskedCheck = Extract<BalancerToGuardian, { readonly kind: 'check' }>;

export type ReloadOutcome = {
  /** null: done. */
  readonly error: string | null;
  /** Sessions that the new configuration does not allow. */
  readonly ended: number;
};

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #spare: Spare | null;
  readonly #checker: CheckerKeeper;
  readonly #retired: RetiredBalancer;
  readonly #timer: NodeJS.Timeout;
  readonly #requests = new Map<number, (reply: Reply | null) => void>();
  #state: SupervisionState;
  #shell: BalancerShell | null;
  #process: BalancerProcess | null = null;
  #config: BalancerConfig;
  #sockets: readonly InheritedListener[];
  #servers: readonly ServerStateRecord[] = [];
  #nextRequest = 1;
  #reloadsAsked = 0;
  /** Times a balancer or spare broke the protocol. */
  #breaches = 0;
  #settled: PromiseWithResolvers<void> | null = Promise.withResolvers<void>();
  #ended: (() => void) | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { config, apart } = splitChecks(options.config);
    this.#config = config;
    this.#sockets = options.sockets;
    this.#shell = options.shell;
    this.#checker = new CheckerKeeper({
      identity: options.accounts.checker,
      log: options.log,
      outputs: options.outputs,
      onPid: (pid) => options.onPid('checker', pid),
    });
    this.#checker.take(apart);
    const launch = () => this.#launch();
    const onPid = (pid: number) => options.onPid('spare', pid);
    const countBreach = (why: string) => this.#countBreach(why);
    this.#spare = options.spare
      ? new Spare({ launch, log: options.log, onPid, countBreach })
      : null;
    this.#retired = new RetiredBalancer({
      log: options.log,
      onPid: (pid) => options.onPid('retired', pid),
      countBreach,
      onCheck: (asker, message) => this.#check(asker, message),
    });
    const first = startSupervision(performance.now(), options.relieves);
    this.#state = first.state;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#spawn();
  }

  /** Resolves when the first balancer serves; rejects with OperationalError when it cannot. */
  started(): Promise<void> {
    return this.#settled?.promise ?? Promise.resolve();
  }

  async status(): Promise<BalancerStatus> {
    const reply = await this.#request((id) => ({ kind: 'report', id }));
    const report: BalancerReport | null = reply?.kind === 'report' ? reply.report : null;
    return {
      state: this.#state.phase,
      pid: this.#process?.pid ?? null,
      spare: this.#spare?.state ?? { state: 'none', pid: null },
      restarts: this.#state.restarts,
      lastExit: this.#state.lastExit,
      report,
      ...(this.#checker.status === null ? {} : { checker: this.#checker.status }),
      ...(this.#retired.pid === null ? {} : { retired: this.#retired.pid }),
    };
  }

  /** Tells the balancer what only the guardian knows; one that does not serve yet hears it next time. */
  tell(node: Omit<NodeFacts, 'restarts' | 'spare'>): void {
    if (this.#state.phase !== 'serving') return;
    const { restarts } = this.#state;
    const spare = this.#spare?.state.state ?? 'none';
    this.#process?.send({ kind: 'facts', facts: { ...node, restarts, spare } });
  }

  /** null: done; otherwise what is wrong. */
  async setServer(backend: string, server: string, admin: AdminState): Promise<string | null> {
    const reply = await this.#request((id) => ({ kind: 'set-server', id, backend, server, admin }));
    return reply?.kind === 'set-server' ? reply.error : 'The balancer does not answer';
  }

  /**
   * Has the balancer and the spare go on by another configuration, and every later one start with it. Resolves
   * with the number of sessions it ended, or with why the balancer could not; then nothing has changed. Calls
   * come one after the other.
   */
  async reload(
    whole: BalancerConfig,
    sockets: readonly InheritedListener[],
  ): Promise<ReloadOutcome> {
    const { config, apart } = splitChecks(whole);
    if (this.#options.plane.needsNewBalancer?.(this.#config, config) === true) {
      const error = await this.#replace(config, sockets);
      if (error === null) this.#checker.take(apart);
      return { error, ended: 0 };
    }
    const asked = this.#process;
    const tell = (process: BalancerProcess, id: number) => process.reload(id, config, sockets);
    let reply: Reply | null;
    try {
      reply = await this.#ask((process, id) => tell(process, id), RELOAD_LIMIT_MS);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return { error: error.message, ended: 0 };
    }
    const answer = reply?.kind === 'reload' ? reply : null;
    if (answer !== null && answer.error !== null) return { error: answer.error, ended: 0 };
    this.#config = config;
    this.#sockets = sockets;
    this.#checker.take(apart);
    this.#spare?.reload((spare) => tell(spare, 0));
    if (answer === null) this.#insist(asked, tell);
    return { error: null, ended: answer?.ended ?? 0 };
  }

  /** Another balancer goes on by the new configuration; null: it serves. Otherwise nothing has changed. */
  async #replace(
    config: BalancerConfig,
    sockets: readonly InheritedListener[],
  ): Promise<string | null> {
    const { log } = this.#options;
    const successor = await startReplacement({
      launch: { ...this.#launch(), config, listeners: sockets },
      servers: () => this.#servers,
      log,
      limitMs: START_LIMIT_MS,
    });
    if (typeof successor === 'string') return successor;
    if (this.#state.phase === 'stopping') {
      successor.kill();
      return 'Evergate stops';
    }
    const before = this.#process;
    this.#config = config;
    this.#sockets = sockets;
    this.#process = successor;
    successor.adopt(this.#eventsOf(() => successor));
    successor.watch();
    if (successor.pid !== null) this.#options.onPid('balancer', successor.pid);
    const text = `Balancer ${successor.pid} serves in the place of ${before?.pid}`;
    this.#tell('info', text, 'serves', successor);
    this.#dispatch({ kind: 'serving' });
    if (before !== null) this.#retired.take(before);
    this.#spare?.renew();
    return null;
  }

  /** The balancer that was asked said nothing: it is gone, and another must know, or it hangs. */
  #insist(
    asked: BalancerProcess | null,
    tell: (process: BalancerProcess, id: number) => void,
  ): void {
    const process = this.#process;
    if (process === null) return;
    if (process === asked) {
      const why = `It did not take the new configuration over within ${RELOAD_LIMIT_MS} ms`;
      this.#dispatch({ kind: 'hung', why });
      return;
    }
    try {
      tell(process, 0);
    } catch (error) {
      this.#dispatch({ kind: 'hung', why: `It cannot be told of the new configuration: ${error}` });
    }
  }

  /** Lets open connections finish for `graceMs`, then ends the balancer whatever it does. */
  async stop(graceMs: number): Promise<void> {
    this.#dispatch({ kind: 'stop' });
    clearInterval(this.#timer);
    this.#spare?.stop();
    // One that has not come to serve has no connections.
    if (this.#settled !== null) this.#process?.kill();
    if (this.#process !== null) await this.#finish(this.#process, graceMs);
    this.#retired.end();
    this.#checker.stop();
  }

  async #finish(process: BalancerProcess, graceMs: number): Promise<void> {
    const gone = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    process.send({ kind: 'stop', graceMs });
    const force = setTimeout(() => process.kill(), graceMs + 1000);
    await gone;
    clearTimeout(force);
    await Promise.race([process.silent, setTimeoutPromise(LAST_LINES_MS)]);
  }

  #launch() {
    const { plane, orphanMs, accounts, outputs } = this.#options;
    const identity = accounts.balancer;
    return { config: this.#config, plane, listeners: this.#sockets, orphanMs, identity, outputs };
  }

  /** The spare where there is one, otherwise a new process. */
  #spawn(): void {
    assert(this.#process === null, 'one balancer is active');
    this.#listenAgain();
    const spare = this.#spare?.take() ?? null;
    if (spare === null) {
      const launch = { ...this.#launch(), standby: false, servers: this.#servers };
      const shell = this.#shell?.isOver === false ? this.#shell : undefined;
      this.#shell = null;
      const process: BalancerProcess = new BalancerProcess(
        launch,
        this.#eventsOf(() => process),
        shell,
      );
      this.#process = process;
    } else {
      spare.adopt(this.#eventsOf(() => spare));
      spare.send({ kind: 'activate', servers: this.#servers });
      this.#process = spare;
      this.#tell('info', `Spare ${spare.pid} takes over`, 'takes-over', spare);
    }
    if (this.#process.pid !== null) this.#options.onPid('balancer', this.#process.pid);
  }

  /** What the last balancer may have shut down costs its successor nothing. */
  #listenAgain(): void {
    try {
      const shut = this.#sockets.filter(({ fd }) => listenAgain(fd)).length;
      if (shut === 0) return;
      this.#options.log('warning', `${shut} listening sockets were shut down; they listen again`);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#options.log('error', `A listening socket was shut down and stays so: ${error.message}`);
    }
  }

  #eventsOf(self: () => BalancerProcess | null): BalancerEvents {
    return {
      message: (message) => this.#receive(message),
      breach: (why) => this.#onBreach(self(), why),
      ended: (why) => this.#onEnded(self(), why),
    };
  }

  #receive(message: BalancerToGuardian): void {
    switch (message.kind) {
      case 'serving':
        this.#process?.watch();
        this.#settled?.resolve();
        this.#settled = null;
        this.#tell('info', `Balancer ${this.#process?.pid} serves`, 'serves', this.#process);
        this.#dispatch({ kind: 'serving' });
        this.#spare?.want();
        break;
      case 'servers':
        this.#servers = message.servers;
        break;
      case 'log':
        this.#options.log(message.level, message.text, message.detail);
        break;
      case 'failed':
        this.#tell(
          'error',
          `Balancer ${this.#process?.pid} failed: ${message.text}`,
          'failed',
          this.#process,
          message.text,
        );
        break;
      case 'prepared':
        break;
      case 'check':
        this.#check(this.#process, message);
        break;
      case 'end-check':
        this.#checker.endCheck(message.backend, message.server);
        break;
      case 'ask-reload':
        void this.#answerReload(this.#process, message.id);
        break;
      default:
        this.#requests.get(message.id)?.(message);
    }
  }

  #check(asker: BalancerProcess | null, { id, ...asked }: AskedCheck): void {
    this.#checker.run(asked, (result) => asker?.send({ kind: 'checked', id, result }));
  }

  #tell(
    level: LogLevel,
    text: string,
    to: BalancerChange,
    process: BalancerProcess | null,
    why?: string,
  ): void {
    this.#options.log(level, text, balancerDetail(to, process?.pid ?? null, why));
  }

  #onBreach(breaker: BalancerProcess | null, why: string): void {
    this.#dispatch({ kind: 'hung', why: this.#countBreach(why) });
    // Also while it is to stop, when nothing else would end it.
    breaker?.kill();
  }

  #countBreach(why: string): string {
    this.#breaches += 1;
    return this.#breaches === 1 ? why : `${why} (the ${this.#breaches}th breach since the start)`;
  }

  #onEnded(ended: BalancerProcess | null, why: string): void {
    if (this.#state.phase !== 'stopping') {
      this.#tell('warning', `Balancer ${ended?.pid} is gone: ${why}`, 'gone', ended, why);
    }
    this.#process = null;
    for (const settle of this.#requests.values()) settle(null);
    const failure = ended?.failure ?? null;
    if (this.#settled !== null && failure !== null) {
      this.#settled.reject(new OperationalError('balancer-failed', failure));
      this.#settled = null;
      this.#dispatch({ kind: 'stop' });
      this.#ended?.();
      return;
    }
    const alone = this.#spare?.state.state === 'none';
    const fault = ended?.fault ?? null;
    this.#dispatch({ kind: 'ended', why, alone, ...(fault === null ? {} : { fault }) });
    this.#ended?.();
  }

  #tick(): void {
    const hung = this.#process?.checkBeats(TICK_MS) ?? null;
    if (hung !== null) this.#dispatch({ kind: 'hung', why: hung });
    this.#spare?.checkBeats(TICK_MS);
    this.#retired.checkBeats(TICK_MS);
    this.#dispatch({ kind: 'tick' });
    this.#options.onTurn();
  }

  #dispatch(event: SupervisionEvent): void {
    const times = { graceMs: this.#options.graceMs, startMs: START_LIMIT_MS };
    const step = superviseStep(this.#state, event, performance.now(), times);
    this.#state = step.state;
    for (const effect of step.effects) {
      switch (effect.kind) {
        case 'spawn':
          this.#spawn();
          break;
        case 'kill':
          this.#kill(effect.why);
          break;
        case 'forget-servers':
          this.#forgetServers(effect.why);
          break;
        case 'count':
          this.#options.onServing(effect.serving, effect.why);
          break;
      }
    }
  }

  #kill(why: string): void {
    const text = `Balancer ${this.#process?.pid} is killed: ${why}`;
    this.#tell('error', text, 'killed', this.#process, why);
    this.#process?.kill();
  }

  #forgetServers(why: string): void {
    if (this.#servers.length === 0) return;
    this.#servers = [];
    const text = 'What was known of the servers is forgotten; they begin as the configuration says';
    this.#options.log('warning', `${text}: ${why}`);
  }

  async #answerReload(process: BalancerProcess | null, id: number): Promise<void> {
    const tell = (text: string): void => process?.send({ kind: 'reload-told', id, text });
    if (this.#reloadsAsked >= RELOADS_MAX) {
      return tell('Success=0\n--\nToo many reloads wait already; ask again later\n');
    }
    this.#reloadsAsked += 1;
    try {
      tell(await this.#options.onReload());
    } finally {
      this.#reloadsAsked -= 1;
    }
  }

  #request(message: (id: number) => Parameters<BalancerProcess['send']>[0]): Promise<Reply | null> {
    return this.#ask((process, id) => process.send(message(id)), REPORT_LIMIT_MS);
  }

  /** Asks the balancer; null when it is gone, busy or slow. Rejects with what `send` throws. */
  async #ask(
    send: (process: BalancerProcess, id: number) => void,
    limitMs: number,
  ): Promise<Reply | null> {
    if (this.#process === null || this.#requests.size >= REQUESTS_MAX) return null;
    const id = this.#nextRequest++;
    const { promise, resolve } = Promise.withResolvers<Reply | null>();
    const timer = setTimeout(() => resolve(null), limitMs);
    this.#requests.set(id, resolve);
    try {
      send(this.#process, id);
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#requests.delete(id);
    }
  }
}
