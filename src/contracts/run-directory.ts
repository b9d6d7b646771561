/**
 * Names by which the processes of a node, and the commands that ask it, find each other: the run directory,
 * what lies in it, and the titles that processes go by.
 */

export const DEFAULT_RUN_DIR = '/run/evergate';

/** What a package's unit runs. */
export const DEFAULT_CONFIG = '/etc/evergate/evergate.yaml';

/** The guardian listens there. */
export const ADMIN_SOCKET_FILE = 'admin.sock';

/** And there, for a group that may look. */
export const STATUS_SOCKET_FILE = 'status.sock';

/** The guardian's timeline, which outlives it. */
export const EVENTS_FILE = 'events';

/** The process titles; they are how a pid from a file is recognised as ours. */
export const GUARDIAN_TITLE = 'evergate: guardian';
export const BALANCER_TITLE = 'evergate: balancer';
export const SPARE_TITLE = 'evergate: spare';
export const CHECKER_TITLE = 'evergate: checker';
export const REAPER_TITLE = 'evergate: reaper';
