/**
 * Recognises scripts whose job is to watch or restart haproxy. Where Evergate balances itself there is no
 * haproxy to find: such a script would fail for ever, or start the rival the article's script starts.
 */

/** What a script does, as a shell would be told; the first that matches names it. */
const WATCHES: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  {
    pattern: /\bps\b[^|;&\n]*\s-C\s*["']?haproxy\b/,
    what: 'looks for a process with "ps -C haproxy"',
  },
  { pattern: /\bps\b[^;&\n]*\|[^;&\n]*grep[^;&\n]*haproxy/, what: 'looks for haproxy in "ps"' },
  { pattern: /\bpidof\b[^|;&\n]*\bhaproxy\b/, what: 'looks for a process with "pidof haproxy"' },
  { pattern: /\bpgrep\b[^|;&\n]*\bhaproxy\b/, what: 'looks for a process with "pgrep haproxy"' },
  {
    pattern: /\bkillall5?\s+(-0|-s\s*0)\s[^|;&\n]*\bhaproxy\b/,
    what: 'looks for a process with "killall -0 haproxy"',
  },
  { pattern: /\bkill\s+(-0|-s\s*0)\b[^;&\n]*haproxy/, what: 'looks for the process of a pid file' },
  {
    pattern:
      /\bsystemctl\b[^|;&\n]*\b(start|restart|reload|is-active|is-failed|status)\b[^|;&\n]*\bhaproxy\b/,
    what: 'asks systemctl for haproxy',
  },
  { pattern: /\bservice\s+haproxy\s+\w+/, what: 'asks "service haproxy"' },
  { pattern: /\/init\.d\/haproxy\s+\w+/, what: 'asks "/etc/init.d/haproxy"' },
];

const WATCHING_NAME = /^(check|chk)[-_]?haproxy(\.(sh|bash|py|pl))?$/;

/** Only this much of a script file and of each line is looked at, in characters. */
const SCRIPT_TEXT_MAX = 65_536;
const SCRIPT_LINE_MAX = 1000;

function withoutComments(scriptText: string): string {
  const lines = scriptText.slice(0, SCRIPT_TEXT_MAX).split('\n');
  return lines
    .filter((line) => !/^\s*#/.test(line))
    .map((line) => line.slice(0, SCRIPT_LINE_MAX))
    .join('\n');
}

/**
 * What makes the script a watcher of haproxy, as the end of a sentence ("... looks for ..."); null when it
 * is none. `scriptText` is the file behind the command, null when it cannot be read: then, and also
 * beside the text, names such as check_haproxy.sh say enough.
 */
export function watchesHaproxy(argv: readonly string[], scriptText: string | null): string | null {
  const command = argv.join(' ');
  const text = scriptText === null ? command : `${command}\n${withoutComments(scriptText)}`;
  for (const { pattern, what } of WATCHES) {
    if (pattern.test(text)) return what;
  }
  const named = argv
    .map((word) => word.split('/').at(-1) ?? '')
    .find((name) => WATCHING_NAME.test(name));
  return named === undefined ? null : `is called "${named}"`;
}

/** The words of a command line that may be script files: absolute paths, at most a few. */
export function scriptFiles(argv: readonly string[]): readonly string[] {
  return argv.filter((word) => word.startsWith('/')).slice(0, 4);
}
