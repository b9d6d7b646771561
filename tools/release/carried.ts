/** What a package carries beside the bundle: files of these npm packages, of either kind of machine. */

export const SBOM_FILE = 'sbom.cdx.json';

/** Kinds of machines, as Node.js calls them. */
export const MACHINES = ['arm64', 'x64'] as const;
export type Machine = (typeof MACHINES)[number];

export function binaryPackages(): readonly string[] {
  return MACHINES.flatMap((machine) => [
    `node-linux-${machine}`,
    `@koromix/koffi-linux-${machine}`,
  ]);
}
