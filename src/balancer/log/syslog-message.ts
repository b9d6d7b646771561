/**
 * One log line as HAProxy frames it: RFC 3164 without a host name, for receivers on the same machine
 * (HAProxy management guide, "log"). The tag stays `haproxy`: existing rsyslog rules match it.
 */

import type { LogTarget } from '../../config/model/process.ts';

const TAG = 'haproxy';
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** null: the target does not want messages of this level (a syslog severity, 0 most urgent). */
export function frameMessage(
  target: Pick<LogTarget, 'format' | 'facility' | 'levelMax' | 'levelMin'>,
  level: number,
  text: string,
  now: Date,
  pid: number,
): string | null {
  if (level > target.levelMax) return null;
  const severity = Math.max(level, target.levelMin);
  switch (target.format) {
    case 'raw':
      return `${text}\n`;
    case 'short':
      return `<${severity}>${text}\n`;
    case 'rfc3164': {
      const day = String(now.getDate()).padStart(2, ' ');
      const time = [now.getHours(), now.getMinutes(), now.getSeconds()]
        .map((part) => String(part).padStart(2, '0'))
        .join(':');
      const stamp = `${MONTHS[now.getMonth()]} ${day} ${time}`;
      return `<${target.facility * 8 + severity}>${stamp} ${TAG}[${pid}]: ${text}\n`;
    }
  }
}
