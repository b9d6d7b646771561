/**
 * Why each code of diagnostics.ts matters, and what mends it: `evergate explain` prints it, and docs/diagnostics.md has it
 * from here.
 */

import type { DiagnosticCode } from './diagnostics.ts';

export type Explanation = {
  /** Sentences. */
  readonly why: string;
  /** The same, with links to pages as those beside docs/diagnostics.md write them. */
  readonly fix: string;
};

export const EXPLANATIONS: Readonly<Record<DiagnosticCode, Explanation>> = {
  'unreadable-file': {
    why: 'Nothing is known of what the file would say, so nothing runs by the rest.',
    fix: 'Correct the path, or the rights of the file and of the folders above it. Pipes without a writer, devices and files larger than 16 MiB are refused as well.',
  },
  'invisible-character': {
    why: 'Text copied from a web page or a chat carries spaces that are none: the line looks right, and the word in it is another one.',
    fix: 'Delete the character at that place and type a plain space, or nothing.',
  },
  'unrendered-template': {
    why: 'The tool that fills templates in has not run, or lacks a value: the program would take the braces for a word.',
    fix: 'Render the template (Ansible, Helm, envsubst) and check what comes out of it.',
  },
  'syntax-error': {
    why: 'From there on nobody can say what belongs to what.',
    fix: 'Add what the text names: the brace, the quote, the argument, the indentation.',
  },
  'unknown-directive': {
    why: 'A mistyped word is a setting that is missing, and whoever wrote it counts on it.',
    fix: 'Correct the spelling; the text names the nearest word there is. A key of evergate.yaml stands in [configuration.md](configuration.md).',
  },
  'unsupported-directive': {
    why: 'Without it the node would do something else than the file says.',
    fix: 'Take the line out, or use what the text names instead; [haproxy.md](haproxy.md) and [keepalived.md](keepalived.md) have all of them. A proxy of HTTP can be left out with `--leave-out NAME`.',
  },
  'ignored-directive': {
    why: 'The line has no effect here, and nothing is missing without it.',
    fix: 'Remove it, or leave it for the day the file goes back to the other program.',
  },
  'bad-value': {
    why: 'The program that the file was written for refuses it, or makes of it what nobody meant.',
    fix: 'Give a value of the range that the text names.',
  },
  'missing-value': {
    why: 'There is no default that would be right for every cluster.',
    fix: 'Add the directive or argument that the text names.',
  },
  'duplicate-name': {
    why: 'Of two things with one name only one can be meant, and the other is not there.',
    fix: 'Give each a name of its own, or remove one.',
  },
  'unknown-name': {
    why: 'What is referred to does not exist, so the reference does nothing.',
    fix: 'Correct the name, or define what it names, before the place that uses it.',
  },
  'address-conflict': {
    why: 'Only one of two can have a port. An apiserver of kubeadm listens on every address; a server that is our own listener sends connections in a circle.',
    fix: "Choose another port, such as 8443, or a server that is not this machine's listener. With nftables a port of the VIP can be the apiserver's ([configuration.md](configuration.md)).",
  },
  'replaced-script': {
    why: 'Whether the balancer runs is known without asking for a process, and known sooner.',
    fix: 'Nothing, or remove the script. `--keep-scripts` runs it as it is.',
  },
  'missing-script': {
    why: 'A script that cannot run fails for ever, so the node would be in FAULT, or at a lower priority than it was given.',
    fix: "Put the file there, make it executable with `chmod +x`, or write `sh -c '...'` around shell syntax.",
  },
  'unsafe-script': {
    why: 'Whoever can change that file, or a folder above it, has root on this node.',
    fix: 'Give file and folders to root, writable by nobody else, and name an account with `script_user`.',
  },
  'shared-account': {
    why: 'Processes of one account may end each other; an account for everything is no boundary for anything.',
    fix: 'Create an account of its own (`useradd --system evergate`; the package does) and name it.',
  },
  'missing-interface': {
    why: 'The VIP goes to that interface, and so do advertisements.',
    fix: 'Correct the name (`ip link` lists them), or leave it out in evergate.yaml: it is found by the addresses.',
  },
  'unknown-node': {
    why: 'Priority, peers and interface of a node follow from which one it is.',
    fix: 'Correct the addresses in `nodes`, or name the node with `--node NAME`.',
  },
  'split-brain': {
    why: 'Each of the nodes hears nobody whom it believes, takes itself for the only one, and holds the VIP: clients reach one of them by chance.',
    fix: 'Give all nodes the same value; with evergate.yaml copy one file to all.',
  },
  'nodes-differ': {
    why: 'A cluster whose nodes differ does something else after each failover, and the day it matters is the day somebody looks for the reason.',
    fix: 'Decide which file is right and copy it: `evergate.yaml` and a haproxy.cfg are the same on every node. A VIP or a frontend that one node lacks is added there.',
  },
  'vip-outside-network': {
    why: 'Neighbours look for an address in the network that it belongs to; on another interface nobody asks for it.',
    fix: "Take a free address of the interface's network, with the prefix length that the interface has, or name the right interface.",
  },
  'nothing-to-run': {
    why: 'A node without a listener and without a VIP would wait for nothing.',
    fix: 'Add `listen`, `vip` or both; in the old files a frontend or a vrrp_instance.',
  },
  'one-service': {
    why: 'All these ports lead to one port of the servers; whoever writes two usually wants the second to lead elsewhere.',
    fix: 'Put the second one into a block of its own in `services` ([configuration.md](configuration.md)).',
  },
  'weight-never-decides': {
    why: 'A weight moves the VIP only when it takes a node below another one. One that cannot do that changes a number and nothing else; `nopreempt` keeps a lowered master where it is.',
    fix: 'Use weight 0 (failing gives up the VIP), or more than the difference of the priorities, and no `nopreempt` beside it.',
  },
  'equal-priorities': {
    why: 'With one priority for two nodes the higher address wins; two that fail over at the same moment both become master until they hear each other.',
    fix: 'Give each node its own, such as 100, 90 and 80; in evergate.yaml give none, and they follow the order of `nodes`.',
  },
  'shared-router-id': {
    why: 'It is what messages of a node are told apart by, and a copied file has that of the node it was copied from.',
    fix: 'Give each node its own, such as its host name.',
  },
  'default-credentials': {
    why: 'The first password that anybody tries opens the page.',
    fix: 'Choose one of your own; `stats.users` in evergate.yaml, `stats auth` in haproxy.cfg.',
  },
  'open-admin': {
    why: 'Whoever reaches the page can take every server out of use, and the cluster with it.',
    fix: 'Listen on 127.0.0.1 and use an SSH tunnel, or remove `admin`.',
  },
  'clear-text-password': {
    why: 'The password stands in every packet, readable on the network, and only its first 8 characters count.',
    fix: 'Use unicast and a firewall, or sign: `evergate key` ([vrrp-authentication.md](vrrp-authentication.md)).',
  },
  'no-vrrp-key': {
    why: 'VRRP itself believes whoever sends the higher priority.',
    fix: '`evergate key` makes a key; copy it to all nodes and name it as `vrrp.key` ([vrrp-authentication.md](vrrp-authentication.md)).',
  },
  'short-idle-timeout': {
    why: 'A watch of Kubernetes, `kubectl logs -f` and `kubectl exec` say nothing for minutes; cut there, every client asks again at once.',
    fix: '`timeout tunnel 1h` in haproxy.cfg, `timeouts.idle: 1h` in evergate.yaml.',
  },
  'no-way-back': {
    why: "A server that sees the client's own address answers it by its own route, past the balancer, and the client drops the answer.",
    fix: '[transparent-source.md](transparent-source.md) has the routes that lead answers back; or `send-proxy` where servers read it.',
  },
  'tcp-check-of-tls': {
    why: 'The kernel completes the handshake of a process that hangs; a check that does not ask gets no answer and does not miss one.',
    fix: 'Ask for `/readyz` over TLS: `option httpchk` with `check-ssl` in haproxy.cfg, `type: https` in evergate.yaml, which is the default.',
  },
};
