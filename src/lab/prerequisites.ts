/** What the machine must offer for a cluster in network namespaces, and how to get what is missing. */

import { LabError } from './lab-error.ts';
import { namespaceOf, removeNamespace } from './network.ts';
import { runCommand } from './run-command.ts';

export type Missing = { readonly what: string; readonly fix: string };

/** Empty when a cluster can be built. Makes and removes one namespace to find out. */
export async function missingPrerequisites(): Promise<Missing[]> {
  const missing: Missing[] = [];
  if (process.getuid?.() !== 0) {
    missing.push({
      what: 'Root, to make network namespaces',
      fix: 'sudo npm start',
    });
  }
  if (!(await works('ip', ['-Version']))) {
    missing.push({
      what: 'The program "ip"',
      fix: 'sudo apt-get install --yes iproute2',
    });
  }
  if (missing.length > 0) return missing;
  try {
    await tryNamespace();
  } catch (error) {
    const reason = error instanceof LabError ? error.message : String(error);
    missing.push({
      what: `Network namespaces with veth pairs: ${reason}`,
      fix: 'In a container: start it with --privileged; elsewhere: modprobe veth bridge',
    });
  }
  return missing;
}

async function works(file: string, args: readonly string[]): Promise<boolean> {
  return runCommand(file, args).then(
    () => true,
    () => false,
  );
}

async function tryNamespace(): Promise<void> {
  const namespace = namespaceOf(`try${process.pid}`, 'switch');
  await runCommand('ip', ['netns', 'add', namespace]);
  try {
    const veth = ['link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'two'];
    await runCommand('ip', ['-n', namespace, ...veth]);
    await runCommand('ip', ['-n', namespace, 'link', 'add', 'bridge', 'type', 'bridge']);
    await runCommand('ip', ['netns', 'exec', namespace, 'true']);
  } finally {
    await removeNamespace(namespace);
  }
}
