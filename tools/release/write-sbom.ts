/**
 * Writes sbom.cdx.json, the software bill of materials of the package in the form of CycloneDX: `npm sbom` makes it of
 * package-lock.json, and what the package does not carry, such as the tools of its tests, is left out. What it carries
 * are development dependencies to npm (docs/adr/0016), so npm cannot leave these out by itself. To be run, with the
 * registry in reach or not, after a change of dependencies; test/tidy/sbom.test.ts tells.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { bundle } from './bundle.ts';
import { binaryPackages, SBOM_FILE } from './carried.ts';

type Component = { readonly name: string; readonly scope?: string; readonly properties?: unknown };
type Dependency = { readonly ref: string; readonly dependsOn: readonly string[] };
type Bill = {
  readonly metadata: { readonly component: object; readonly timestamp: string };
  readonly components: readonly (Component & { readonly 'bom-ref': string })[];
  readonly dependencies: readonly Dependency[];
};

const { files } = JSON.parse(readFileSync('package.json', 'utf8'));
const { packages } = await bundle(process.cwd(), files);
const carried = new Set([...packages, ...binaryPackages()]);
const made = execFileSync('npm', ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'], {
  encoding: 'utf8',
  maxBuffer: 64 << 20,
});
// The number and the time of each making would be a change where nothing has changed.
const { serialNumber: _, ...bill } = JSON.parse(made) as Bill & { readonly serialNumber: string };
const { timestamp: __, ...metadata } = bill.metadata;
const components = bill.components
  .filter(({ name }) => carried.has(name))
  .map(({ scope: _scope, properties: _properties, ...component }) => component);
const refs = new Set(components.map((component) => component['bom-ref']));
const dependencies = bill.dependencies
  .filter(({ ref }) => refs.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((each) => refs.has(each)) }));
const component = { ...metadata.component, name: 'evergate' };
const written = { ...bill, metadata: { ...metadata, component }, components, dependencies };
writeFileSync(SBOM_FILE, `${JSON.stringify(written, null, 2)}\n`);
