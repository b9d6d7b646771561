/**
 * `npm audit`: whether a registry knows of a hole in what the package carries. To npm that is a development dependency
 * (docs/adr/0016), so --omit=dev would look at nothing: all are asked about, and those that are not in the bill of
 * materials, such as the tools of tests, are told of and no failure.
 */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A registry that cannot be asked within it is not asked: a build needs no network. */
const LIMIT_MS = 20_000;
const SBOM_FILE = 'sbom.cdx.json';
const LINES_MAX = 20;

export type Verdict = { readonly failed: boolean; readonly lines: readonly string[] };

type Hole = { readonly name: string; readonly severity: string; readonly range: string };

/** What npm said, as JSON. Anything that is no report is a registry that was not to be asked. */
export function judgeAudit(said: string, carried: ReadonlySet<string>): Verdict {
  const report = parsed(said);
  if (report === null || !('vulnerabilities' in report)) {
    const why = report !== null && 'message' in report ? String(report.message) : said.trim();
    const reason = why.slice(0, 200) || 'no answer in time';
    return { failed: false, lines: [`Not audited, the registry cannot be asked: ${reason}`] };
  }
  const holes = Object.values(report.vulnerabilities as Record<string, Hole>);
  const lines = holes.map(({ name, severity, range }) => {
    const where = carried.has(name) ? 'in the package' : 'not in the package';
    return `${name} ${range}: ${severity}, ${where}`;
  });
  const failed = holes.some(({ name }) => carried.has(name));
  const told = lines.slice(0, LINES_MAX);
  return { failed, lines: told.length > 0 ? told : ['No hole is known of'] };
}

function parsed(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** Asks the registry, for 20 s at most. Never rejects. */
export async function audit(): Promise<Verdict> {
  const { components } = JSON.parse(readFileSync(SBOM_FILE, 'utf8'));
  const carried = new Set<string>(components.map(({ name }: { name: string }) => name));
  const npm = spawn('npm', ['audit', '--json', '--package-lock-only'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const said: Buffer[] = [];
  npm.stdout.on('data', (chunk: Buffer) => said.push(chunk));
  const failure = await new Promise<string>((resolve) => {
    npm.once('error', (error) => resolve(error.message));
    npm.once('close', () => resolve(''));
  });
  return judgeAudit(failure || Buffer.concat(said).toString(), carried);
}
