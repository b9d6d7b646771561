/** A file of HAProxy or keepalived that was given for an evergate.yaml: said once, instead of what YAML makes of it. */

import type { Place } from '../haproxy/report.ts';

export type OtherFormat = { readonly place: Place; readonly text: string };

const HAPROXY_SECTION =
  /^(global|defaults|frontend|backend|listen|userlist|peers|resolvers|program|cache|ring)(\s+[\w.-]+)*$/;
/** A line below it: a forgotten colon in an evergate.yaml looks like a section, but nothing is below that. */
const HAPROXY_LINE = /^\s+[a-z]([^:]|:\S)*$/;
const KEEPALIVED_BLOCK = /^(global_defs|vrrp_\w+|virtual_server\w*|track_\w+)\b[^:]*$/;

/** null: it may be an evergate.yaml. */
export function otherFormat(text: string): OtherFormat | null {
  const lines = text.split('\n').map((line) => line.replace(/(^|\s)[#!].*$/, '').trimEnd());
  const index = lines.findIndex((line) => line !== '');
  const first = lines[index] ?? '';
  const second = lines.slice(index + 1).find((line) => line !== '') ?? '';
  const place = { line: index + 1, column: 1 };
  if (HAPROXY_SECTION.test(first) && HAPROXY_LINE.test(second)) {
    return { place, text: said('a haproxy.cfg', '--haproxy') };
  }
  return KEEPALIVED_BLOCK.test(first)
    ? { place, text: said('a keepalived.conf', '--keepalived') }
    : null;
}

function said(what: string, option: string): string {
  return `This is ${what} and no evergate.yaml; name it by ${option} instead of --config`;
}
