/** The lab's events as JSON lines. */

import type { Reporter } from './reporter.ts';

export function createJsonReporter(write: (line: string) => void): Reporter {
  const say = (event: string, fields: object): void => {
    write(`${JSON.stringify({ event, ...fields })}\n`);
  };
  return {
    progress: (text) => say('progress', { text }),
    built: (cluster) => {
      say('built', {
        id: cluster.id,
        directory: cluster.directory,
        stack: cluster.parts.stack.name,
        endpoint: cluster.parts.endpoint,
        nodes: cluster.nodes.map(({ name, parts }) => ({ name, address: parts.address })),
        urls: cluster.parts.urls,
        kubeconfig: cluster.parts.kubeconfigFile,
      });
    },
    second: (second) => say('second', second),
    fault: (report) => say('fault', report),
    verdict: (told) => say('verdict', told),
    problem: (text) => say('problem', { text }),
    removed: (removed) => say('removed', removed),
  };
}
