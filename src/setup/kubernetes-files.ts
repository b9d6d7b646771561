/**
 * What the files of kubeadm, k3s or RKE2 on a control-plane node tell of the cluster: the apiserver's port, this node's
 * address, the nodes that run etcd, and the address that clients use already. Read as they are, changed never; what
 * cannot be read is left out, and told of.
 */

import { readdirSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { parse } from 'yaml';
import { NODES_MAX } from '../config/evergate-yaml/defaults.ts';
import { readText } from '../load-config/read-text.ts';

export type ClusterNode = { readonly name: string; readonly address: string };

export type KubernetesFacts = {
  /** null: none of the three is here. */
  readonly distribution: 'kubeadm' | 'k3s' | 'RKE2' | null;
  /** Files that were read, and those that could not be, with the reason. */
  readonly read: readonly string[];
  readonly unread: readonly string[];
  readonly apiserverPort: number;
  /** What the node calls itself; null: no file says so. */
  readonly address: string | null;
  /** Of etcd's list, in its order; those that joined later than this node may be missing. */
  readonly nodes: readonly ClusterNode[];
  /** Addresses by which clients are to reach the cluster, the likeliest VIP first. */
  readonly endpoints: readonly { readonly address: string; readonly port: number | null }[];
  /** The cluster's authority, where it is not kubeadm's place; null: it is, or there is none yet. */
  readonly authority: string | null;
};

const FILE_BYTES_MAX = 1024 * 1024;
const FILES_MAX = 64;
const APISERVER_PORT = 6443;

type Values = Readonly<Record<string, unknown>>;

/** Files below one root, with a list of what was found. */
class Files {
  readonly #root: string;
  readonly read: string[] = [];
  readonly unread: string[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  exists(path: string): boolean {
    return statSync(join(this.#root, path), { throwIfNoEntry: false }) !== undefined;
  }

  /** A mapping of YAML; empty where the file is missing or cannot be read. */
  yaml(path: string): Values {
    const file = readText(join(this.#root, path), FILE_BYTES_MAX);
    if ('problem' in file) {
      if (file.kind !== 'missing') this.unread.push(`${path} ${file.problem}`);
      return {};
    }
    try {
      const value: unknown = parse(file.text, { maxAliasCount: 100, logLevel: 'error' });
      this.read.push(path);
      return isMap(value) ? value : {};
    } catch {
      this.unread.push(`${path} is no YAML`);
      return {};
    }
  }

  /** Names in a folder that end in .yaml, sorted; none where it is missing. */
  yamlNames(folder: string): readonly string[] {
    try {
      const names = readdirSync(join(this.#root, folder)).filter((name) => name.endsWith('.yaml'));
      return names.toSorted().slice(0, FILES_MAX);
    } catch {
      return [];
    }
  }
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return value === undefined || value === null ? [] : [value];
}

/** The words of a static pod's command that begin with "--name=", without that. */
function flag(pod: Values, name: string): string | null {
  const spec = isMap(pod.spec) ? pod.spec : {};
  const words = list(spec.containers).flatMap((container) =>
    isMap(container) ? [...list(container.command), ...list(container.args)] : [],
  );
  const start = `--${name}=`;
  const word = words.find((each) => typeof each === 'string' && each.startsWith(start));
  return typeof word === 'string' ? word.slice(start.length) : null;
}

/** "https://[fd00::1]:2380"; null: it names no address. */
function endpointOf(
  url: unknown,
): { readonly address: string; readonly port: number | null } | null {
  if (typeof url !== 'string' || !URL.canParse(url)) return null;
  const { hostname, port } = new URL(url);
  const address = hostname.replace(/^\[|\]$/g, '');
  return isIP(address) === 0 ? null : { address, port: port === '' ? null : Number(port) };
}

/** etcd's "initial-cluster": name=URL, parted by commas. */
function membersOf(text: unknown): readonly ClusterNode[] {
  if (typeof text !== 'string') return [];
  const seen = new Set<string>();
  return text.split(',').flatMap((item) => {
    const at = item.indexOf('=');
    const address = endpointOf(item.slice(at + 1))?.address;
    const name = item.slice(0, at).trim();
    const isNew = address !== undefined && !seen.has(address) && seen.size < NODES_MAX;
    if (at < 1 || !isNew) return [];
    seen.add(address);
    return [{ name, address }];
  });
}

function portOf(value: unknown): number {
  const port = Number(value);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : APISERVER_PORT;
}

function addressOf(value: unknown): string | null {
  const [first] = list(value).flatMap((each) => (typeof each === 'string' ? each.split(',') : []));
  return first !== undefined && isIP(first) !== 0 ? first : null;
}

function kubeadm(files: Files): Omit<KubernetesFacts, 'read' | 'unread'> {
  const folder = '/etc/kubernetes';
  const apiserver = files.yaml(`${folder}/manifests/kube-apiserver.yaml`);
  const etcd = files.yaml(`${folder}/manifests/etcd.yaml`);
  const kubeconfigs = ['admin.conf', 'kubelet.conf'].map((name) => files.yaml(`${folder}/${name}`));
  const servers = kubeconfigs.flatMap(({ clusters }) =>
    list(clusters).flatMap((each) =>
      isMap(each) && isMap(each.cluster) ? [endpointOf(each.cluster.server)] : [],
    ),
  );
  return {
    distribution: 'kubeadm',
    apiserverPort: portOf(flag(apiserver, 'secure-port') ?? APISERVER_PORT),
    address: addressOf(flag(apiserver, 'advertise-address')),
    nodes: membersOf(flag(etcd, 'initial-cluster')),
    endpoints: servers.filter((each) => each !== null),
    authority: null,
  };
}

function rancher(files: Files, name: 'k3s' | 'rke2'): Omit<KubernetesFacts, 'read' | 'unread'> {
  const folder = `/etc/rancher/${name}`;
  const more = files.yamlNames(`${folder}/config.yaml.d`);
  const parts = [
    files.yaml(`${folder}/config.yaml`),
    ...more.map((each) => files.yaml(`${folder}/config.yaml.d/${each}`)),
  ];
  const settings: Values = Object.assign({}, ...parts);
  const data = `/var/lib/rancher/${name}/server`;
  const etcd = files.yaml(`${data}/db/etcd/config`);
  const authority = `${data}/tls/server-ca.crt`;
  const sans = list(settings['tls-san']).flatMap((each) =>
    typeof each === 'string' ? each.split(',') : [],
  );
  const server = endpointOf(settings.server);
  return {
    distribution: name === 'k3s' ? 'k3s' : 'RKE2',
    apiserverPort: portOf(settings['https-listen-port'] ?? APISERVER_PORT),
    address: addressOf(settings['node-ip']) ?? addressOf(settings['advertise-address']),
    // They add eight letters that tell one life of a member from the next.
    nodes: membersOf(etcd['initial-cluster']).map(({ name: member, address }) => {
      return { name: member.replace(/-[0-9a-f]{8}$/, ''), address };
    }),
    endpoints: [
      ...sans.filter((each) => isIP(each) !== 0).map((address) => ({ address, port: null })),
      ...(server === null ? [] : [{ address: server.address, port: null }]),
    ],
    authority: files.exists(authority) ? authority : null,
  };
}

/** `root`: in front of every path; "" for this machine. Never throws over what the files hold. */
export function readKubernetes(root: string): KubernetesFacts {
  const files = new Files(root);
  const isHere = (path: string): boolean => files.exists(path);
  const found = isHere('/etc/kubernetes/manifests')
    ? kubeadm(files)
    : isHere('/etc/rancher/rke2') || isHere('/var/lib/rancher/rke2/server')
      ? rancher(files, 'rke2')
      : isHere('/etc/rancher/k3s') || isHere('/var/lib/rancher/k3s/server')
        ? rancher(files, 'k3s')
        : null;
  const nothing = {
    distribution: null,
    apiserverPort: APISERVER_PORT,
    address: null,
    nodes: [],
    endpoints: [],
    authority: null,
  };
  const { read, unread } = files;
  return { ...(found ?? nothing), read, unread };
}
