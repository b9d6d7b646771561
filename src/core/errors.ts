/**
 * Operational errors: what is wrong with the machine or the set-up, not with the code. Each has a stable
 * code from one table, a text that names the thing and the fix, and ends a command with exit code 1.
 */

/** Every code with the sentence the documentation explains it by. */
export const ERROR_CODES = {
  'already-running': 'Another Evergate runs with this run directory.',
  'run-dir': 'The run directory cannot be made or written.',
  'not-running': 'No guardian listens on the admin socket of the run directory.',
  'not-answering': 'The guardian of the run directory does not answer in time, or breaks off.',
  'no-right': 'The account may not ask the guardian of the run directory.',
  refused: 'The running guardian said no, for the reason given.',
  'config-invalid': 'The configuration has errors; they are printed before.',
  'port-busy': 'Another process listens on an address the configuration asks for.',
  'cannot-listen': 'A listening socket cannot be opened.',
  'cannot-redirect': 'Ports of the VIP cannot be redirected by nftables.',
  'needs-restart': 'A reload asks for what only a restart can change.',
  'missing-interface': 'A network interface named in the configuration does not exist.',
  'missing-account': 'A user or group that a script is to run as does not exist.',
  'notify-pipe': 'A notify FIFO cannot be made or opened.',
  'no-raw-sockets': 'VRRP needs the capabilities CAP_NET_RAW and CAP_NET_ADMIN.',
  'no-foreign-sources':
    "Connections from addresses that are not this machine's need the capability CAP_NET_RAW.",
  'address-taken': 'Another host answers for the virtual address.',
  'no-source-address': 'The interface has no address to send advertisements from.',
  'balancer-failed': 'The balancer process could not start serving.',
  'vrrp-failed': 'The VRRP speaker could not go on.',
  'not-printed': 'What a command prints could not be written to standard output.',
  'key-file': 'The file for a new key is there already, or cannot be written.',
  'output-file': 'The file for the result is there already, or cannot be written.',
  'not-answered': 'What nobody else can know was neither given nor answered.',
  'push-failed': 'Not all nodes have the file, and each is told of.',
  'lab-failed': 'The lab could not be built, asked or removed.',
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof ERROR_CODES;

export class OperationalError extends Error {
  readonly code: ErrorCode;

  /** `text`: capital first, no full stop, values quoted, names the fix. */
  constructor(code: ErrorCode, text: string) {
    super(text);
    this.name = 'OperationalError';
    this.code = code;
  }
}
