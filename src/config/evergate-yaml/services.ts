/** The services of evergate.yaml: that of the apiservers, which the top of the file describes, and those under `services`. */

import { PROXY_NAME, SERVICES_MAX, STATS_NAME } from './defaults.ts';
import type { Draft } from './draft.ts';
import type { CheckSection, ServiceEntry } from './schema.ts';
import { checkServers, type Listed, listServers, serversAt } from './servers.ts';
import { judgeNames } from './service-names.ts';
import type { Path } from './tree.ts';
import type { Listen } from './values.ts';

export type Service = {
  readonly name: string;
  readonly listen: readonly Listen[];
  /** Where its `listen` stands. */
  readonly path: Path;
  /** Lower case, such as "*.example.com"; where there are any, it takes no other clients. */
  readonly names: readonly string[];
  readonly servers: readonly Listed[];
  readonly check: ServiceCheck;
};

export type ServiceCheck =
  | { readonly section: CheckSection; readonly path: Path }
  /** Its servers are as those of the same names in another service. */
  | { readonly follows: string };

/** Keys at the top that only the apiservers' own service goes by. */
const APISERVER_KEYS = ['apiserver-port', 'check'];

/** In the order of the file; complaints are reported. Empty: nothing is balanced. */
export function listServices(draft: Draft): readonly Service[] {
  const { file, report } = draft;
  const entries = Object.entries(file.services ?? {});
  if (file.services !== undefined && (entries.length === 0 || entries.length > SERVICES_MAX)) {
    const text = `"services" names ${entries.length} services; give 1 to ${SERVICES_MAX}`;
    report.error(draft.keyPlace(['services']), 'missing-value', text);
  }
  const services = entries.flatMap(([name, entry]) => toService(draft, name, entry) ?? []);
  if (file.listen === undefined) {
    for (const key of services.length === 0 ? [] : APISERVER_KEYS) {
      if (!draft.has([key])) continue;
      const text = `"${key}" is ignored without "listen": it is about the apiservers, and services have their own`;
      report.warning(draft.keyPlace([key]), 'ignored-directive', text);
    }
  } else {
    const servers = listServers(draft);
    const check = { section: file.check, path: ['check'] };
    services.unshift({
      name: PROXY_NAME,
      listen: file.listen,
      path: ['listen'],
      names: [],
      servers,
      check,
    });
  }
  checkServers(draft, ['servers'], listServers(draft));
  for (const service of services) judgeFollowing(draft, services, service);
  judgeNames(draft, services);
  return services;
}

function toService(draft: Draft, name: string, entry: ServiceEntry): Service | null {
  const { file, report } = draft;
  const path = ['services', name];
  if (name === STATS_NAME || (name === PROXY_NAME && file.listen !== undefined)) {
    const what = name === STATS_NAME ? 'the page of "stats"' : 'the service of the top of the file';
    const text = `"${name}" is the name of ${what}; choose another`;
    report.error(draft.keyPlace(path), 'duplicate-name', text);
    return null;
  }
  const port = entry.port ?? portOf(entry.listen[0]);
  if (port === null) {
    const text = `Service "${name}" needs the "port" of its servers, as it listens on none itself`;
    report.error(draft.keyPlace(path), 'missing-value', text);
    return null;
  }
  const at = [...path, 'servers'];
  const servers =
    entry.servers === undefined
      ? // Their own ports are those of the apiservers.
        listServers(draft).map((server) => ({ ...server, port }))
      : serversAt(draft, at, entry.servers, port);
  checkServers(draft, at, servers);
  const check: ServiceCheck =
    typeof entry.check === 'string'
      ? { follows: entry.check }
      : { section: entry.check, path: [...path, 'check'] };
  const names = (entry.names ?? []).map((each) => each.toLowerCase());
  return { name, listen: entry.listen, path: [...path, 'listen'], names, servers, check };
}

function portOf(listen: Listen | undefined): number | null {
  return listen === undefined || listen.kind === 'unix' ? null : listen.port;
}

/** A service that is followed has a check of its own, and all the servers of the one that follows it. */
function judgeFollowing(draft: Draft, services: readonly Service[], service: Service): void {
  const { name, check, servers } = service;
  if (!('follows' in check)) return;
  const place = draft.place(['services', name, 'check']);
  const followed = services.find((each) => each.name === check.follows);
  if (followed === undefined || 'follows' in followed.check) {
    const candidates = services.filter((each) => !('follows' in each.check));
    const names = candidates.map((each) => `"${each.name}"`).join(', ') || 'none';
    const text = `No service "${check.follows}" has a check of its own that "${name}" could follow; there are ${names}`;
    draft.report.error(place, 'unknown-name', text);
    return;
  }
  const missing = servers.find((server) =>
    followed.servers.every((each) => each.name !== server.name),
  );
  if (missing === undefined) return;
  const text = `Service "${name}" follows the check of "${followed.name}", which has no server "${missing.name}"; give it a check of its own`;
  draft.report.error(place, 'unknown-name', text);
}
