/** `track [<backend>/]<server>` (configuration manual section 5.2): a server's state is that of another one. */

import type { ServerName } from '../model/traffic.ts';
import { didYouMean } from '../suggest.ts';
import type { ProxyDraft, ServerDraft } from './draft.ts';
import { hasBackend } from './draft.ts';
import type { Report } from './report.ts';

type Tracked = { readonly proxy: ProxyDraft; readonly server: ServerDraft };

/** Whom the server of a proxy tracks; null: nobody. */
export function trackedName(proxy: ProxyDraft, { settings }: ServerDraft): ServerName | null {
  const text = settings.track?.text;
  if (text === undefined) return null;
  const slash = text.indexOf('/');
  if (slash === -1) return { backend: proxy.name, server: text };
  return { backend: text.slice(0, slash), server: text.slice(slash + 1) };
}

/** Complains about what HAProxy refuses: nobody of that name, nobody who is checked at the end, circles. */
export function judgeTracks(report: Report, all: readonly ProxyDraft[]): void {
  const proxies = all.filter((proxy) => hasBackend(proxy) && proxy.mode.value === 'tcp');
  for (const proxy of proxies) {
    for (const server of proxy.servers) judgeTrack(report, proxies, { proxy, server });
  }
}

function judgeTrack(report: Report, proxies: readonly ProxyDraft[], tracker: Tracked): void {
  const place = tracker.server.settings.track;
  if (place === undefined) return;
  const fail = (text: string, code: 'unknown-name' | 'bad-value' = 'bad-value') =>
    report.error(place, code, `"track ${place.text}": ${text}`);
  if (tracker.server.settings.check?.value === true) {
    fail('a server with a "check" tracks no other; keep one of the two');
    return;
  }
  const seen = [tracker.server];
  for (let at = tracker; ; ) {
    const next = find(report, proxies, at, seen.length === 1);
    if (next === null) return;
    if (seen.includes(next.server)) {
      fail(`it leads back to "${next.server.name}"; let one of them have a "check"`);
      return;
    }
    seen.push(next.server);
    if (next.server.settings.check?.value === true) {
      judgeConditions(report, tracker, next);
      return;
    }
    if (next.server.settings.track === undefined) {
      fail(`server "${next.proxy.name}/${next.server.name}" has no "check"; add one`);
      return;
    }
    at = next;
  }
}

/** The next of the chain; null after an error, which is told where the chain begins. */
function find(
  report: Report,
  proxies: readonly ProxyDraft[],
  { proxy, server }: Tracked,
  tells: boolean,
): Tracked | null {
  const name = trackedName(proxy, server);
  const place = server.settings.track;
  if (name === null || place === undefined) return null;
  const found = proxies.find((each) => each.name === name.backend);
  const tracked = found?.servers.find((each) => each.name === name.server);
  if (found !== undefined && tracked !== undefined) return { proxy: found, server: tracked };
  if (!tells) return null;
  const names =
    found === undefined ? proxies.map((each) => each.name) : found.servers.map((each) => each.name);
  const [what, wanted] =
    found === undefined ? ['backend', name.backend] : [`server of "${found.name}"`, name.server];
  const text = `"track ${place.text}": no ${what} is called "${wanted}"${didYouMean(wanted, names)}`;
  report.error(place, 'unknown-name', text);
  return null;
}

/** What makes a server ask for no new connections has to be the same on both sides, as in HAProxy. */
function judgeConditions(report: Report, tracker: Tracked, tracked: Tracked): void {
  if (tracker.proxy.disableOn404 === tracked.proxy.disableOn404) return;
  const place = tracker.server.settings.track;
  if (place === undefined) return;
  const text =
    `"track ${place.text}": "http-check disable-on-404" stands in one of "${tracker.proxy.name}" and ` +
    `"${tracked.proxy.name}" only; write it in both or in none`;
  report.error(place, 'bad-value', text);
}
