/**
 * The part of the configuration model about health checks: what several kinds of check are made of. The kinds
 * themselves are in src/health/kinds/. Durations are whole milliseconds and defaults are filled in by the front
 * ends.
 */

/** What is asked over HTTP, and which answers pass. */
export type HttpCheckRules = {
  readonly request: HttpCheckRequest;
  /** All must hold; with none, a status of 200..399 passes. */
  readonly expect: readonly HttpExpectation[];
  /**
   * Which answers take a server out of the balance while its sessions go on, instead of down: none, 404
   * (HAProxy: `http-check disable-on-404`), or every answer with a status that is not expected.
   */
  readonly drainOn: 'none' | '404' | 'unexpected-status';
  /** A 401 or 403 passes, with a warning: a stranger is told no more than that. Absent: it is as any other. */
  readonly denialPasses?: true;
  /** Ask over one connection as long as it lasts; false: a new one each time. */
  readonly keepConnection: boolean;
};

export type CheckSchedule = {
  /** It needs a secret, and is run where that is (health/apart.ts); absent: it needs none. */
  readonly apart?: true;
  /** null: the server's own. */
  readonly host: string | null;
  readonly port: number | null;
  readonly intervalMs: number;
  /** While going up or down. */
  readonly fastIntervalMs: number;
  /** While down. */
  readonly downIntervalMs: number;
  readonly rise: number;
  readonly fall: number;
  /**
   * Of the connect and the TLS handshake, already reckoned from `timeout check`, `timeout connect` and
   * `inter`.
   */
  readonly connectTimeoutMs: number;
  /** Of what follows them; null: everything together takes at most connectTimeoutMs. */
  readonly responseTimeoutMs: number | null;
  /** A server that is up is waited for by what it usually takes, at most for these (health/patience.ts); absent: always for these. */
  readonly learnsPatience?: true;
  /** What traffic that cannot connect means for the server's health; null: only an earlier check. */
  readonly passive: PassiveHealthConfig | null;
};

/** HAProxy: `observe layer4`, `error-limit`, `on-error`. "Mark at once" is a limit of 1 and `mark-down`. */
export type PassiveHealthConfig = {
  /** Failed connects in a row that count as one verdict; at least 1. */
  readonly errorLimit: number;
  readonly onError: 'fastinter' | 'fail-check' | 'sudden-death' | 'mark-down';
};

export type CheckTls = {
  /** `required`: the chain must lead to `ca`, and carry `verifyName` or `sni` where one is given. */
  readonly verify: 'none' | 'required';
  /** Authorities; null: the system's. */
  readonly ca: FileText | null;
  /** Client certificate and its key, which may be one file. */
  readonly certificate: { readonly cert: FileText; readonly key: FileText } | null;
  /** Sent to the server; null: none. */
  readonly sni: string | null;
  /** Name or address the certificate must carry; null: `sni`, or any. */
  readonly verifyName: string | null;
  /** Empty: the extension is not sent. */
  readonly alpn: readonly string[];
  /** Names and addresses clients use, e.g. the VIP: one that the certificate lacks is a warning. */
  readonly clientNames: readonly string[];
};

export type HttpCheckRequest = {
  readonly method: string;
  readonly uri: string;
  readonly version: '1.0' | '1.1';
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Empty: none. */
  readonly body: string;
  /** Sent as `Authorization: Bearer`; null: none. */
  readonly token: FileText | null;
};

/** HAProxy: `http-check expect [!] ...`. */
export type HttpExpectation = { readonly negated: boolean } & (
  | { readonly kind: 'status'; readonly ranges: readonly StatusRange[] }
  /** The status matches a regular expression. */
  | { readonly kind: 'rstatus'; readonly pattern: string }
  /** The body holds the text, or matches. */
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'rstring'; readonly pattern: string }
);

/** Both included. */
export type StatusRange = { readonly min: number; readonly max: number };

/** A file whose text is read before the model is put to use, while there is still the right to do so. */
export type FileText = {
  readonly path: string;
  /** null: not read yet. */
  readonly text: string | null;
};
