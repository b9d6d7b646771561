/** Where a service manager wants to be told of us: sd_notify(3), sd_watchdog_enabled(3). */

export type ServiceEnvironment = {
  /** Path of a unix datagram socket; "@name" is in the abstract namespace (unix(7)). */
  readonly socket: string;
  /** ms within which it wants a sign of life, again and again; null: none. */
  readonly watchdogMs: number | null;
};

/**
 * Takes the variables out of `env`, so that no process that we start speaks for us. `pid`: of this process. null:
 * nobody wants to be told, or by an address that this form of it has no word for.
 */
export function takeServiceEnvironment(
  env: NodeJS.ProcessEnv,
  pid: number,
): ServiceEnvironment | null {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_USEC: usec = '', WATCHDOG_PID: watched } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  if (!/^[/@]./.test(socket)) return null;
  const isOurs = watched === undefined || Number(watched) === pid;
  const watchdogMs = Number(usec) / 1000;
  return { socket, watchdogMs: isOurs && watchdogMs > 0 ? watchdogMs : null };
}
