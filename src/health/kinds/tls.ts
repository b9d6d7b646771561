/** The TLS check: the server completes a handshake. */

import type { CheckSchedule, CheckTls } from '../../config/model/checks.ts';
import { assert } from '../../core/assert.ts';
import type { CheckKind } from './check-kind.ts';

export type TlsCheckConfig = CheckSchedule & { readonly kind: 'tls'; readonly tls: CheckTls };

export const TLS = {
  type: 'tls',
  does: 'ends after the handshake',
  option: null,
  wantsAnswer: true,
  takesTls: true,
  takesHttp: false,
  alpn: [],
  build: ({ schedule, tls }): TlsCheckConfig => {
    assert(tls !== null, 'who asks for a handshake says which');
    return { kind: 'tls', ...schedule, tls };
  },
  withFiles: (config, { fillTls }) => ({ ...config, tls: fillTls(config.tls) }),
  needsSecret: ({ tls }) => tls.certificate !== null,
  withoutSecrets: (config) => ({ ...config, tls: { ...config.tls, certificate: null } }),
} as const satisfies CheckKind<TlsCheckConfig>;
