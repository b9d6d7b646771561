/** From a check's configuration to what runs it. */

import { unreachable } from '../../core/assert.ts';
import type { CheckConfig } from '../../health/kinds/check-kinds.ts';
import type { Check, CheckTarget } from './check.ts';
import { createHttpCheck } from './check-http.ts';
import { createTcpCheck } from './check-tcp.ts';
import { createTlsCheck } from './check-tls.ts';

export function createCheck(config: CheckConfig, target: CheckTarget): Check {
  switch (config.kind) {
    case 'tcp':
      return createTcpCheck(config, target);
    case 'tls':
      return createTlsCheck(config, target);
    case 'http':
      return createHttpCheck(config, target);
    default:
      return unreachable(config);
  }
}
