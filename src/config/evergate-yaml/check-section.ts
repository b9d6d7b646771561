/**
 * The `check` section: which health check every server gets. Where a file of kubeadm that a default points
 * to is not there, the check does without it, and a note says what is therefore not verified.
 */

import { ALL_CHECK_KINDS, checkKindOfType } from '../../health/kinds/check-kinds.ts';
import { WHOLE_FILE } from '../haproxy/report.ts';
import { KUBEADM_CA } from './defaults.ts';
import type { Draft } from './draft.ts';
import type { CheckSection } from './schema.ts';
import type { Path } from './tree.ts';

export type CheckPlan = {
  readonly section: CheckSection;
  readonly path: string;
  readonly expect: readonly number[];
  /** See HttpCheckRules. */
  readonly denialPasses: boolean;
  /** null: the server's certificate is not verified. */
  readonly ca: string | null;
  readonly client: { readonly cert: string; readonly key: string } | null;
  /** What is not verified and not known, for the status report. */
  readonly notes: readonly string[];
};

const TLS_KEYS = ['verify', 'ca', 'cert', 'key', 'server-name'] as const;
const HTTP_KEYS = ['path', 'expect', 'token'] as const;

/** Keys that the check's type has no use for. */
function refuseStrays(draft: Draft, { section, path }: Source): void {
  const { takesTls, takesHttp } = checkKindOfType(section.type);
  const strays = [...(takesTls ? [] : TLS_KEYS), ...(takesHttp ? [] : HTTP_KEYS)].filter(
    (key) => section[key] !== undefined,
  );
  for (const key of strays) {
    const trait = (HTTP_KEYS as readonly string[]).includes(key) ? 'takesHttp' : 'takesTls';
    const fits = ALL_CHECK_KINDS.filter((kind) => kind[trait])
      .map(({ type }) => type)
      .join(' or ');
    const text = `"${path.join('.')}.${key}" has no meaning for "type: ${section.type}"; remove it, or use type ${fits}`;
    draft.report.error(draft.keyPlace([...path, key]), 'bad-value', text);
  }
}

/** A file that the configuration itself names must be there. */
function requireFile(
  draft: Draft,
  { path, here }: Source,
  key: 'ca' | 'cert' | 'key' | 'token',
  file: string,
): void {
  if (draft.context.fileExists(file)) return;
  const text = `The file "${file}" of "${path.join('.')}.${key}" does not exist; correct the path, or create the file`;
  const place = draft.place([...path, key]);
  if (here) draft.report.error(place, 'unreadable-file', text);
  else draft.report.warning(place, 'unreadable-file', text);
}

/** Only of files that the defaults name: what the file says itself is no surprise. */
function warnOfMissing(draft: Draft, { path, here }: Source, note: string | null): void {
  if (note === null || !here) return;
  const place = draft.has(path) ? draft.keyPlace(path) : WHOLE_FILE;
  draft.report.warning(place, 'unreadable-file', note);
}

/** A `check` block; `here`: the files of this machine are those that will be used. */
type Source = {
  readonly section: CheckSection;
  readonly path: Path;
  readonly here: boolean;
  /** The service; null: that of the apiservers, to which kubeadm's files belong. */
  readonly service: string | null;
};

type Outcome<Value> = { readonly value: Value; readonly note: string | null };

function chooseAuthority(draft: Draft, source: Source): Outcome<string | null> {
  const { report, context } = draft;
  const { section, path, service } = source;
  const name = path.join('.');
  const which = service === null ? 'Checks' : `Checks of service "${service}"`;
  if (section.verify === false) {
    if (section.ca !== undefined) {
      const text = `"${name}.ca" is ignored with "verify: false"`;
      report.warning(draft.keyPlace([...path, 'ca']), 'ignored-directive', text);
    }
    const note = `${which} do not verify the certificates of the servers: "${name}.verify" is false`;
    return { value: null, note };
  }
  if (section.ca !== undefined) {
    requireFile(draft, source, 'ca', section.ca);
    return { value: section.ca, note: null };
  }
  const isThere = service === null && context.fileExists(KUBEADM_CA);
  if (isThere) return { value: KUBEADM_CA, note: null };
  const why =
    service === null
      ? `the file "${KUBEADM_CA}" does not exist`
      : `"${name}.ca" names no authority`;
  if (section.verify === true) {
    const text = `"${name}.verify" needs "${name}.ca", for ${why}`;
    report.error(draft.place([...path, 'verify']), 'missing-value', text);
  }
  const note = `${which} do not verify the certificates of the servers: ${why}`;
  return { value: null, note };
}

/** None that is not named: kubeadm's own are those of a cluster administrator, and /readyz needs none. */
function chooseClient(draft: Draft, source: Source): CheckPlan['client'] {
  const { section, path } = source;
  const name = path.join('.');
  const { cert, key } = section;
  if (section.token !== undefined) requireFile(draft, source, 'token', section.token);
  if (cert !== undefined && key !== undefined) {
    requireFile(draft, source, 'cert', cert);
    requireFile(draft, source, 'key', key);
    return { cert, key };
  }
  if (cert !== undefined || key !== undefined) {
    const [given, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    const text = `"${name}.${given}" needs "${name}.${missing}" beside it; name both`;
    draft.report.error(draft.keyPlace([...path, given]), 'missing-value', text);
  }
  return null;
}

/** Complains about what does not fit together; the plan is used only when nothing did. */
export function planCheck(draft: Draft, source: Source): CheckPlan {
  const { section, path } = source;
  refuseStrays(draft, source);
  const tls = checkKindOfType(section.type).takesTls;
  const authority = tls ? chooseAuthority(draft, source) : { value: null, note: null };
  if (section.verify === undefined) warnOfMissing(draft, source, authority.note);
  const client = tls ? chooseClient(draft, source) : null;
  const isStranger = client === null && section.token === undefined;
  if (section.token !== undefined && authority.value === null) {
    const name = path.join('.');
    const text = `"${name}.token" needs a verified server, or anyone could ask for it; give "${name}.ca"`;
    draft.report.error(draft.keyPlace([...path, 'token']), 'missing-value', text);
  }
  return {
    section,
    path: section.path ?? '/readyz',
    expect: section.expect ?? [200],
    denialPasses: source.service === null && section.expect === undefined && isStranger,
    ca: authority.value,
    client,
    notes: authority.note === null ? [] : [authority.note],
  };
}
