/**
 * The `check` section: which health check every server gets. Where a file of kubeadm that a default points
 * to is not there, the check does without it, and a note says what is therefore not verified.
 */

import { ALL_CHECK_KINDS, checkKindOfType } from '../../health/kinds/check-kinds.ts';
import { WHOLE_FILE } from '../haproxy/report.ts';
import { KUBEADM_CA, KUBEADM_CERT, KUBEADM_KEY } from './defaults.ts';
import type { Draft } from './draft.ts';
import type { CheckSection } from './schema.ts';

export type CheckPlan = {
  readonly section: CheckSection;
  readonly path: string;
  readonly expect: readonly number[];
  /** null: the server's certificate is not verified. */
  readonly ca: string | null;
  readonly client: { readonly cert: string; readonly key: string } | null;
  /** What is not verified and not known, for the status report. */
  readonly notes: readonly string[];
};

const TLS_KEYS = ['verify', 'ca', 'cert', 'key', 'server-name'] as const;
const HTTP_KEYS = ['path', 'expect', 'token'] as const;

/** Keys that the check's type has no use for. */
function refuseStrays(draft: Draft, section: CheckSection): void {
  const { takesTls, takesHttp } = checkKindOfType(section.type);
  const strays = [...(takesTls ? [] : TLS_KEYS), ...(takesHttp ? [] : HTTP_KEYS)].filter(
    (key) => section[key] !== undefined,
  );
  for (const key of strays) {
    const trait = (HTTP_KEYS as readonly string[]).includes(key) ? 'takesHttp' : 'takesTls';
    const fits = ALL_CHECK_KINDS.filter((kind) => kind[trait])
      .map(({ type }) => type)
      .join(' or ');
    const text = `"check.${key}" has no meaning for "type: ${section.type}"; remove it, or use type ${fits}`;
    draft.report.error(draft.keyPlace(['check', key]), 'bad-value', text);
  }
}

/** A file that the configuration itself names must be there. */
function requireFile(
  draft: Draft,
  here: boolean,
  key: 'ca' | 'cert' | 'key' | 'token',
  path: string,
): void {
  if (draft.context.fileExists(path)) return;
  const text = `The file "${path}" of "check.${key}" does not exist; correct the path, or create the file`;
  const place = draft.place(['check', key]);
  if (here) draft.report.error(place, 'unreadable-file', text);
  else draft.report.warning(place, 'unreadable-file', text);
}

/** Only of files that the defaults name: what the file says itself is no surprise. */
function warnOfMissing(draft: Draft, here: boolean, note: string | null): void {
  if (note === null || !here) return;
  const place = draft.has(['check']) ? draft.keyPlace(['check']) : WHOLE_FILE;
  draft.report.warning(place, 'unreadable-file', note);
}

type Outcome<Value> = { readonly value: Value; readonly note: string | null };

function chooseAuthority(
  draft: Draft,
  here: boolean,
  section: CheckSection,
): Outcome<string | null> {
  const { report, context } = draft;
  if (section.verify === false) {
    if (section.ca !== undefined) {
      const text = '"check.ca" is ignored with "verify: false"';
      report.warning(draft.keyPlace(['check', 'ca']), 'ignored-directive', text);
    }
    const note = 'Checks do not verify the certificates of the servers: "check.verify" is false';
    return { value: null, note };
  }
  if (section.ca !== undefined) {
    requireFile(draft, here, 'ca', section.ca);
    return { value: section.ca, note: null };
  }
  if (context.fileExists(KUBEADM_CA)) return { value: KUBEADM_CA, note: null };
  if (section.verify === true) {
    const text = `"check.verify" needs "check.ca", for the file "${KUBEADM_CA}" does not exist`;
    report.error(draft.place(['check', 'verify']), 'missing-value', text);
  }
  const note = `Checks do not verify the certificates of the servers: the file "${KUBEADM_CA}" does not exist`;
  return { value: null, note };
}

function chooseClient(
  draft: Draft,
  here: boolean,
  section: CheckSection,
): Outcome<CheckPlan['client']> {
  const { report, context } = draft;
  const { cert, key } = section;
  if (cert !== undefined && key !== undefined) {
    requireFile(draft, here, 'cert', cert);
    requireFile(draft, here, 'key', key);
    return { value: { cert, key }, note: null };
  }
  if (cert !== undefined || key !== undefined) {
    const [given, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    const text = `"check.${given}" needs "check.${missing}" beside it; name both`;
    report.error(draft.keyPlace(['check', given]), 'missing-value', text);
    return { value: null, note: null };
  }
  if (section.token !== undefined) {
    requireFile(draft, here, 'token', section.token);
    return { value: null, note: null };
  }
  const missing = [KUBEADM_CERT, KUBEADM_KEY].find((path) => !context.fileExists(path));
  if (missing === undefined) return { value: { cert: KUBEADM_CERT, key: KUBEADM_KEY }, note: null };
  // Only who makes a request asks for something that an apiserver may deny to strangers.
  const note = checkKindOfType(section.type).takesHttp
    ? `Checks ask without a client certificate: the file "${missing}" does not exist`
    : null;
  return { value: null, note };
}

/**
 * Complains about what does not fit together; the plan is used only when nothing did. `here`: the files of
 * this machine are those that will be used.
 */
export function planCheck(draft: Draft, here: boolean): CheckPlan {
  const section = draft.file.check;
  refuseStrays(draft, section);
  const tls = checkKindOfType(section.type).takesTls;
  const authority = tls ? chooseAuthority(draft, here, section) : { value: null, note: null };
  if (section.verify === undefined) warnOfMissing(draft, here, authority.note);
  const client = tls ? chooseClient(draft, here, section) : { value: null, note: null };
  warnOfMissing(draft, here, client.note);
  if (section.token !== undefined && authority.value === null) {
    const text =
      '"check.token" needs a verified server, or anyone could ask for it; give "check.ca"';
    draft.report.error(draft.keyPlace(['check', 'token']), 'missing-value', text);
  }
  return {
    section,
    path: section.path ?? '/readyz',
    expect: section.expect ?? [200],
    ca: authority.value,
    client: client.value,
    notes: [authority.note, client.note].filter((note) => note !== null),
  };
}
