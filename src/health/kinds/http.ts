/** The HTTP check: the server answers a request as expected. */

import type { CheckSchedule, CheckTls, HttpCheckRules } from '../../config/model/checks.ts';
import type { CheckKind } from './check-kind.ts';

export type HttpCheckConfig = CheckSchedule &
  HttpCheckRules & {
    readonly kind: 'http';
    /** null: over plain TCP. */
    readonly tls: CheckTls | null;
  };

/** By which somebody is known. */
const SECRET_HEADERS = ['authorization', 'proxy-authorization', 'cookie'];

export const HTTP = {
  type: 'https',
  does: 'asks for path',
  option: 'httpchk',
  wantsAnswer: true,
  takesTls: true,
  takesHttp: true,
  alpn: ['http/1.1'],
  build: ({ schedule, tls, http }): HttpCheckConfig => ({
    kind: 'http',
    ...schedule,
    tls,
    ...http,
  }),
  withFiles: (config, { fillTls, fillText }) => {
    const { tls, request } = config;
    return {
      ...config,
      tls: tls === null ? null : fillTls(tls),
      request: { ...request, token: request.token === null ? null : fillText(request.token) },
    };
  },
  needsSecret: ({ tls, request }) =>
    (tls?.certificate ?? null) !== null ||
    request.token !== null ||
    request.headers.some(({ name }) => SECRET_HEADERS.includes(name.toLowerCase())),
  withoutSecrets: (config) => ({
    ...config,
    tls: config.tls === null ? null : { ...config.tls, certificate: null },
    request: { ...config.request, token: null, headers: [], body: '' },
  }),
} as const satisfies CheckKind<HttpCheckConfig>;
