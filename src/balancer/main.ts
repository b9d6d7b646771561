/** Entry of the balancer process; only the guardian starts it, with a channel to itself and its sockets. */

import { nodeTls } from '../builtins.ts';
import { GUARDIAN_FD } from '../contracts/protocol.ts';
import { SPARE_TITLE } from '../contracts/run-directory.ts';
import { setBlocking } from '../linux/files.ts';
import { startDataPlaneAhead } from '../planes/relay/relay-threads.ts';
import { giveMemoryBack } from '../start-garbage.ts';
import { confine, confineEarly, confineThreads } from './confinement.ts';
import { demandGuardian, dieOfErrors } from './guarded-process.ts';
import { GuardianChannel } from './guardian-channel.ts';
import { runBalancer } from './run-balancer.ts';

demandGuardian('balancer');

// Before the threads that are to have as little.
const early = confineEarly();
process.title = SPARE_TITLE;

// Pipes of its own to the guardian, which passes on what it logs there; one that is full, or that nobody
// reads any more, must neither stop it nor end it (docs/adr/0014).
for (const stream of [process.stdout, process.stderr]) {
  setBlocking(stream.fd, false);
  stream.on('error', () => {});
}

// The guardian decides when a balancer ends; a terminal's or a service manager's signal goes to both.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
// Without a listener Node would open a debugger to every account of the machine, or fail for want of a thread.
process.on('SIGUSR1', () => {});

giveMemoryBack();
const guardian = new GuardianChannel(GUARDIAN_FD);
const balancer = runBalancer({
  startDataPlane: startDataPlaneAhead(),
  send: (message, sent) => guardian.send(message, sent),
  onMessage: (listener) => guardian.onMessage(listener),
  onDisconnect: (listener) => guardian.onClose(listener),
  onTerminate: (listener) => process.on('SIGTERM', listener),
  confine: (startsThreads) => confine(early, startsThreads),
  startNothingMore: confineThreads,
  exit: (code) => process.exit(code),
  setTitle: (title) => {
    process.title = title;
  },
});

dieOfErrors((why) => balancer.fail(why));
// While it waits for its orders. Later, when no thread may be started any more, TLS would complain that it cannot.
nodeTls();
