/**
 * Entry of the checker: runs the checks that need a key, a token or a password, so that the balancer need not have
 * them (docs/security.md). Only the guardian starts it, with a channel to itself; it listens to nobody else.
 */

import { flushCompileCache } from 'node:module';
import { GUARDIAN_FD, type GuardianToChecker } from '../../contracts/protocol.ts';
import { cutLine } from '../../contracts/protocol-table.ts';
import { CHECKER_TITLE } from '../../contracts/run-directory.ts';
import { becomeIdentity } from '../../linux/identity.ts';
import { confine, confineEarly } from '../confinement.ts';
import { demandGuardian, dieOfErrors } from '../guarded-process.ts';
import { GuardianChannel } from '../guardian-channel.ts';
import { CheckRunner } from './check-runner.ts';

demandGuardian('checker');

const early = confineEarly();
process.title = CHECKER_TITLE;
// The guardian decides when it ends; a terminal's or a service manager's signal goes to all.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'] as const) {
  process.on(signal, () => {});
}

const guardian = new GuardianChannel<GuardianToChecker>(GUARDIAN_FD);
// Where there is no guardian there is nobody to check for.
guardian.onClose(() => process.exit(0));
const runner = new CheckRunner((id, result) => guardian.send({ kind: 'checked', id, result }));
const die = dieOfErrors((why) =>
  guardian.send({ kind: 'failed', text: cutLine(why) }, () => process.exit(1)),
);
let isReady = false;

guardian.onMessage((message) => {
  if (message.kind === 'check') runner.run(message.id, message.backend, message.server, message);
  else if (message.kind === 'end-check') runner.end(message.backend, message.server);
  else {
    runner.take(message.checks);
    if (!isReady) getReady(message.identity).catch(die);
    isReady = true;
  }
});

async function getReady(identity: Parameters<typeof becomeIdentity>[0] | null): Promise<void> {
  // Later it may not write there (docs/adr/0005).
  flushCompileCache();
  if (identity !== null) becomeIdentity(identity);
  const problem = await confine(early, false);
  if (problem !== null) guardian.send({ kind: 'log', level: 'warning', text: problem });
  guardian.send({ kind: 'ready' });
}
