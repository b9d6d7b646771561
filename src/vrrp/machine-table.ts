/**
 * What the VRRP machine (vrrp/machine.ts) does about every event in every phase, row by row. A row that is
 * missing does not compile. "6.4.1" and its like are sections of RFC 9568, with the same numbers in RFC 3768;
 * what they do not know of (FAULT, tracking, sync groups, the kernel's news) says so.
 */

import type { Run } from './machine-run.ts';
import type { MachineEvent, Phase } from './machine-types.ts';

type Kind = MachineEvent['kind'];

/** What becomes of one kind of event in one phase. */
export type Row<EventKind extends Kind> = {
  /** The section it follows, or why it is as it is. */
  readonly because: string;
  readonly does: (run: Run, event: Extract<MachineEvent, { kind: EventKind }>) => void;
};

type Rows = { readonly [EventKind in Kind]: Row<EventKind> };

function nothing(because: string): { readonly because: string; readonly does: () => void } {
  return { because, does: () => {} };
}

const RELEASE: Row<'release'> = {
  because: 'ours: the address probe is over, a backup that is due may rise',
  does: (run) => run.release(),
};
const TRACK: Row<'track'> = {
  because: 'keepalived: weights change the priority, a fault keeps out of the election',
  does: (run, event) => run.track(event),
};
const RELOAD: Row<'reload'> = {
  because: 'ours: another configuration takes over, timers go on by its lengths',
  does: (run, event) => run.reload(event),
};
const DRAIN: Row<'drain'> = {
  because:
    'ours: a master leaves as if it stopped, and stays if nobody follows; the others rise last of all',
  does: (run, event) => run.drain(event),
};
const READY: Row<'ready'> = {
  because: 'ours: the end of a drain, the timers have gone on meanwhile',
  does: (run) => run.ready(),
};
const STARTED = nothing('6.4.1 alone knows a start-up, and it is over');
const NO_ADDRESS = nothing('the addresses are not held here');
const NOT_MASTER = nothing('ours: only a master has something to lose, a backup something to take');

export const TABLE: Readonly<Record<Phase, Rows>> = {
  initialize: {
    start: {
      because: '6.4.1: priority 255 becomes master, others backup; with a fault, neither',
      does: (run, event) => run.start(event),
    },
    resume: {
      because: 'ours: within its down interval a master that was killed is one that was slow',
      does: (run, event) => run.resume(event),
    },
    release: RELEASE,
    advert: nothing('6.4.1 waits for a start-up only'),
    tick: nothing('6.4.1: no timer runs'),
    track: TRACK,
    reload: RELOAD,
    follow: NOT_MASTER,
    'foreign-claim': NO_ADDRESS,
    'address-lost': NO_ADDRESS,
    drain: DRAIN,
    ready: READY,
    stop: nothing('it is stopped already'),
  },
  backup: {
    start: STARTED,
    resume: STARTED,
    release: RELEASE,
    advert: {
      because: '6.4.2: priority 0 shortens the timer, a better or tolerated master starts it again',
      does: (run, event) => run.hearAsBackup(event),
    },
    tick: {
      because: '6.4.2: the Master_Down_Timer fired',
      does: (run) => run.promoteWhenDue(),
    },
    track: TRACK,
    reload: RELOAD,
    follow: {
      because: 'keepalived: all members of a sync group become master together',
      does: (run, event) => run.rise(event),
    },
    'foreign-claim': NO_ADDRESS,
    'address-lost': NO_ADDRESS,
    drain: DRAIN,
    ready: READY,
    stop: { because: '6.4.2: shutdown', does: (run) => run.stop() },
  },
  master: {
    start: STARTED,
    resume: STARTED,
    release: RELEASE,
    advert: {
      because: '6.4.3: answers priority 0 and a worse master, yields to a better one',
      does: (run, event) => run.hearAsMaster(event),
    },
    tick: { because: '6.4.3: the Adver_Timer fired', does: (run) => run.beMaster() },
    track: TRACK,
    reload: RELOAD,
    follow: {
      because: 'keepalived: a sync group whose member yields leaves as a whole',
      does: (run, event) => run.sink(event),
    },
    'foreign-claim': {
      because: 'ours: whoever heard the claim must hear us, too (RFC 5227 section 2.4)',
      does: (run) => run.answerClaim(),
    },
    'address-lost': {
      because: 'keepalived: an address taken away by hand is put back',
      does: (run) => run.putBack(),
    },
    drain: DRAIN,
    ready: READY,
    stop: {
      because: '6.4.3: shutdown, with priority 0',
      does: (run) => run.leave('initialize', 'stopped'),
    },
  },
  leaving: {
    start: STARTED,
    resume: STARTED,
    release: RELEASE,
    advert: {
      because: 'ours: the successor is heard, the addresses are his',
      does: (run, event) => run.hearAsLeaving(event),
    },
    tick: {
      because: 'ours: nobody has followed in time, or there is no reason to leave any more',
      does: (run) => run.goWhenDue(),
    },
    track: TRACK,
    reload: RELOAD,
    follow: nothing('keepalived: it leaves with its group anyway'),
    'foreign-claim': nothing('ours: it is the successor who claims the addresses'),
    'address-lost': {
      because: 'ours: it serves on until somebody follows, and announces nothing any more',
      does: (run) => run.keepAddresses(),
    },
    drain: DRAIN,
    ready: READY,
    stop: {
      because: '6.4.3: shutdown, and priority 0 is said',
      does: (run) => run.leaveFor('initialize', 'stopped'),
    },
  },
  fault: {
    start: STARTED,
    resume: STARTED,
    release: RELEASE,
    advert: nothing('keepalived: an instance in FAULT hears nobody'),
    tick: nothing('keepalived: no timer runs in FAULT'),
    track: TRACK,
    reload: RELOAD,
    follow: nothing('keepalived: a fault keeps the whole group out'),
    'foreign-claim': NO_ADDRESS,
    'address-lost': NO_ADDRESS,
    drain: DRAIN,
    ready: READY,
    stop: { because: 'keepalived: as in 6.4.2', does: (run) => run.stop() },
  },
};
