/**
 * What a kind of health check is to all who do not run it: the words that configure it, what is true of it,
 * and what of a configuration belongs to it. Each kind's file holds one of these, and check-kinds.ts lists
 * them; how it is run is in src/balancer/checks/.
 */

import type {
  CheckSchedule,
  CheckTls,
  FileText,
  HttpCheckRules,
} from '../../config/model/checks.ts';

/** `Config` is the kind's part of the configuration model. */
export type CheckKind<Config> = {
  /** Value of `check.type` in evergate.yaml. */
  readonly type: string;
  /** What it does, as words that follow `type`. */
  readonly does: string;
  /** haproxy.cfg asks for it with `option NAME`; null: it has no option of its own. */
  readonly option: string | null;
  /** It hears the server's program. false: it passes whoever takes a connection and answers nothing. */
  readonly wantsAnswer: boolean;
  /** It runs over TLS: in evergate.yaml always, in haproxy.cfg where the file says so. */
  readonly takesTls: boolean;
  /** It goes by the rules for HTTP. */
  readonly takesHttp: boolean;
  /** Protocols that it offers over TLS (ALPN) where a file names none. */
  readonly alpn: readonly string[];
  /** Takes what it has a use for. */
  build(parts: CheckParts): Config;
  /** The same with the texts of its files. */
  withFiles(config: Config, files: FileFiller): Config;
  /** Whether it shows somebody's key, token or password. */
  needsSecret(config: Config): boolean;
  /** The same without a word of what is only for whoever runs it. */
  withoutSecrets(config: Config): Config;
};

/** What a front end gathers about a server's check, whatever its kind. */
export type CheckParts = {
  readonly schedule: CheckSchedule;
  /** null: nothing is encrypted. */
  readonly tls: CheckTls | null;
  readonly http: HttpCheckRules;
};

/** Gives parts of a configuration the texts of the files that they name. */
export type FileFiller = {
  fillTls(tls: CheckTls): CheckTls;
  fillText(file: FileText): FileText;
};
