/** One step of the VRRP machine (vrrp/machine.ts): what the rows of its table (machine-table.ts) are made of. */

import { assert } from '../core/assert.ts';
import { formatIpAddress } from '../core/ip-address.ts';
import { isDue } from './machine-due.ts';
import { TRANSITIONS } from './machine-transitions.ts';
import type {
  Leave,
  MachineConfig,
  MachineEffect,
  MachineEvent,
  MachineState,
  Phase,
  PlannedGarp,
} from './machine-types.ts';
import { effectivePriority, LAST_RESORT_PRIORITY, OWNER_PRIORITY } from './priority.ts';
import { downIntervalMs, leaveMs } from './timers.ts';

/** A flood of advertisements must not become one of answers: so many in an interval, on average, at most. */
const ANSWERS_PER_INTERVAL = 10;
/**
 * A rival's claim is answered at once, and the next ones after ever longer: two nodes that rose together are told apart
 * in milliseconds, and a flood of claims gets one answer a second.
 */
const DEFENCE_GAPS_MS = [0, 1, 4, 16, 64, 256, 1000] as const;
/** Without a rival for so long, the next one is the first again. */
const DEFENCE_REST_MS = 10_000;
const DRAINED = 'the node is drained';

/** One step under way: the state as it is changed, and the effects so far. The table calls its methods. */
export class Run {
  readonly #config: MachineConfig;
  readonly #now: number;
  readonly effects: MachineEffect[] = [];
  state: MachineState;

  constructor(config: MachineConfig, state: MachineState, now: number) {
    this.#config = config;
    this.#now = now;
    this.state = state;
  }

  /** See the head of machine.ts. Without the farewell: silence until we know who is master. */
  dropAfterStall(): void {
    const { version, intervalMs } = this.#config;
    const { phase, lastSentAt, effectivePriority: priority } = this.state;
    if (phase !== 'master') return;
    const asleepMs = this.#now - lastSentAt;
    if (asleepMs <= downIntervalMs(version, priority, intervalMs)) return;
    this.effects.push({ kind: 'remove-addresses' });
    this.#enter('backup', `asleep for ${Math.round(asleepMs)} ms`);
  }

  /**
   * On a tick, never on other events: those may come before what waits on the sockets is read, and the news
   * that there is a master may be among it. A tick comes after.
   */
  promoteWhenDue(): void {
    if (this.#config.grouped === true || !isDue(this.#config, this.state, this.#now)) return;
    if (this.state.drained) this.#rise('drained, but no other node is heard');
    else if (this.state.down.kind === 'none') this.#rise('owner of the address');
    else this.#rise(this.#whyNobody());
  }

  /** Who should be heard and is not, and for how long. */
  #whyNobody(): string {
    const { down, master } = this.state;
    if (down.leaver !== undefined) return `the master ${formatIpAddress(down.leaver)} left`;
    const nobody = 'no better master is heard';
    const since = (at: number): string => `${Math.round(this.#now - at)} ms`;
    if (master === null) return `${nobody}, nor was one for ${since(down.startedAt)}`;
    const silent = since(master.heardAt);
    const name = formatIpAddress(master.address);
    // The timer has not begun anew with each of its advertisements: they are those of a lower priority.
    if (master.heardAt > down.startedAt) return `${nobody}; ${name} is lower, heard ${silent} ago`;
    return `${nobody}: ${name} has been silent for ${silent}`;
  }

  /** As a backup, with the group. */
  rise({ to, group }: Extract<MachineEvent, { kind: 'follow' }>): void {
    if (to === 'master') this.#rise(`sync group "${group}" is master`);
  }

