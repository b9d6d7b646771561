/** Lines on standard error, as a service manager expects of a process in the foreground. */

export type LogLevel = 'info' | 'warning' | 'error';

export type Log = (level: LogLevel, text: string) => void;

/** Priorities as sd-daemon(3) reads them at the head of a line. */
const JOURNAL_PREFIX: Readonly<Record<LogLevel, string>> = {
  info: '<6>',
  warning: '<4>',
  error: '<3>',
};

/**
 * Under the journal (JOURNAL_STREAM is set) lines carry its priority prefix and no time, which it adds
 * itself; otherwise ISO time and the level.
 */
export function createLog(
  write: (line: string) => void,
  options: { readonly journal: boolean; readonly now: () => Date },
): Log {
  return (level, text) => {
    for (const line of text.split('\n')) {
      write(
        options.journal
          ? `${JOURNAL_PREFIX[level]}${line}\n`
          : `${options.now().toISOString()} ${level.padEnd(7)} ${line}\n`,
      );
    }
  };
}
