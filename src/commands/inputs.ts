/** Which files a command reads: an evergate.yaml alone, or a haproxy.cfg, keepalived.conf files or both. */

export type InputFiles = {
  readonly config?: string;
  readonly haproxy?: string;
  readonly keepalived?: string | readonly string[];
};

/** What is wrong with the choice, for the command's error; null: nothing. */
export function inputProblem({ config, haproxy, keepalived }: InputFiles): string | null {
  const others = haproxy !== undefined || keepalived !== undefined;
  if (config === undefined && !others) {
    return 'Give --config FILE, or --haproxy FILE, --keepalived FILE or both';
  }
  if (config === undefined || !others) return null;
  return 'Give either --config FILE or the files of HAProxy and keepalived, not both';
}
