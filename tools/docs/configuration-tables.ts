/** The keys of evergate.yaml as Markdown tables, from its JSON Schema, for docs/configuration.md. */

import { jsonSchema } from '../../src/config/evergate-yaml/json-schema.ts';

export const PAGE = 'docs/configuration.md';
export const SCHEMA_FILE = 'docs/evergate.schema.json';

/** What the tables need of JSON Schema. */
type Schema = {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
};

const root = JSON.parse(jsonSchema()) as Schema;

/** Blocks of keys with a table of their own, by marker: where they are in the schema. */
const BLOCKS: Readonly<Record<string, (schema: Schema) => Schema | undefined>> = {
  top: (schema) => schema,
  node: (schema) => blockOf(entryOf(schema.properties?.nodes)),
  server: (schema) => blockOf(entryOf(schema.properties?.servers)),
  service: (schema) => entryOf(schema.properties?.services),
  check: (schema) => schema.properties?.check,
  timeouts: (schema) => schema.properties?.timeouts,
  hedge: (schema) => schema.properties?.hedge,
  admission: (schema) => schema.properties?.admission,
  rebalance: (schema) => schema.properties?.rebalance,
  tcp: (schema) => schema.properties?.tcp,
  clients: (schema) => schema.properties?.clients,
  vrrp: (schema) => schema.properties?.vrrp,
  notify: (schema) => schema.properties?.notify,
  garp: (schema) => schema.properties?.vrrp?.properties?.garp,
  stats: (schema) => schema.properties?.stats,
  'runtime-socket': (schema) => blockOf(schema.properties?.['runtime-socket']),
  log: (schema) => schema.properties?.logs?.items,
  balancer: (schema) => schema.properties?.balancer,
};

function entryOf(schema: Schema | undefined): Schema | undefined {
  const entry = schema?.additionalProperties;
  return typeof entry === 'object' ? entry : undefined;
}

function blockOf(schema: Schema | undefined): Schema | undefined {
  return schema?.anyOf?.find((each) => each.properties !== undefined) ?? schema;
}

/** The kind of value in a few words. */
function kindOf(schema: Schema): string {
  if (schema.anyOf !== undefined) {
    const kinds = [...new Set(schema.anyOf.map(kindOf))];
    const item = kinds.find((kind) => !kind.startsWith('list'));
    const many = kinds.some((kind) => kind.startsWith('list'));
    return many ? `${item}, or a list` : kinds.join(' or ');
  }
  if (schema.enum !== undefined) {
    return schema.enum.length > 8 ? 'name' : schema.enum.map((name) => `\`${name}\``).join(' ');
  }
  if (schema.pattern?.includes('ms|s') === true) return 'duration';
  if (schema.type === 'integer') return `${schema.minimum} to ${schema.maximum}`;
  if (schema.type === 'boolean') return 'true or false';
  if (schema.type === 'array') return 'list';
  if (schema.type === 'object') return 'block';
  const [example] = schema.examples ?? [];
  return example === undefined ? 'text' : `such as \`${example}\``;
}

function defaultOf(schema: Schema, required: boolean): string {
  if (required) return 'required';
  const value = schema.default;
  if (value === undefined || (typeof value === 'object' && JSON.stringify(value) === '{}'))
    return '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

/** A table of keys. */
export type Block = {
  readonly name: string;
  readonly rows: readonly {
    readonly key: string;
    readonly kind: string;
    /** Empty: none; "required". */
    readonly initial: string;
    readonly meaning: string;
  }[];
};

/** All blocks, as the page has them: its marker is a block's name. */
export function keyBlocks(): readonly Block[] {
  return BLOCK_NAMES.map(blockNamed);
}

function blockNamed(name: string): Block {
  const block = BLOCKS[name]?.(root);
  if (block === undefined) throw new Error(`${PAGE}: no block of keys is called "${name}"`);
  const rows = Object.entries(block.properties ?? {}).map(([key, schema]) => ({
    key,
    kind: kindOf(schema),
    initial: defaultOf(schema, block.required?.includes(key) ?? false),
    meaning: schema.description ?? '',
  }));
  return { name, rows };
}

function render({ rows }: Block): string {
  const lines = rows.map(
    ({ key, kind, initial, meaning }) =>
      `| \`${key}\` | ${kind} | ${initial} | ${meaning.replaceAll('|', '\\|')} |`,
  );
  return ['| Key | Value | Default | Meaning |', '|---|---|---|---|', ...lines].join('\n');
}

const MARKERS = /(<!-- keys: ([a-z-]+) -->\n)[\s\S]*?(<!-- end -->)/g;

/** The page with its tables as they should be. */
export function withKeyTables(page: string): string {
  return page.replaceAll(MARKERS, (_whole, begin: string, name: string, end: string) => {
    return `${begin}\n${render(blockNamed(name))}\n\n${end}`;
  });
}

/** Names of the tables that the page must have, and of those it has. */
export const BLOCK_NAMES = Object.keys(BLOCKS);

export function tablesOf(page: string): readonly string[] {
  return [...page.matchAll(MARKERS)].map(([, , name = '']) => name);
}
