/** A kubeconfig for the lab; kubectl reads JSON as it reads YAML. */

import { LabError } from './lab-error.ts';

/** `servers`: URL by the name of its context; the first is the current one. */
export function kubeconfig(
  authorityPem: string,
  servers: Readonly<Record<string, string>>,
): string {
  const [current] = Object.keys(servers);
  if (current === undefined) throw new LabError('A kubeconfig needs a server');
  const authority = Buffer.from(authorityPem).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': current,
    clusters: Object.entries(servers).map(([name, server]) => ({
      name,
      cluster: { server, 'certificate-authority-data': authority },
    })),
    // The stand-in asks for nothing, but kubectl asks its user when it has no credentials at all.
    users: [{ name: 'lab', user: { token: 'lab' } }],
    contexts: Object.keys(servers).map((name) => ({
      name,
      context: { cluster: name, user: 'lab' },
    })),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
