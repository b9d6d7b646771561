/** Runs a program of the system (ip(8) mostly) to its end, within a bounded time. */

import { execFile } from 'node:child_process';
import { LabError } from './lab-error.ts';

const PATIENCE_MS = 10_000;
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Standard output of the program; LabError with its standard error when it fails or takes over 10 s (`patienceMs`).
 * `anyExitCode`: a program that tells something by its exit code has not failed.
 */
export function runCommand(
  file: string,
  args: readonly string[],
  input: string | null = null,
  options: { readonly anyExitCode?: boolean; readonly patienceMs?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const limits = { timeout: options.patienceMs ?? PATIENCE_MS, maxBuffer: OUTPUT_BYTES_MAX };
    const child = execFile(file, args, limits, (error, stdout, stderr) => {
      const exited = error === null || typeof error.code === 'number';
      if (error === null || (exited && options.anyExitCode === true)) {
        resolve(stdout);
        return;
      }
      const detail = stderr.trim() === '' ? error.message : stderr.trim();
      reject(new LabError(`"${file} ${args.join(' ')}" failed: ${detail}`));
    });
    // A program that ends before it has read everything is reported by its exit status.
    child.stdin?.on('error', () => undefined);
    if (input !== null) child.stdin?.end(input);
  });
}
