/**
 * The lab's control socket: other terminals ask it for faults, status and logs. One JSON line each way,
 * one question per connection.
 */

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { ClientReport } from './client/messages.ts';
import type { FaultReport } from './cluster.ts';
import type { FaultName } from './faults.ts';
import { LabError } from './lab-error.ts';
import type { ToldVerdict } from './session/reporter.ts';
import type { StackName } from './stacks/stack.ts';
import type { LogKind } from './syslog/sink.ts';

export type ControlQuestion =
  | { readonly ask: 'fault'; readonly name: FaultName; readonly node: string | null }
  | { readonly ask: 'status' }
  | { readonly ask: 'logs'; readonly node: string; readonly only: LogKind }
  /** Answered when the fault of now is over. */
  | { readonly ask: 'verdict' };

export type NodeSummary = {
  readonly name: string;
  readonly address: string;
  readonly owner: boolean;
  readonly apiserver: boolean;
  /** All of its daemon's parts run. */
  readonly daemon: boolean;
  /** What the daemon says of itself: "healthy", "degraded", "down"; null: no answer, or none here. */
  readonly verdict: string | null;
  /** Why it is not healthy. */
  readonly reasons: readonly string[];
};

export type LabStatus = {
  readonly id: string;
  readonly stack: StackName;
  readonly endpoint: string;
  readonly owners: readonly string[];
  readonly nodes: readonly NodeSummary[];
  readonly requests: ClientReport;
};

export type ControlAnswer =
  | { readonly kind: 'fault'; readonly report: FaultReport }
  | { readonly kind: 'status'; readonly status: LabStatus }
  | { readonly kind: 'logs'; readonly lines: readonly string[] }
  | { readonly kind: 'verdict'; readonly verdict: ToldVerdict | null }
  | { readonly kind: 'error'; readonly text: string };

const LINE_BYTES_MAX = 4 * 1024 * 1024;
const ANSWER_BOUND_MS = 60_000;

/** Serves until closed; `answer` may throw LabError, which is told to the asker. */
export async function serveControl(
  directory: string,
  answer: (question: ControlQuestion) => Promise<ControlAnswer>,
): Promise<Server> {
  const server = createServer(async (socket) => {
    try {
      const question: ControlQuestion = JSON.parse(await readLine(socket));
      socket.end(`${JSON.stringify(await answer(question))}\n`);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      socket.end(`${JSON.stringify({ kind: 'error', text } satisfies ControlAnswer)}\n`);
    }
  });
  server.listen(socketPath(directory));
  await once(server, 'listening');
  return server;
}

/** Asks the lab in `directory`; LabError when it does not answer, or answers with an error. */
export async function askControl<Kind extends ControlAnswer['kind']>(
  directory: string,
  question: ControlQuestion,
  kind: Kind,
): Promise<Extract<ControlAnswer, { readonly kind: Kind }>> {
  const socket = connect(socketPath(directory));
  socket.on('connect', () => socket.write(`${JSON.stringify(question)}\n`));
  socket.setTimeout(ANSWER_BOUND_MS, () => socket.destroy(new Error('no answer within 60 s')));
  let answer: ControlAnswer;
  try {
    answer = JSON.parse(await readLine(socket));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LabError(`The lab in "${directory}" does not answer: ${reason}`);
  } finally {
    socket.destroy();
  }
  if (answer.kind === 'error') throw new LabError(answer.text);
  if (answer.kind !== kind) throw new LabError(`The lab answered "${answer.kind}"`);
  return answer as Extract<ControlAnswer, { readonly kind: Kind }>;
}

function socketPath(directory: string): string {
  return join(directory, 'control.sock');
}

function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end !== -1) resolve(text.slice(0, end));
      else if (text.length > LINE_BYTES_MAX) socket.destroy(new Error('the line is too long'));
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('it closed the connection')));
  });
}
