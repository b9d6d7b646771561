/**
 * Golden files of the keepalived.conf front end: the input, a line of dashes, the expected diagnostics and
 * configuration. A first line `! options: ...` sets `id=NAME`, `keep-scripts`, `no-balancer`. Further files
 * (includes, scripts) follow the input, each behind a line `===== PATH`.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Diagnostic, formatDiagnostic } from '../../src/config/diagnostics.ts';
import { type KeepalivedResult, parseKeepalived } from '../../src/config/keepalived/index.ts';
import { lintNodes } from '../../src/config/lint.ts';

const GOLDEN_FOLDER = join(import.meta.dirname, 'keepalived');
const MAIN_FILE = 'keepalived.conf';

const RULER = '----------\n';

export type GoldenFile = {
  readonly name: string;
  readonly path: string;
  /** All before the ruler, as it stands. */
  readonly source: string;
  readonly input: string;
  readonly files: ReadonlyMap<string, string>;
  readonly expected: string;
};

export type GoldenResult = KeepalivedResult & { readonly all: readonly Diagnostic[] };

export function readGoldenFiles(): readonly GoldenFile[] {
  const names = readdirSync(GOLDEN_FOLDER).filter((name) => name.endsWith('.golden'));
  return names.sort().map((name) => {
    const path = join(GOLDEN_FOLDER, name);
    const text = readFileSync(path, 'utf8');
    const ruler = text.indexOf(RULER);
    const source = text.slice(0, ruler);
    const [input = '', ...rest] = source.split(/^===== (.*)\n/m);
    const files = new Map<string, string>();
    for (let index = 0; index < rest.length; index += 2) {
      files.set(rest[index] ?? '', rest[index + 1] ?? '');
    }
    return { name, path, source, input, files, expected: text.slice(ruler + RULER.length) };
  });
}

/** Only a `*` within one folder, which is all that the golden files use. */
function matches(pattern: string, path: string): boolean {
  const parts = pattern.split('*').map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join('[^/]*')}$`).test(path);
}

export function parseGolden(golden: GoldenFile): GoldenResult {
  const options = /^! options: (.*)$/m.exec(golden.input)?.[1]?.split(' ') ?? [];
  const result = parseKeepalived(MAIN_FILE, golden.input, {
    readInclude: (pattern) =>
      [...golden.files]
        .filter(([file]) => matches(pattern, file))
        .map(([file, text]) => ({ file, text })),
    readScript: (path) => golden.files.get(path) ?? null,
    configId: options.find((option) => option.startsWith('id='))?.slice(3) ?? null,
    keepScripts: options.includes('keep-scripts'),
    balancerHere: !options.includes('no-balancer'),
  });
  return { ...result, all: [...result.diagnostics, ...lintNodes([result.facts])] };
}

/** What stands behind the ruler. */
export function formatGolden({ all, config }: GoldenResult): string {
  const lines = all.map(formatDiagnostic);
  if (config !== null) lines.push(JSON.stringify(config, null, 2));
  return `${lines.join('\n')}\n`;
}