  #rise(why: string): void {
    this.state = { ...this.state, lastResort: this.state.drained };
    this.#move('master', why);
  }

  /** As a master, with the group. */
  sink({ to, group }: Extract<MachineEvent, { kind: 'follow' }>): void {
    if (to === 'master') return;
    // Nobody else is known to be master here: priority 0 calls the others, who follow theirs.
    this.effects.push({ kind: 'remove-addresses' });
    this.#sendAdvert(0);
    this.#enter('backup', `sync group "${group}" is no longer master`);
  }

  /** RFC 9568 section 6.4.1: the owner of the address goes on to master at once. */
  start({ held }: Extract<MachineEvent, { kind: 'start' }>): void {
    this.state = { ...this.state, held };
    if (this.state.faults.length > 0) this.#move('fault', this.state.faults.join(', '));
    else this.#move('backup', 'started');
    this.promoteWhenDue();
  }

  release(): void {
    this.state = { ...this.state, held: false };
    this.promoteWhenDue();
  }

  /** Within its down interval a master that was killed is one that was slow. */
  resume({ sentAt, intervalMs }: Extract<MachineEvent, { kind: 'resume' }>): void {
    const silentMs = this.#now - sentAt;
    const { version } = this.#config;
    const downMs = downIntervalMs(version, this.state.effectivePriority, intervalMs);
    if (this.state.faults.length > 0 || silentMs > downMs) {
      this.start({ kind: 'start', held: false });
    } else {
      this.#move('master', `master until ${Math.round(silentMs)} ms ago`);
    }
  }

  stop(): void {
    this.#move('initialize', 'stopped');
  }

  /** As a master: first says so, then waits for the successor. */
  leave(to: 'initialize' | 'fault' | 'backup', why: string, waitMs = this.#leaveMs): void {
    this.#move('leaving', why);
    this.state = { ...this.state, leave: { until: this.#now + waitMs, to, why } };
  }

  get #leaveMs(): number {
    return leaveMs(this.#config.intervalMs);
  }

  /** While leaving: what it leaves for has changed. */
  leaveFor(to: Leave['to'], why: string): void {
    const { leave } = this.state;
    assert(leave !== null, 'it leaves');
    // A tick comes after the sockets: who follows may be heard there.
    const until = to === 'master' ? this.#now : leave.until;
    this.state = { ...this.state, leave: { until, to, why } };
  }

  /** The successor speaks: from now on the addresses are his. */
  hearAsLeaving({ source, priority }: Extract<MachineEvent, { kind: 'advert' }>): void {
    const { leave } = this.state;
    if (priority === 0 || leave === null) return;
    const to = leave.to === 'master' ? 'fault' : leave.to;
    this.#move(to, `${leave.why}: ${formatIpAddress(source)} follows`);
    this.state = { ...this.state, master: { address: source, heardAt: this.#now, priority } };
    if (leave.to === 'master') this.#move('backup', 'all faults are gone');
  }

  /** While leaving: an address that was taken away by hand. */
  keepAddresses(): void {
    this.effects.push({ kind: 'add-addresses' });
  }

  /** Nobody is heard, and the time is over. */
  goWhenDue(): void {
    const { leave } = this.state;
    if (leave === null || this.#now < leave.until) return;
    if (leave.to === 'backup') this.#move('master', 'nobody follows');
    else this.#move(leave.to, leave.why);
    // Whoever has not heard the first one: nobody is here any more.
    if (this.state.phase !== 'master') this.#sendAdvert(0);
  }

  /** In any phase; a master leaves, and if nobody follows it is as drained as it was before. */
  drain({ waitMs }: Extract<MachineEvent, { kind: 'drain' }>): void {
    assert(waitMs >= this.#leaveMs, 'a successor has the time it needs');
    const { phase, leave } = this.state;
    this.state = { ...this.state, drained: true };
    if (phase === 'master') this.leave('backup', DRAINED, waitMs);
    else if (leave?.to === 'master') this.leaveFor('backup', DRAINED);
  }

  /** An ordinary node again: a backup that is due rises with its next tick. */
  ready(): void {
    const { lastResort, leave, phase } = this.state;
    this.state = { ...this.state, drained: false, lastResort: false };
    if (leave?.to === 'backup') this.leaveFor('master', 'ready again');
    else if (lastResort && phase === 'master') this.#sendAdvert(this.#claim);
  }

  /** Remembers the verdict, and leaves or enters FAULT as it says. */
  track({ priorityDelta, faults }: Extract<MachineEvent, { kind: 'track' }>): void {
    const before = this.state;
    const claimed = this.#claim;
    const priority = effectivePriority(this.#config.priority, priorityDelta);
    this.state = { ...before, effectivePriority: priority, faults };
    if (before.phase === 'initialize') return;
    if (before.phase === 'fault') {
      if (faults.length === 0) this.#move('backup', 'all faults are gone');
    } else if (before.phase === 'leaving') {
      if (before.leave?.to === 'initialize') return;
      if (faults.length > 0) this.leaveFor('fault', faults.join(', '));
      else if (before.drained) this.leaveFor('backup', DRAINED);
      else this.leaveFor('master', 'all faults are gone');
    } else if (faults.length > 0) {
      if (before.phase === 'master') this.leave('fault', faults.join(', '));
      else this.#move('fault', faults.join(', '));
    } else if (before.phase === 'master' && this.#claim !== claimed) {
      // A backup that is better now learns it at once.
      this.#sendAdvert(this.#claim);
    }
  }

  /** Not in the RFC, where a configuration never changes: timers go on, by the new lengths. */
  reload({ priorityDelta, faults }: Extract<MachineEvent, { kind: 'reload' }>): void {
    const { version, intervalMs, priority } = this.#config;
    if (this.state.phase !== 'master' && (version === 2 || this.state.master === null)) {
      this.state = { ...this.state, masterIntervalMs: intervalMs };
    }
    // A delay that was under way is another one now, and an owner waits for nobody.
    this.state = { ...this.state, preemptAt: null };
    if (priority === OWNER_PRIORITY && this.state.phase === 'backup') {
      this.state = { ...this.state, down: { startedAt: this.#now, kind: 'none' } };
    }
    if (this.state.phase !== 'master' || faults.length > 0) {
      this.track({ kind: 'track', priorityDelta, faults });
      return;
    }
    const own = effectivePriority(priority, priorityDelta);
    this.state = { ...this.state, effectivePriority: own, faults };
    // Backups learn interval, priority and addresses at once, not after the old interval.
    this.#sendAdvert(this.#claim);
  }

  /** RFC 9568 section 6.4.2, an advertisement as backup. */
  hearAsBackup(advert: Extract<MachineEvent, { kind: 'advert' }>): void {
    const now = this.#now;
    const heard = { address: advert.source, heardAt: now, priority: advert.priority };
    if (advert.priority === 0) {
      // Said twice it is no reason to wait for longer.
      if (this.state.down.kind === 'skew') return;
      const down = { startedAt: now, kind: 'skew', leaver: advert.source } as const;
      this.state = { ...this.state, master: null, down };
      return;
    }
    const accept =
      !preempts(this.#config) ||
      advert.priority >= this.state.effectivePriority ||
      this.#waitsToPreempt();
    this.state = { ...this.state, master: heard };
    if (!accept) return;
    const { version, intervalMs } = this.#config;
    this.state = {
      ...this.state,
      preemptAt: advert.priority >= this.state.effectivePriority ? null : this.state.preemptAt,
      masterIntervalMs: version === 3 ? advert.intervalMs : intervalMs,
      down: { startedAt: now, kind: 'full' },
    };
  }

  /** keepalived's preempt_delay: counted from the first advertisement of a lower master. */
  #waitsToPreempt(): boolean {
    const { initialState, preemptDelayMs } = this.#config;
    if (preemptDelayMs === 0 || initialState === 'master') return false;
    const preemptAt = this.state.preemptAt ?? this.#now + preemptDelayMs;
    this.state = { ...this.state, preemptAt };
    return this.#now < preemptAt;
  }

  /** RFC 9568 section 6.4.3, an advertisement as master. */
  hearAsMaster({ source, priority, intervalMs }: Extract<MachineEvent, { kind: 'advert' }>): void {
    const own = this.#claim;
    if (priority === 0) {
      this.#answer(own);
    } else if (priority > own || (priority === own && source > this.#config.address)) {
      const name = formatIpAddress(source);
      const lost = priority > own ? `priority ${priority} is heard` : 'a tie is lost';
      this.#move('backup', `${lost}: ${name}`);
      const adopted = this.#config.version === 3 ? intervalMs : this.#config.intervalMs;
      const master = { address: source, heardAt: this.#now, priority };
      this.state = { ...this.state, master, masterIntervalMs: adopted };
    } else {
      if (this.#config.answersLower) this.#answer(own);
      this.#announceAgain(this.#config.garp.rivalRepeat);
    }
  }

  /** The Adver_Timer (RFC 9568 section 6.4.3) and the planned announcements. */
  beMaster(): void {
    const { advertAt } = this.state;
    if (this.#now >= advertAt) {
      // A tick comes a little late each time; the lateness must not add up.
      const { intervalMs } = this.#config;
      const next = advertAt + intervalMs;
      const isLate = next <= this.#now;
      this.#sendAdvert(this.#claim, isLate ? this.#now + intervalMs : next);
    }
    const { nextGarp, defence } = this.state;
    if (nextGarp !== null && this.#now >= nextGarp.at) this.#announce(nextGarp.count, null);
    if (defence.due !== null && this.#now >= defence.due.at) this.#defend(defence.due.count);
  }

  /** Somebody else claims an address: neighbours must hear from us after that. */
  answerClaim(): void {
    this.#announceAgain(this.#config.garp.repeat);
  }

  /** Because of a rival, whoever it is: also the last of many claims is followed by an answer. */
  #announceAgain(count: number): void {
    if (count === 0) return;
    const { defence } = this.state;
    if (this.#now - defence.at > DEFENCE_REST_MS) {
      this.state = { ...this.state, defence: { ...defence, answers: 0 } };
    }
    const { answers, at, due } = this.state.defence;
    const dueAt = at + (DEFENCE_GAPS_MS[answers] ?? 0);
    if (this.#now >= dueAt) this.#defend(count);
    else if (due === null) {
      this.state = { ...this.state, defence: { answers, at, due: { at: dueAt, count } } };
    }
  }

  #defend(count: number): void {
    const answers = Math.min(this.state.defence.answers + 1, DEFENCE_GAPS_MS.length - 1);
    this.#announce(count, this.#afterRival());
    this.state = { ...this.state, defence: { answers, at: this.#now, due: null } };
  }

  /** Whoever asked for an address while it was gone had no answer. */
  putBack(): void {
    this.effects.push({ kind: 'add-addresses' });
    this.#announce(this.#config.garp.repeat, this.state.nextGarp);
  }

  /** What is announced next: the second time because of the rival, or what was planned before that. */
  #afterRival(): PlannedGarp | null {
    const { rivalDelayMs, rivalRepeat } = this.#config.garp;
    const planned = this.state.nextGarp;
    if (rivalDelayMs === 0 || rivalRepeat === 0) return planned;
    const second = { at: this.#now + rivalDelayMs, count: rivalRepeat };
    return planned !== null && planned.at <= second.at ? planned : second;
  }

  /** Announces now; `next` is what was planned for later, null: the refresh, if there is one. */
  #announce(count: number, next: PlannedGarp | null): void {
    if (count > 0) this.effects.push({ kind: 'garp', count });
    const { refreshMs, refreshRepeat } = this.#config.garp;
    const refresh = refreshMs > 0 ? { at: this.#now + refreshMs, count: refreshRepeat } : null;
    this.state = { ...this.state, nextGarp: next ?? refresh };
  }

  /** At once, as RFC 9568 section 6.4.3 asks; soon, where the last advertisement has only just gone, and was lost. */
  #answer(priority: number): void {
    const { lastSentAt, advertAt } = this.state;
    const dueAt = lastSentAt + this.#config.intervalMs / ANSWERS_PER_INTERVAL;
    if (this.#now >= dueAt) this.#sendAdvert(priority);
    else this.state = { ...this.state, advertAt: Math.min(advertAt, dueAt) };
  }

  /** What a master says; every other node is better than the last resort. */
  get #claim(): number {
    return this.state.lastResort ? LAST_RESORT_PRIORITY : this.state.effectivePriority;
  }

  #sendAdvert(priority: number, advertAt = this.#now + this.#config.intervalMs): void {
    this.effects.push({ kind: 'send-advert', priority });
    this.state = { ...this.state, lastSentAt: this.#now, advertAt };
  }

  /** Changes the phase and does what the table says. */
  #move(to: Phase, why: string): void {
    const from = this.state.phase;
    const kinds = TRANSITIONS[`${from} ${to}`];
    assert(kinds !== undefined, `${from} never becomes ${to}`);
    for (const kind of kinds) {
      if (from === 'master' && to === 'backup' && kind === 'send-advert') this.#sayFarewell();
      else if (kind === 'send-advert') this.#sendAdvert(to === 'leaving' ? 0 : this.#claim);
      else if (kind === 'garp') this.#announceFirst();
      else this.effects.push({ kind });
    }
    this.#enter(to, why);
  }

  #sayFarewell(): void {
    if (this.#config.saysFarewell) this.#sendAdvert(this.#claim);
  }

  /** keepalived: garp_master_repeat at once, and as many again after garp_master_delay. */
  #announceFirst(): void {
    const { repeat, delayMs } = this.#config.garp;
    this.#announce(repeat, delayMs > 0 ? { at: this.#now + delayMs, count: repeat } : null);
  }

  #enter(to: Phase, why: string): void {
    const { phase: from, nextGarp, transitions } = this.state;
    const lastResort = (to === 'master' || to === 'leaving') && this.state.lastResort;
    this.state = {
      ...this.state,
      phase: to,
      transitions: transitions + 1,
      nextGarp: to === 'master' ? nextGarp : null,
      defence: { ...this.state.defence, due: null },
      preemptAt: null,
      leave: null,
      drained: this.state.drained && (to !== 'master' || lastResort),
      lastResort,
      master: to === 'master' ? { address: this.#config.address, heardAt: this.#now } : null,
      masterIntervalMs: this.#config.intervalMs,
      down: {
        startedAt: this.#now,
        kind: this.#config.priority === OWNER_PRIORITY && from !== 'master' ? 'none' : 'full',
      },
    };
    this.effects.push({ kind: 'transition', from, to, why });
  }
}

/** `state MASTER` and the owner's priority cancel nopreempt, as in keepalived. */
function preempts({ preempt, initialState, priority }: MachineConfig): boolean {
  return preempt || initialState === 'master' || priority === OWNER_PRIORITY;
}
