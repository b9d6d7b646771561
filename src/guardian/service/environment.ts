/** What a service manager says to a process it starts: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3). */

export type ServiceEnvironment = {
  /** Path of a unix datagram socket; "@name" is in the abstract namespace (unix(7)). */
  readonly socket: string;
  /** ms within which it wants a sign of life, again and again; null: none. */
  readonly watchdogMs: number | null;
  /** What it has kept for us of an earlier process, each by the name that was given there. */
  readonly kept: readonly { readonly name: string; readonly fd: number }[];
};

/** sd_listen_fds(3), SD_LISTEN_FDS_START. */
const FIRST_KEPT = 3;
/** More than any unit's FileDescriptorStoreMax=. */
const KEPT_MAX = 65_536;
const NAMES = [
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_FDNAMES',
];

/**
 * Takes the variables out of `env`, so that no process that we start speaks for us. `pid`: of this process. null:
 * nobody wants to be told, or by an address that this form of it has no word for.
 */
export function takeServiceEnvironment(
  env: NodeJS.ProcessEnv,
  pid: number,
): ServiceEnvironment | null {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_USEC: usec = '', WATCHDOG_PID: watched } = env;
  const kept = Number(env.LISTEN_PID) === pid ? keptIn(env) : [];
  for (const name of NAMES) delete env[name];
  if (!/^[/@]./.test(socket)) return null;
  const isOurs = watched === undefined || Number(watched) === pid;
  const watchdogMs = Number(usec) / 1000;
  return { socket, watchdogMs: isOurs && watchdogMs > 0 ? watchdogMs : null, kept };
}

function keptIn({ LISTEN_FDS: count, LISTEN_FDNAMES: names }: NodeJS.ProcessEnv) {
  const named = (names ?? '').split(':');
  const length = Math.min(Number(count) || 0, KEPT_MAX);
  return Array.from({ length }, (_, at) => ({ name: named[at] ?? '', fd: FIRST_KEPT + at }));
}
