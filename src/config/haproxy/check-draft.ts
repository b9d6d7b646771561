/** What a proxy's `option httpchk`, `http-check` and `tcp-check` lines say, while they are read. */

import type { HttpExpectation } from '../model/checks.ts';
import type { Place } from './report.ts';

export type CheckHeader = { readonly name: string; readonly value: string };

/** `http-check connect` or `tcp-check connect`. */
export type CheckConnectDraft = {
  readonly place: Place;
  /** As the server's own keywords say (`default`), TLS, or plain TCP. */
  security: 'server' | 'tls' | 'tcp';
  port: number | null;
  host: string | null;
  sni: string | null;
  alpn: readonly string[];
};

/** Undefined: not said, HAProxy's default counts. */
export type CheckRequestDraft = {
  method?: string;
  uri?: string;
  version?: '1.0' | '1.1';
  headers?: readonly CheckHeader[];
  body?: string;
};

export type CheckRulesDraft = {
  /** The rules come from a `defaults` section: the first rule of the proxy itself replaces them. */
  readonly inherited: boolean;
  /** Which family they are of; null: none stood there. */
  readonly family: 'http-check' | 'tcp-check' | null;
  readonly connect: CheckConnectDraft | null;
  /** `http-check send`, over what `option httpchk` says. */
  readonly send: CheckRequestDraft | null;
  readonly expect: readonly HttpExpectation[];
};

export const NO_RULES: CheckRulesDraft = {
  inherited: false,
  family: null,
  connect: null,
  send: null,
  expect: [],
};
