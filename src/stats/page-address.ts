/** The stats page's address: `stats uri` as a prefix, then options (`;csv;norefresh`, `?;csv;scope=b1`). */

export type PageRequest = {
  /** 'unavailable': one of HAProxy's formats that we do not write (`;json`, `;json-schema`, `;typed`). */
  readonly format: 'html' | 'csv' | 'unavailable';
  /** Keep the page from reloading itself. */
  readonly noRefresh: boolean;
  readonly upOnly: boolean;
  /** Part of a proxy's name; empty: all. */
  readonly scope: string;
  /** Result of the last action; null: none. */
  readonly action: string | null;
};

const SCOPE_MAX = 64;

/** null: the address is not the stats page's. */
export function parsePageAddress(uri: string, address: string): PageRequest | null {
  if (!address.startsWith(uri)) return null;
  const options = address.slice(uri.length);
  const has = (option: string): boolean => options.includes(`;${option}`);
  const action = /;st=([A-Z]{1,8})/.exec(options)?.[1] ?? null;
  const scope = /[?&;]scope=([^&;]*)/.exec(options)?.[1] ?? '';
  return {
    format: formatOf(has),
    noRefresh: has('norefresh'),
    upOnly: has('up'),
    scope: /^[\w.:-]*$/.test(scope) ? scope.slice(0, SCOPE_MAX) : '',
    action,
  };
}

/** HAProxy's JSON and typed answers come before its CSV when both are asked for. */
function formatOf(has: (option: string) => boolean): PageRequest['format'] {
  if (has('json') || has('typed')) return 'unavailable';
  return has('csv') ? 'csv' : 'html';
}

/** The page's address with the options of a request and other ones. */
export function pageAddress(uri: string, request: Partial<PageRequest>): string {
  return [
    uri,
    request.action ? `;st=${request.action}` : '',
    request.format === 'csv' ? ';csv' : '',
    request.upOnly ? ';up' : '',
    request.noRefresh ? ';norefresh' : '',
    request.scope ? `;scope=${request.scope}` : '',
  ].join('');
}
