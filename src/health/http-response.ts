/**
 * Reads the answer to a check's request (RFC 9112): status line, header fields, and the body as far as it
 * is there. Written for what checks ask: one answer, small, over a connection that nobody else uses.
 */

/** Longest answer that is looked at, in bytes; what follows is neither read nor judged. */
export const RESPONSE_BYTES_MAX = 65_536;

const HEAD_BYTES_MAX = 16_384;

/** Informational answers (RFC 9110 section 15.2) before the one that counts. */
const INFORMATIONAL_MAX = 8;

export type HttpResponse = {
  readonly status: number;
  readonly reason: string;
  readonly body: string;
  /** The body is there to its end, or as far as it is looked at. */
  readonly complete: boolean;
  /** Another request may follow on the connection. */
  readonly reusable: boolean;
};

export type ParsedResponse =
  | { readonly kind: 'partial' }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'response'; readonly response: HttpResponse };

const STATUS_LINE = /^HTTP\/(\d)\.(\d) (\d{3})(?: ([^\r\n]*))?\r?\n/;

type Body = Pick<HttpResponse, 'body' | 'complete'> & { readonly delimited: boolean };

/**
 * `text`: all bytes so far, one character each. `ended`: no more will come. `bodyless`: the request was HEAD.
 * Never throws.
 */
export function parseHttpResponse(text: string, ended: boolean, bodyless: boolean): ParsedResponse {
  const cut = ended || text.length >= RESPONSE_BYTES_MAX;
  return parseFrom(text, { ended, cut, bodyless }, INFORMATIONAL_MAX);
}

/** `cut`: no more of the text will come, be it because it has ended or because it is long enough. */
type Reading = { readonly ended: boolean; readonly cut: boolean; readonly bodyless: boolean };

function parseFrom(text: string, reading: Reading, informationalLeft: number): ParsedResponse {
  const { ended, cut, bodyless } = reading;
  const line = STATUS_LINE.exec(text);
  if (line === null) return mayBecomeStatus(text, cut) ? { kind: 'partial' } : { kind: 'invalid' };
  const headEnd = /\r?\n\r?\n/.exec(text);
  if (headEnd === null) {
    const hopeless = cut || text.length > HEAD_BYTES_MAX;
    return hopeless ? { kind: 'invalid' } : { kind: 'partial' };
  }
  const start = headEnd.index + headEnd[0].length;
  const status = Number(line[3]);
  if (status < 200) {
    if (informationalLeft === 0) return { kind: 'invalid' };
    return parseFrom(text.slice(start), reading, informationalLeft - 1);
  }
  const fields = readFields(text.slice(line[0].length, headEnd.index));
  if (fields === null) return { kind: 'invalid' };
  const none = bodyless || status === 204 || status === 304;
  const body = readBody(text.slice(start), fields, none, cut);
  if (body === null) return { kind: 'invalid' };
  const persistent = isPersistent(`${line[1]}.${line[2]}`, fields.get('connection') ?? '');
  const response = {
    status,
    reason: line[4] ?? '',
    body: body.body,
    complete: body.complete || cut,
    reusable: persistent && body.complete && body.delimited && !ended,
  };
  return { kind: 'response', response };
}

function mayBecomeStatus(text: string, cut: boolean): boolean {
  if (cut || text.includes('\n') || text.length > HEAD_BYTES_MAX) return false;
  return 'HTTP/'.startsWith(text.slice(0, 5));
}

/** Field names in lower case; of several with one name the last counts. null: not a header section. */
function readFields(text: string): ReadonlyMap<string, string> | null {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    if (line === '') continue;
    const colon = line.indexOf(':');
    if (colon <= 0) return null;
    fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return fields;
}

/** RFC 9112 section 9.3. */
function isPersistent(version: string, connection: string): boolean {
  const options = connection.toLowerCase().split(/\s*,\s*/);
  if (options.includes('close')) return false;
  return version === '1.1' || options.includes('keep-alive');
}

/** RFC 9112 section 6.3. null: malformed. */
function readBody(
  text: string,
  fields: ReadonlyMap<string, string>,
  none: boolean,
  cut: boolean,
): Body | null {
  if (none) return { body: '', complete: true, delimited: true };
  const coding = fields.get('transfer-encoding');
  if (coding !== undefined) {
    return coding.toLowerCase() === 'chunked'
      ? readChunks(text)
      : { body: text, complete: cut, delimited: false };
  }
  const length = fields.get('content-length');
  if (length === undefined) return { body: text, complete: cut, delimited: false };
  if (!/^\d{1,15}$/.test(length)) return null;
  const bytes = Number(length);
  // More than announced: the connection is out of step.
  return {
    body: text.slice(0, bytes),
    complete: text.length >= bytes,
    delimited: text.length <= bytes,
  };
}

/** RFC 9112 section 7.1; every turn takes at least three characters of a bounded text. */
function readChunks(text: string): Body | null {
  let body = '';
  let at = 0;
  while (at < text.length) {
    const lineEnd = text.indexOf('\n', at);
    if (lineEnd === -1) break;
    const size = /^([0-9a-f]{1,7})[ \t]*(?:;[^\r\n]*)?\r?$/i.exec(text.slice(at, lineEnd))?.[1];
    if (size === undefined) return null;
    const bytes = Number.parseInt(size, 16);
    const start = lineEnd + 1;
    if (bytes === 0) {
      const trailer = /^(?:[^\r\n]+\r?\n)*\r?\n/.exec(text.slice(start));
      if (trailer === null) break;
      const delimited = start + trailer[0].length === text.length;
      return { body, complete: true, delimited };
    }
    body += text.slice(start, start + bytes);
    at = start + bytes;
    const gap = /^\r?\n/.exec(text.slice(at, at + 2));
    if (gap === null) {
      if (text.length >= at + 2) return null;
      break;
    }
    at += gap[0].length;
  }
  return { body, complete: false, delimited: true };
}
