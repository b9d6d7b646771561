/** `evergate manifest`: a static pod that runs an evergate.yaml, for a kubelet's folder of manifests. */

import { Command } from 'commander';
import { formatDiagnostic } from '../config/diagnostics.ts';
import { DEFAULT_CONFIG } from '../contracts/run-directory.ts';
import { VERSION } from '../version.ts';
import { complain, print } from './printing.ts';

type ManifestOptions = { readonly config: string; readonly image: string };

export function manifestCommand(): Command {
  return new Command('manifest')
    .option('--config <file>', 'the evergate.yaml that is to run', DEFAULT_CONFIG)
    .option(
      '--image <name>',
      'the image, as the container runtime of the nodes has it',
      `localhost/evergate:${VERSION}`,
    )
    .addHelpText(
      'after',
      '\nThe pod reads /etc/evergate/evergate.yaml of its node; capabilities and volumes are those that the file takes.\n' +
        'Standard error tells what of the host it cannot reach. Exit code 1 when the file has an error, else 0.',
    )
    .action(printManifest);
}

async function printManifest({ config: file, image }: ManifestOptions): Promise<void> {
  // Loaded now: `evergate --help` needs none of it.
  const { readForAnyNode } = await import('../load-config/any-node.ts');
  const { outOfReach, staticPod } = await import('./static-pod.ts');
  const { config, errors } = await readForAnyNode(file);
  complain(errors.map((each) => `${formatDiagnostic(each)}\n`).join(''));
  if (config === null) {
    process.exitCode = 1;
    return;
  }
  complain(
    outOfReach(config)
      .map((text) => `${file}: warning: ${text}\n`)
      .join(''),
  );
  print(staticPod(config, image));
}
