/** `evergate schema`: the JSON Schema of evergate.yaml, for editors that complete and check while typing. */

import { Command } from 'commander';
import { print } from './printing.ts';

export function schemaCommand(): Command {
  return new Command('schema').action(async () => {
    // Loaded now: `evergate --help` needs none of it.
    const { jsonSchema } = await import('../config/evergate-yaml/json-schema.ts');
    print(jsonSchema());
  });
}
