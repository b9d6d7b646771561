/**
 * What stands before the text of a log line, as HAProxy frames it: RFC 3164 without a host name, for
 * receivers on the same machine (HAProxy management guide, "log"). The tag stays `haproxy`: existing rsyslog
 * rules match it.
 */

import type { LogTarget } from '../config/model/process.ts';
import { clockText, type LocalTime, monthName } from '../core/local-time.ts';

const TAG = 'haproxy';

/** Severity that a message of this level (a syslog severity, 0 most urgent) is sent at; null: not wanted. */
export function severityFor(
  target: Pick<LogTarget, 'levelMax' | 'levelMin'>,
  level: number,
): number | null {
  return level > target.levelMax ? null : Math.max(level, target.levelMin);
}

/** `<150>Nov  3 02:58:44 haproxy[PID]: ` in the format of RFC 3164; the text and a line end follow it. */
export function messageHeader(
  target: Pick<LogTarget, 'format' | 'facility'>,
  severity: number,
  time: LocalTime,
  processId: number,
): string {
  switch (target.format) {
    case 'raw':
      return '';
    case 'short':
      return `<${severity}>`;
    case 'rfc3164': {
      const date = `${monthName(time)} ${String(time.day).padStart(2, ' ')} ${clockText(time)}`;
      return `<${target.facility * 8 + severity}>${date} ${TAG}[${processId}]: `;
    }
  }
}
