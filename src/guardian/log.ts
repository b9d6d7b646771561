/** Lines on standard error, as a service manager expects of a process in the foreground. */

import type { EventDetail, EventLevel } from '../contracts/events.ts';
import { Repeats } from './output/repeats.ts';
import type { LossReport } from './output/stream-writer.ts';

export type LogLevel = EventLevel;

/** `detail`: of an event for the timeline. */
export type Log = (level: LogLevel, text: string, detail?: EventDetail) => void;

/**
 * Under the journal lines carry its priority prefix and no time, which it adds itself; otherwise ISO time and
 * the level.
 */
export type LogStyle = {
  readonly journal: boolean;
  /** Absent: text. */
  readonly format?: LogFormat;
  readonly now: () => Date;
};

/** `json`: each line is an object with `time`, `level`, `text`, and, of an event, its fields (contracts/events.ts). */
export type LogFormat = 'text' | 'json';

/** Priorities as sd-daemon(3) reads them at the head of a line. */
const JOURNAL_PREFIX: Readonly<Record<LogLevel, string>> = {
  info: '<6>',
  warning: '<4>',
  error: '<3>',
};

/** As this process was started: by a service manager with a journal (JOURNAL_STREAM is set), or not. */
export function styleOfProcess(format: LogFormat = 'text'): LogStyle {
  return { journal: process.env.JOURNAL_STREAM !== undefined, format, now: () => new Date() };
}

/**
 * `write` gets whole lines, one at a time: a text is one, whatever is in it, because it may quote somebody who
 * would like to make a line up. One that comes again and again is written a few times, and then counted.
 */
export function createLog(write: (line: string) => void, style: LogStyle): Log {
  const levels = new Map<string, LogLevel>();
  const repeats = new Repeats((line, times) => {
    const level = levels.get(line) ?? 'warning';
    levels.delete(line);
    write(logLine(level, `${times} more times in 10 s: ${line}`, style));
  });
  return (level, text, detail) => {
    const line = text.replaceAll('\n', '\\n');
    if (repeats.admits(line)) write(logLine(level, line, style, detail));
    else levels.set(line, level);
  };
}

/** A text of ours that has several lines, e.g. the stack of an error. */
export function logLines(log: Log, level: LogLevel, text: string): void {
  for (const line of text.trimEnd().split('\n')) log(level, line);
}

/** A line of the log that says how many were lost; `where`: "", or " to standard output". */
export function lossReport(style: LogStyle, where: string): LossReport {
  return (lost, why) => {
    const lines = lost === 1 ? `1 log line${where} was` : `${lost} log lines${where} were`;
    return logLine('warning', `${lines} lost: ${why}`, style);
  };
}

function logLine(
  level: LogLevel,
  line: string,
  { journal, format, now }: LogStyle,
  detail?: EventDetail,
): string {
  if (format === 'json') {
    const object = JSON.stringify({ time: now().toISOString(), level, text: line, ...detail });
    return `${journal ? JOURNAL_PREFIX[level] : ''}${object}\n`;
  }
  if (journal) return `${JOURNAL_PREFIX[level]}${line}\n`;
  return `${now().toISOString()} ${level.padEnd(7)} ${line}\n`;
}
