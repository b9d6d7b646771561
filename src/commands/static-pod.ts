/**
 * A static pod that runs Evergate on a control-plane node: the kubelet starts it from a file, before there is an apiserver
 * (https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/). It has the capabilities and the files that the
 * configuration takes, and no others.
 */

import { dirname } from 'node:path';
import { stringify } from 'yaml';
import type { CheckTls, FileText } from '../config/model/checks.ts';
import type { Config } from '../config/model/config.ts';
import { DEFAULT_RUN_DIR } from '../contracts/run-directory.ts';
import { checkKindOf } from '../health/kinds/check-kinds.ts';
import type { Capability } from '../linux/rights.ts';

/** Where the file lies on every node. */
const CONFIG_DIR = '/etc/evergate';
const CONFIG_FILE = `${CONFIG_DIR}/evergate.yaml`;
const CACHE_DIR = '/var/cache/evergate';
/** As the unit of the packages has it (packaging/evergate.service). */
const STOP_SECONDS = 15;
/** A probe starts a program, so it comes seldom: what hangs is replaced by Evergate itself, much earlier. */
const PROBE = { periodSeconds: 30, timeoutSeconds: 10 };
const PRIVILEGED_PORTS = 1024;

type Mount = { readonly name: string; readonly path: string; readonly readOnly: boolean };

/** As YAML. `image`: what the container runtime has it as. */
export function staticPod(config: Config, image: string): string {
  const mounts = mountsOf(config);
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'evergate',
      namespace: 'kube-system',
      labels: { component: 'evergate', tier: 'control-plane' },
    },
    spec: {
      hostNetwork: true,
      dnsPolicy: 'Default',
      priorityClassName: 'system-node-critical',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: STOP_SECONDS,
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      containers: [containerOf(config, image, mounts)],
      volumes: [
        ...mounts.map(({ name, path }) => ({
          name,
          hostPath: { path, type: 'DirectoryOrCreate' },
        })),
        { name: 'cache', emptyDir: {} },
      ],
    },
  };
  return stringify(pod, { lineWidth: 0 });
}

function containerOf(config: Config, image: string, mounts: readonly Mount[]) {
  return {
    name: 'evergate',
    image,
    imagePullPolicy: 'IfNotPresent',
    args: ['run', '--config', CONFIG_FILE],
    securityContext: {
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: capabilitiesFor(config) },
    },
    resources: { requests: { cpu: '100m', memory: '150Mi' } },
    // It answers, whatever it has to say: servers that are down are no reason to start it again.
    livenessProbe: {
      exec: { command: ['/bin/sh', '-c', 'test -n "$(evergate status)"'] },
      initialDelaySeconds: 15,
      ...PROBE,
    },
    readinessProbe: { exec: { command: ['/usr/bin/evergate', 'status'] }, ...PROBE },
    volumeMounts: [
      ...mounts.map(({ name, path, readOnly }) => ({ name, mountPath: path, readOnly })),
      { name: 'cache', mountPath: CACHE_DIR },
    ],
  };
}

/**
 * Of what a guardian keeps (guardian/capabilities.ts) those that this configuration uses in a container: there nothing
 * is left of an earlier process, and its files are root's.
 */
function capabilitiesFor({ balancer, vrrp, redirects = [] }: Config): readonly Capability[] {
  const binds = [...(balancer?.frontends ?? []), ...(balancer?.httpFrontends ?? [])].flatMap(
    (frontend) => frontend.binds,
  );
  const isLow = binds.some(
    ({ address }) => address.kind !== 'unix' && address.port < PRIVILEGED_PORTS,
  );
  return [
    ...(vrrp !== null || redirects.length > 0 ? (['NET_ADMIN'] as const) : []),
    ...(vrrp !== null ? (['NET_RAW', 'SYS_NICE'] as const) : []),
    ...(isLow ? (['NET_BIND_SERVICE'] as const) : []),
    // The balancer becomes somebody with no rights, and is ended when it hangs.
    ...(balancer !== null ? (['SETUID', 'SETGID', 'SETPCAP', 'KILL'] as const) : []),
  ];
}

function mountsOf(config: Config): readonly Mount[] {
  const folders = new Set(filesOf(config).map((path) => dirname(path)));
  const inside = (folder: string) => `${folder}/`.startsWith(`${CONFIG_DIR}/`);
  const others = [...folders].filter((folder) => !inside(folder)).sort();
  return [
    { name: 'config', path: CONFIG_DIR, readOnly: true },
    ...others.map((path, index) => ({ name: `files-${index + 1}`, path, readOnly: true })),
    { name: 'run', path: DEFAULT_RUN_DIR, readOnly: false },
  ];
}

/** Paths of the certificates, keys and tokens that are read. */
function filesOf({ balancer, vrrp }: Config): readonly string[] {
  const paths: string[] = [];
  const see = (file: FileText): FileText => {
    paths.push(file.path);
    return file;
  };
  const fillTls = (tls: CheckTls): CheckTls => {
    const { ca, certificate } = tls;
    for (const file of [ca, certificate?.cert, certificate?.key]) if (file) see(file);
    return tls;
  };
  for (const { check } of (balancer?.backends ?? []).flatMap(({ servers }) => servers)) {
    if (check !== null) checkKindOf(check.kind).withFiles(check, { fillTls, fillText: see });
  }
  const keys = (vrrp?.instances ?? []).flatMap(({ signature }) => signature?.keys ?? []);
  return [...paths, ...keys.flatMap(({ path }) => (path === null ? [] : [path]))];
}

/** What the configuration has of the host that the pod has not, in sentences. */
export function outOfReach({ balancer, vrrp }: Config): readonly string[] {
  const sockets = [
    ...(balancer?.frontends ?? []).flatMap(({ binds }) =>
      binds.flatMap(({ address }) => (address.kind === 'unix' ? [address.path] : [])),
    ),
    ...(balancer?.process.statsSockets ?? []).map(({ path }) => path),
    ...(balancer?.process.logs ?? []).flatMap(({ address }) =>
      address.kind === 'unix' ? [address.path] : [],
    ),
  ];
  const outside = sockets.filter((path) => !path.startsWith(`${DEFAULT_RUN_DIR}/`));
  const programs = (vrrp?.instances ?? []).flatMap(({ notify }) =>
    Object.values(notify).flatMap((command) => (command === null ? [] : [command.argv[0]])),
  );
  return [
    ...outside.map(
      (path) =>
        `"${path}" is outside of ${DEFAULT_RUN_DIR}, and so in the container alone: add a volume for it`,
    ),
    ...[...new Set(programs)].map(
      (path) => `"${path}" is run in the container: it has to be in the image`,
    ),
  ];
}
