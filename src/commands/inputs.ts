/** Which files a command reads: an evergate.yaml alone, or a haproxy.cfg, keepalived.conf files or both. */

export type InputFiles = {
  readonly config?: string;
  readonly haproxy?: string;
  readonly keepalived?: string | readonly string[];
  readonly hedge?: boolean;
};

/** What is wrong with the choice, for the command's error; null: nothing. */
export function inputProblem({ config, haproxy, keepalived, hedge }: InputFiles): string | null {
  const others = haproxy !== undefined || keepalived !== undefined;
  if (config === undefined && !others) {
    return 'Give --config FILE, or --haproxy FILE, --keepalived FILE or both';
  }
  if (hedge === true && haproxy === undefined) {
    return '--hedge goes with --haproxy FILE; evergate.yaml has the key "hedge"';
  }
  if (config === undefined || !others) return null;
  return 'Give either --config FILE or the files of HAProxy and keepalived, not both';
}
