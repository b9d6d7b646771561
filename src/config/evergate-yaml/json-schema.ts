/** JSON Schema (draft 2020-12) of evergate.yaml, for editors: docs/evergate.schema.json holds it. */

import * as z from 'zod';
import { NATIVE_SCHEMA } from './schema.ts';

/** As text, indented, with a final line break. */
export function jsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(NATIVE_SCHEMA, { io: 'input' }), null, 2)}\n`;
}
