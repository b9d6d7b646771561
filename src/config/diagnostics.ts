/**
 * What `evergate check` and every start-up say about a configuration: one vocabulary for all front ends.
 *
 * Printed as `file:line:column: severity: text [code]`, logged as `text [code] in file:line:column`. Codes are stable; the table below is their only
 * source, and docs/diagnostics.md is tested against it.
 */

export type Severity = 'error' | 'warning';

export type Diagnostic = {
  readonly file: string;
  /** From 1; 0 when the diagnosis is about the file as a whole. */
  readonly line: number;
  /** From 1, in characters; 0 when the diagnosis is about the line as a whole. */
  readonly column: number;
  readonly severity: Severity;
  /** Capital first, no full stop, values quoted, names the fix. */
  readonly text: string;
  readonly code: DiagnosticCode;
};

/** Every code, with the sentence the documentation explains it by. */
export const DIAGNOSTIC_CODES = {
  // Text
  'unreadable-file': 'The file is missing or cannot be read.',
  'invisible-character': 'The file holds characters that look like a space or like nothing.',
  'unrendered-template': 'The file is a template: a place in it was not filled in.',
  'syntax-error': 'The line or block is not well formed: a quote, brace or argument is missing.',
  'unknown-directive': 'No such directive exists in this section.',
  'unsupported-directive': 'The real program knows the directive; Evergate does not do it.',
  'ignored-directive': 'Evergate does not need the directive; leaving it out changes nothing.',
  'bad-value': 'The value is not what the directive takes.',
  'missing-value': 'The directive needs an argument, or a section a directive.',
  'duplicate-name': 'Two things of one kind carry the same name.',
  'unknown-name': 'A name refers to nothing in the configuration.',
  'address-conflict': 'Two listeners ask for the same address and port.',
  'replaced-script': 'A script that watches haproxy is replaced by the built-in tracking.',
  'missing-script': 'A script file does not exist or cannot be run.',
  'unsafe-script': 'Others can change what a script runs as root, or root would run it unasked.',
  'shared-account': "The account is not the balancer's alone, and so no boundary.",
  'missing-interface': 'The network interface does not exist on this machine.',
  'unknown-node': 'The machine is none of the nodes that the file names, or several of them.',
  'split-brain': 'Nodes would not hear each other, and each hold the virtual IP.',
  'nodes-differ': 'Nodes of one cluster have different values where all should have the same.',
  'vip-outside-network': 'The virtual IP does not fit the networks of the node.',
  'nothing-to-run': 'The configuration has neither a frontend nor a VRRP instance.',
  // Lints: the file works, and will hurt
  'one-service': 'Several ports lead to one and the same port of the servers.',
  'weight-never-decides': 'No result of the script can change which node is master.',
  'equal-priorities': 'Two nodes have one priority, so chance decides between them.',
  'shared-router-id': 'Several nodes carry the same router_id.',
  'default-credentials': 'The stats page is protected by a password everybody knows.',
  'open-admin': 'Anyone who reaches the stats page may disable servers.',
  'clear-text-password': 'The VRRP password travels in clear text and is short.',
  'no-vrrp-key': 'Advertisements are not signed: anybody on the network can take the virtual IP.',
  'short-idle-timeout': 'Idle watches and "kubectl logs -f" are cut by the timeout.',
  'no-way-back': 'Servers see addresses that they would answer past the balancer.',
  'tcp-check-of-tls': 'A TCP check passes an API server that hangs.',
} as const satisfies Record<string, string>;

export type DiagnosticCode = keyof typeof DIAGNOSTIC_CODES;

export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { severity, text, code } = diagnostic;
  return `${placeOf(diagnostic)}: ${severity}: ${text} [${code}]`;
}

/** For a log, whose lines have a severity of their own: what is wrong comes first, as a reader may see no more of it. */
export function diagnosticInLog(diagnostic: Diagnostic): string {
  const { text, code } = diagnostic;
  return `${text} [${code}] in ${placeOf(diagnostic)}`;
}

function placeOf({ file, line, column }: Diagnostic): string {
  if (line === 0) return file;
  return column === 0 ? `${file}:${line}` : `${file}:${line}:${column}`;
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === 'error');
}
