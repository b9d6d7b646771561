/**
 * One file to all nodes: looked at, copied and checked everywhere before anything changes anywhere; then one node after the
 * other, the owner of the VIP last, each healthy before the next; and all back as they were where one fails.
 */

import type { PushNode } from './node.ts';

export type Tell = (node: string, text: string) => void;

/** Whether all nodes have the file and go by it. */
export async function rollOut(
  nodes: readonly PushNode[],
  stopped: AbortSignal,
  tell: Tell,
): Promise<boolean> {
  if (!(await everywhere(nodes, tell, (node) => node.look().then(asList)))) return false;
  for (const node of nodes.filter((each) => each.hasFile)) tell(node.name, 'has this file already');
  const isStaged = !stopped.aborted && (await everywhere(nodes, tell, (node) => node.stage()));
  if (!isStaged || stopped.aborted) {
    await undo(nodes, tell);
    return false;
  }
  for (const node of nodes) tell(node.name, 'checked it: no errors');
  const isDone = await oneByOne(nodes, stopped, tell);
  await undo(isDone ? nodes.filter((node) => node.hasFile) : nodes, tell);
  return isDone;
}

function asList(problem: string | null): readonly string[] {
  return problem === null ? [] : [problem];
}

/** On all at once; whether all went well. */
async function everywhere(
  nodes: readonly PushNode[],
  tell: Tell,
  step: (node: PushNode) => Promise<readonly string[]>,
): Promise<boolean> {
  const problems = await Promise.all(nodes.map(step));
  for (const [index, texts] of problems.entries()) {
    for (const text of texts) tell(nodes[index]?.name ?? '', text);
  }
  return problems.every((texts) => texts.length === 0);
}

async function oneByOne(
  nodes: readonly PushNode[],
  stopped: AbortSignal,
  tell: Tell,
): Promise<boolean> {
  const owns = (node: PushNode): number => (node.before.health.isOwner ? 1 : 0);
  for (const node of nodes.toSorted((a, b) => owns(a) - owns(b))) {
    if (stopped.aborted) return false;
    const problem = await node.activate();
    if (problem !== null) {
      tell(node.name, problem);
      return false;
    }
    const { verdict } = node.before.health;
    const state = verdict === null ? 'does not run: it will start by it' : 'reloaded, and is well';
    tell(node.name, `${node.hasFile ? '' : 'has the file; '}${state}`);
  }
  return true;
}

/** The last that was changed first; and says of each what it has. */
async function undo(nodes: readonly PushNode[], tell: Tell): Promise<void> {
  for (const node of nodes.toReversed()) {
    if (!node.isTouched) continue;
    const isChanged = node.isChanged;
    const problem = await node.undo();
    if (problem !== null) tell(node.name, problem);
    else if (isChanged) tell(node.name, 'has its old file again, and is as it was');
  }
}
