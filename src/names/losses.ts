/** Why a server has no address, in HAProxy's words (server.c, srv_adm_st_chg_cause_str). */

import type { Failure } from './answer.ts';

export const LOSS_TEXTS: Readonly<Record<Failure, string>> = {
  nx: 'DNS NX status',
  refused: 'DNS refused status',
  timeout: 'DNS timeout status',
  other: 'unspecified DNS error',
};

/** The name has addresses, but others have them. */
export const NO_ADDRESS_LEFT = 'No IP for server';

/** Of a service. */
export const NO_RECORD_LEFT = 'entry removed from SRV record';
