/** The fields of `evergate status --json` as Markdown tables, from the types that it has (src/stats/status.ts). */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'oxc-parser';
import { assert } from '../../src/core/assert.ts';
import { BACKEND, type CounterTable, FRONTEND, SERVER } from '../../src/stats/catalogue.ts';

const FILE = join(import.meta.dirname, '..', '..', 'src', 'stats', 'status.ts');

/** By table of the page: a type, and the counters that are fields of it, too. */
const TABLES: Readonly<Record<string, readonly [type: string, counters: CounterTable]>> = {
  report: ['StatusReport', {}],
  configuration: ['ConfigurationStatus', {}],
  balancer: ['BalancerStatus', {}],
  checker: ['CheckerStatus', {}],
  'balancer-report': ['BalancerReport', {}],
  frontend: ['FrontendStatus', FRONTEND],
  backend: ['BackendStatus', BACKEND],
  server: ['ServerStatus', SERVER],
  ownership: ['OwnershipStatus', {}],
  vrrp: ['VrrpFigures', {}],
  redirects: ['RedirectStatus', {}],
  script: ['ScriptStatus', {}],
};

type Field = { readonly name: string; readonly kind: string; readonly meaning: string };

export function statusTables(): Readonly<Record<string, string>> {
  const source = readFileSync(FILE, 'utf8');
  return Object.fromEntries(
    Object.entries(TABLES).map(([table, [type, counters]]) => {
      return [table, render([...fieldsOf(source, type), ...countersOf(counters)])];
    }),
  );
}

/** Those that the type itself names. */
function fieldsOf(source: string, type: string): readonly Field[] {
  const { program, comments } = parseSync(FILE, source);
  const declared = program.body
    .map((node) => (node.type === 'ExportNamedDeclaration' ? node.declaration : null))
    .find((node) => node?.type === 'TSTypeAliasDeclaration' && node.id.name === type);
  assert(declared?.type === 'TSTypeAliasDeclaration', `status.ts has a type "${type}"`);
  const { typeAnnotation: body } = declared;
  const parts = body.type === 'TSIntersectionType' ? body.types : [body];
  const members = parts.flatMap((part) => (part.type === 'TSTypeLiteral' ? part.members : []));
  return members.flatMap((member): Field[] => {
    if (member.type !== 'TSPropertySignature' || member.key.type !== 'Identifier') return [];
    const { typeAnnotation, optional, key, start } = member;
    const kind = typeAnnotation?.typeAnnotation;
    assert(kind !== undefined, `"${key.name}" has a type`);
    const comment = comments.findLast((one) => {
      return one.end <= start && source.slice(one.end, start).trim() === '';
    });
    return [
      {
        name: `${key.name}${optional ? '?' : ''}`,
        kind: oneLine(source.slice(kind.start, kind.end).replace(/\/\*\*.*?\*\//gs, '')),
        meaning: oneLine((comment?.value ?? '').replace(/^\s*\*+/gm, '')),
      },
    ];
  });
}

function countersOf(table: CounterTable): readonly Field[] {
  return Object.entries(table).flatMap(([name, { status, metrics = {} }]): Field[] => {
    const [meaning = ''] = Object.values(metrics);
    return status === true ? [{ name, kind: 'number', meaning }] : [];
  });
}

function oneLine(text: string): string {
  return text.replaceAll('readonly ', '').replace(/\s+/g, ' ').trim();
}

function render(fields: readonly Field[]): string {
  const lines = fields.map(({ name, kind, meaning }) => {
    return `| \`${name}\` | \`${kind}\` | ${meaning} |`.replace(/`([^`]*)`/g, (code) => {
      return code.replaceAll('|', '\\|');
    });
  });
  return `| Field | Type | What it says |\n|---|---|---|\n${lines.join('\n')}\n`;
}
