/** Carries out what a form of the stats page asks for. */

import { type ActionCode, type AdminForm, adminAction } from '../../stats/admin-form.ts';
import { listProxies } from '../statistics/collect-rows.ts';
import type { AdminContext } from './context.ts';

/** HAProxy's code for the outcome; nothing is changed unless it is DONE or PART. */
export function applyAdminForm(form: AdminForm, context: AdminContext): ActionCode {
  if (form.action === null || form.servers.length === 0) return 'NONE';
  const action = adminAction(form.action);
  const backend = findBackend(form.backend, context);
  if (action === null || backend === -1) return 'ERRP';
  const members = context.config.backends[backend]?.servers ?? [];
  const indexes = [...new Set(form.servers)].map((name) =>
    members.findIndex((server) => server.name === name),
  );
  const known = indexes.filter((index) => index !== -1);
  for (const server of known) {
    if (action.kind === 'shutdown-sessions') {
      if (!context.shutdownSessions(backend, server)) return 'DENY';
    } else context.setAdmin(backend, server, action.admin, action.cause);
  }
  if (known.length === 0) return 'ERRP';
  return known.length === indexes.length ? 'DONE' : 'PART';
}

/** "#3" is the number the page shows; anything else is a name. -1: none. */
function findBackend(backend: string | null, { config }: AdminContext): number {
  if (backend === null) return -1;
  if (!backend.startsWith('#')) return config.backends.findIndex(({ name }) => name === backend);
  const id = Number(backend.slice(1));
  const proxy = listProxies(config).find((one) => one.kind === 'backend' && one.id === id);
  return proxy?.index ?? -1;
}
