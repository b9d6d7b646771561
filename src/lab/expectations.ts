/**
 * What clients should feel of each fault, for each stack: the text that is shown with it, and the bounds that its verdict
 * goes by. The figures of bench/failover (docs/failover.md) with room for a machine that is busy.
 */

import type { FaultName } from './faults.ts';
import type { StackName } from './stacks/stack.ts';

/** `power-on` is two things: a node that comes back, or no more than an apiserver. */
export type Happening = Exclude<FaultName, 'power-on'> | 'node-back' | 'apiserver-back';

/** How many of the watches that flow are cut. */
export type Cuts = 'none' | 'some' | 'all';

export type Expectation = {
  /** What will be felt and why, watches included. */
  readonly felt: string;
  /** Longest time without an answer, and requests that fail, at most; null: no bound. */
  readonly gapMs: number | null;
  readonly failed: number | null;
  /** At most so many are cut. */
  readonly cuts: Cuts;
  /** Longest time in which a watch hears nothing, at most; events come every second. */
  readonly silentMs: number | null;
  /** Requests succeed again by themselves. */
  readonly ends: boolean;
};

type Bounds = Omit<Expectation, 'felt'>;

const UNNOTICED: Bounds = { gapMs: 400, failed: 2, cuts: 'none', silentMs: 2500, ends: true };
/** Whoever is cut comes back within half a second. */
const CUT_ONCE: Bounds = { gapMs: 800, failed: 20, cuts: 'all', silentMs: 4000, ends: true };
/** Watches whose peer is gone without a word wait for their own limit, five seconds here. */
const UNTOLD_MS = 9000;
const MOVED: Bounds = { gapMs: 1500, failed: 80, cuts: 'all', silentMs: UNTOLD_MS, ends: true };
const MOVED_SLOWLY: Bounds = { ...MOVED, gapMs: 6000, failed: 300, silentMs: 12_000 };
const FOR_EVER: Bounds = { gapMs: null, failed: null, cuts: 'all', silentMs: null, ends: false };

const APISERVER_BACK: Expectation = {
  ...UNNOTICED,
  // What an apiserver that hung was asked before.
  failed: 60,
  felt: 'nobody notices: it is checked and gets new connections again; the VIP and all watches stay where they are',
};

const EVERGATE: Readonly<Record<Happening, Expectation>> = {
  'kill-balancer': {
    ...CUT_ONCE,
    felt: 'the spare takes over at once and the VIP stays: requests go on; every watch is cut and comes back in half a second',
  },
  'stop-balancer': {
    ...CUT_ONCE,
    failed: 40,
    felt: 'no beat for 200 ms: it is killed and replaced, the VIP stays; requests under way fail, every watch is cut once',
  },
  'kill-guardian': {
    ...MOVED,
    felt: 'a backup takes the VIP in about 300 ms, the old one is gone within 3 s; every watch is cut, some hear it only by their own limit of 5 s; power-on restarts it',
  },
  'kill-all': {
    ...MOVED,
    felt: 'a backup takes the VIP in about 300 ms, the old one is gone within 3 s; every watch is cut, some hear it only by their own limit of 5 s; power-on restarts it',
  },
  'power-off': {
    ...MOVED,
    felt: 'a backup takes the VIP in about 300 ms and new connections pass the dead apiserver; nobody tells the watches, which hear nothing until their own limit of 5 s',
  },
  'node-back': {
    ...UNNOTICED,
    felt: 'nobody notices: the node becomes a backup, the VIP and all watches stay where they are',
  },
  'apiserver-back': APISERVER_BACK,
  'kill-apiserver': {
    ...CUT_ONCE,
    cuts: 'some',
    felt: 'refused connections go to the next server at once, so requests go on; its watches are cut and come back elsewhere',
  },
  'hang-apiserver': {
    ...CUT_ONCE,
    gapMs: 1500,
    failed: 60,
    cuts: 'some',
    silentMs: UNTOLD_MS,
    felt: 'requests that it does not answer go to a second server; its watches hear nothing for a second or so, until the checks give it up',
  },
};

const EVERGATE_ARTICLE: Readonly<Record<Happening, Expectation>> = {
  ...EVERGATE,
  'kill-guardian': {
    ...MOVED_SLOWLY,
    felt: 'its balancer serves on until a backup has the VIP, after 3 s of silence; every watch is cut; power-on restarts it',
  },
  'kill-all': {
    ...MOVED_SLOWLY,
    felt: 'nothing answers for the 3 s in which the backups wait (advert_int 1), then one takes the VIP; every watch is cut; power-on restarts it',
  },
  'power-off': {
    ...MOVED_SLOWLY,
    gapMs: 8000,
    failed: 400,
    felt: 'nothing answers for the 3 s in which the backups wait (advert_int 1); then its apiserver takes two checks to be taken out; every watch is cut',
  },
  'node-back': {
    ...MOVED_SLOWLY,
    gapMs: 8000,
    failed: 400,
    felt: 'the highest priority takes the VIP again, before its apiserver serves: some requests fail, every watch is cut',
  },
  'hang-apiserver': {
    ...FOR_EVER,
    felt: 'a TCP check still passes: its share of the requests fails for ever, its watches hear nothing; --hedge or an HTTPS check ends that',
  },
};

const ARTICLE: Readonly<Record<Happening, Expectation>> = {
  'kill-balancer': {
    ...MOVED_SLOWLY,
    felt: 'nothing answers until the script starts HAProxy again, up to 3 s; every watch is cut; the VIP stays',
  },
  'stop-balancer': {
    ...FOR_EVER,
    felt: 'the script finds a process of that name: nothing answers at the VIP for ever, and every watch hears nothing',
  },
  'kill-guardian': {
    ...MOVED_SLOWLY,
    felt: 'a backup takes the VIP after 3 s; the old address stays as well, so that two nodes have it; watches are cut; power-on restarts it',
  },
  'kill-all': {
    ...FOR_EVER,
    felt: 'nothing answers for the 3 s in which the backups wait; the old address stays as well, so that it is luck whom clients reach, perhaps for ever; power-on restarts it',
  },
  'power-off': {
    ...MOVED_SLOWLY,
    gapMs: 10_000,
    failed: 500,
    silentMs: null,
    ends: false,
    felt: 'nothing answers for the 3 s in which the backups wait, and for two checks of its apiserver; every watch is cut, and some come back late',
  },
  'node-back': {
    ...MOVED_SLOWLY,
    gapMs: 10_000,
    failed: 500,
    felt: 'the highest priority takes the VIP again, before HAProxy and its apiserver serve: some requests fail, every watch is cut',
  },
  'apiserver-back': APISERVER_BACK,
  'kill-apiserver': {
    ...CUT_ONCE,
    failed: 300,
    cuts: 'some',
    silentMs: UNTOLD_MS,
    felt: 'its share of the requests is refused for two checks, 2 to 4 s: a third of them fails; its watches are cut',
  },
  'hang-apiserver': {
    ...FOR_EVER,
    felt: 'a TCP check still passes: its share of the requests fails for ever, its watches hear nothing',
  },
};

const EXPECTATIONS: Readonly<Record<StackName, Readonly<Record<Happening, Expectation>>>> = {
  evergate: EVERGATE,
  'evergate-article': EVERGATE_ARTICLE,
  article: ARTICLE,
};

export function expectationOf(stack: StackName, happening: Happening): Expectation {
  return EXPECTATIONS[stack][happening];
}
