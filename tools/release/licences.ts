/** The licences of what the package carries, word for word, in one text. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

type Manifest = { readonly name: string; readonly version: string; readonly license: string };

/** Of the packages in these folders; throws when one of them comes without a licence. */
export function licenceTexts(folders: readonly string[]): string {
  const parts = folders.map((folder) => {
    const manifest: Manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const files = readdirSync(folder).filter((name) => /^(licen[cs]e|notice)/i.test(name));
    if (files.length === 0) throw new Error(`${manifest.name} has no file with its licence`);
    const texts = files.map((name) => readFileSync(join(folder, name), 'utf8').trim());
    const { name, version, license } = manifest;
    return `${'='.repeat(80)}\n${name} ${version} (${license})\n\n${texts.join('\n\n')}\n`;
  });
  return `Evergate carries these works of others, under their own terms.\n\n${parts.join('\n')}`;
}
