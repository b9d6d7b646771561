/**
 * What the stand-in kube-apiserver answers: the health paths, /version, and enough of discovery and of
 * the core group that `kubectl get namespaces` and `kubectl get nodes --watch` work. Pure: a request's
 * path in, an answer out.
 */

export type ApiAnswer =
  | { readonly kind: 'text'; readonly status: number; readonly body: string }
  | { readonly kind: 'json'; readonly status: number; readonly body: ApiObject }
  /** A stream that sends one event a second until the client leaves. */
  | { readonly kind: 'watch' };

export type ApiObject = { readonly [key: string]: unknown };

const HEALTH_PATHS: ReadonlySet<string> = new Set(['/readyz', '/livez', '/healthz']);
const RESOURCES = ['namespaces', 'nodes', 'events'] as const;
const CREATED = '2025-05-01T00:00:00Z';
const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

/** `target` is the request's path with its query; `nodes` are the names of the cluster's nodes. */
export function answer(node: string, nodes: readonly string[], target: string): ApiAnswer {
  const url = URL.parse(target, 'https://apiserver');
  if (url === null) return json(400, status(400, 'BadRequest', 'The path does not parse'));
  const path = url.pathname;
  if (HEALTH_PATHS.has(path)) return { kind: 'text', status: 200, body: 'ok' };
  if (path.startsWith('/api/v1/') && isTrue(url.searchParams.get('watch')))
    return { kind: 'watch' };
  switch (path) {
    case '/version':
      return json(200, version(node));
    case '/api':
      return json(200, { kind: 'APIVersions', versions: ['v1'], node });
    case '/apis':
      return json(200, { kind: 'APIGroupList', apiVersion: 'v1', groups: [], node });
    case '/api/v1':
      return json(200, resourceList(node));
    case '/api/v1/namespaces':
      return json(200, list('Namespace', node, NAMESPACES));
    case '/api/v1/nodes':
      return json(200, list('Node', node, nodes));
    default:
      return json(404, { ...status(404, 'NotFound', `There is nothing at "${path}"`), node });
  }
}

/** The `sequence`-th event of a watch, as the line kube-apiserver would send. */
export function watchEvent(node: string, sequence: number): string {
  const event = {
    type: 'MODIFIED',
    object: {
      kind: 'Event',
      apiVersion: 'v1',
      metadata: {
        name: `heartbeat.${node}`,
        namespace: 'default',
        resourceVersion: String(sequence),
      },
      reason: 'Heartbeat',
      message: `Event ${sequence} from ${node}`,
      type: 'Normal',
    },
    node,
  };
  return `${JSON.stringify(event)}\n`;
}

function version(node: string): ApiObject {
  return {
    major: '1',
    minor: '32',
    gitVersion: 'v1.32.4+evergate-lab',
    gitCommit: '0000000000000000000000000000000000000000',
    gitTreeState: 'clean',
    buildDate: '2025-04-22T16:02:54Z',
    goVersion: 'none',
    compiler: 'none',
    platform: 'linux/amd64',
    node,
  };
}

function resourceList(node: string): ApiObject {
  return {
    kind: 'APIResourceList',
    groupVersion: 'v1',
    resources: RESOURCES.map((name) => ({
      name,
      singularName: name.slice(0, -1),
      namespaced: name === 'events',
      kind: `${name.charAt(0).toUpperCase()}${name.slice(1, -1)}`,
      verbs: ['get', 'list', 'watch'],
    })),
    node,
  };
}

function list(kind: string, node: string, names: readonly string[]): ApiObject {
  return {
    kind: `${kind}List`,
    apiVersion: 'v1',
    metadata: { resourceVersion: '1' },
    items: names.map((name) => ({
      kind,
      apiVersion: 'v1',
      metadata: { name, creationTimestamp: CREATED },
    })),
    node,
  };
}

function status(code: number, reason: string, message: string): ApiObject {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
}

function json(code: number, body: ApiObject): ApiAnswer {
  return { kind: 'json', status: code, body };
}

/** How Kubernetes reads a boolean parameter. */
function isTrue(value: string | null): boolean {
  return value === 'true' || value === '1';
}
