/** The TCP check: the server takes a connection. */

import type { CheckSchedule } from '../../config/model/checks.ts';
import type { CheckKind } from './check-kind.ts';

export type TcpCheckConfig = CheckSchedule & { readonly kind: 'tcp' };

export const TCP = {
  type: 'tcp',
  does: 'only connects',
  option: null,
  wantsAnswer: false,
  takesTls: false,
  takesHttp: false,
  alpn: [],
  build: ({ schedule }): TcpCheckConfig => ({ kind: 'tcp', ...schedule }),
  withFiles: (config) => config,
  needsSecret: () => false,
  withoutSecrets: (config) => config,
} as const satisfies CheckKind<TcpCheckConfig>;
