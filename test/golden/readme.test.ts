/** README and docs tell the truth: links lead somewhere, commands and options exist, examples run. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';

const PAGES = ['README.md', 'ARCHITECTURE.md', ...globSync('docs/**/*.md')];
const ALERTS = 'packaging/prometheus/evergate-alerts.yml';
/** Beside those of docs/how-to. */
const TYPED = ['docs/runbook.md', 'docs/tutorial.md'];

/** What stands for the paths of a real node when its examples are run here. */
const EXAMPLE_FILES: Readonly<Record<string, string>> = {
  '/etc/evergate/evergate.yaml': 'examples/evergate.yaml',
  '/etc/haproxy/haproxy.cfg': 'examples/article/haproxy.cfg',
  '/etc/keepalived/keepalived.conf': 'examples/article/keepalived.k8s-master.conf',
};

type Answer = { readonly code: number | null; readonly text: string };

const answers = new Map<string, Answer>();

/** Pages show many a command again: each runs once. */
function evergate(args: readonly string[]): Answer {
  const line = args.join(' ');
  const known = answers.get(line);
  if (known !== undefined) return known;
  const done = spawnSync('bin/evergate', args, { encoding: 'utf8', timeout: 60_000 });
  const answer = { code: done.status, text: done.stdout + done.stderr };
  answers.set(line, answer);
  return answer;
}

/** Lines of shell blocks, a trailing backslash joined, comments left out. */
function shellLines(page: string): readonly string[] {
  const blocks = readFileSync(page, 'utf8').matchAll(/```sh\n([\s\S]*?)```/g);
  return [...blocks]
    .flatMap(([, block = '']) => block.replaceAll('\\\n', ' ').split('\n'))
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = readFileSync(page, 'utf8').matchAll(/^#+ +(.*)$/gm);
  return new Set(
    [...headings].map(([, text = '']) =>
      text
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );
}

const commands = PAGES.flatMap((page) =>
  shellLines(page)
    .filter((line) => /^(sudo )?bin\/evergate /.test(line))
    .map((line) => ({ page, words: line.replace('sudo ', '').split(/\s+/).slice(1) })),
);

describe('The documentation', () => {
  it('has pages with commands', () => assert.ok(commands.length >= 5));

  it('links to files that exist', () => {
    for (const page of PAGES) {
      for (const [, target = ''] of readFileSync(page, 'utf8').matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        assert.ok(existsSync(join(dirname(page), target)), `${page}: ${target} does not exist`);
      }
    }
  });

  it('has the headings that links and alert rules lead to', () => {
    const linked = PAGES.flatMap((page) => {
      const links = readFileSync(page, 'utf8').matchAll(/\]\(([^:)#\s]*)#([^)\s]+)\)/g);
      return [...links].map(([, target = '', anchor = '']) => {
        return { from: page, page: target === '' ? page : join(dirname(page), target), anchor };
      });
    });
    const alerts = readFileSync(ALERTS, 'utf8').matchAll(/runbook: ([^#\s]+)#(\S+)/g);
    const named = [...alerts].map(([, page = '', anchor = '']) => ({ from: ALERTS, page, anchor }));
    assert.ok(named.length >= 5);
    for (const { from, page, anchor } of [...linked, ...named]) {
      assert.ok(anchorsOf(page).has(anchor), `${from}: ${page} has no heading #${anchor}`);
    }
  });

  it('names tests that exist', () => {
    for (const page of PAGES) {
      const text = readFileSync(page, 'utf8');
      for (const [, file = ''] of text.matchAll(/`((?:src|test|sim)\/[\w./-]+\.(?:ts|txt))`/g)) {
        assert.ok(existsSync(file), `${page}: ${file} does not exist`);
      }
    }
  });

  it('has runbook, tutorial and the pages of how-to typed by tests, to their last line', () => {
    const files = globSync('test/{netns/machine/how-to-*,package/image}.test.ts');
    const tests = files.map((file) => readFileSync(file, 'utf8'));
    const pages = PAGES.filter((page) => dirname(page) === 'docs/how-to' || TYPED.includes(page));
    for (const page of pages.filter((each) => shellLines(each).length > 0)) {
      const name = tests.flatMap((text) => {
        const found = new RegExp(`const (\\w+) = new Page\\('${page}'\\)`).exec(text)?.[1];
        return found !== undefined && text.includes(`deepEqual(${found}.left(), [])`)
          ? [found]
          : [];
      });
      assert.equal(name.length, 1, page);
    }
  });

  it('begins README with what the tutorial types, and compares by the figures that were measured', () => {
    const section = (title: string): string => {
      const [, found = ''] = readFileSync('README.md', 'utf8').split(`\n## ${title}\n`);
      return found.split('\n## ')[0] ?? '';
    };
    const typed = shellLines('docs/tutorial.md');
    const start = section('Sixty seconds');
    const blocks = [...start.matchAll(/```(sh|yaml)\n([\s\S]*?)```/g)];
    const shown = blocks
      .filter(([, kind]) => kind === 'sh')
      .flatMap(([, , text = '']) => text.trim().split('\n'));
    assert.ok(shown.length >= 4);
    assert.deepEqual(
      shown.filter((line) => !typed.includes(line)),
      [],
    );
    const [yaml] = blocks.filter(([, kind]) => kind === 'yaml').map(([, , text]) => text);
    assert.ok(readFileSync('docs/tutorial.md', 'utf8').includes(`\`\`\`yaml\n${yaml}\`\`\``));
    const measured = readFileSync('docs/failover.md', 'utf8').split('\n');
    const rows = section('Compared')
      .split('\n')
      .filter((line) => line.startsWith('| '));
    assert.ok(rows.length >= 8);
    assert.deepEqual(
      rows.filter((row) => !measured.includes(row)),
      [],
    );
  });

  it('names only subcommands and options that exist', () => {
    const helps = new Map<string, ReturnType<typeof evergate>>();
    for (const { page, words } of commands) {
      const [subcommand = ''] = words;
      if (subcommand.startsWith('-')) continue;
      const help = helps.get(subcommand) ?? evergate([subcommand, '--help']);
      helps.set(subcommand, help);
      assert.equal(help.code, 0, `${page}: evergate ${subcommand}: ${help.text}`);
      for (const option of words.filter((word) => word.startsWith('--'))) {
        const name = option.split('=')[0] ?? '';
        assert.ok(help.text.includes(name), `${page}: evergate ${subcommand} has no ${name}`);
      }
    }
  });

  it('shows checks that pass', () => {
    const checks = commands.filter(({ words }) => words[0] === 'check');
    assert.ok(checks.length > 0);
    const lines = new Map(checks.map(({ page, words }) => [words.join(' '), page]));
    for (const [line, page] of lines) {
      const { code, text } = evergate(line.split(' ').map((word) => EXAMPLE_FILES[word] ?? word));
      assert.equal(code, 0, `${page}: ${text}`);
    }
  });

  it('shows imports that make a file', () => {
    const imports = commands.filter(({ words }) => words[0] === 'import');
    assert.ok(imports.length > 0);
    for (const { page, words } of imports) {
      const { code, text } = evergate(words.map((word) => EXAMPLE_FILES[word] ?? word));
      assert.equal(code, 0, `${page}: ${text}`);
      assert.match(text, /^vip: 192\.168\.1\.94\/24$/m, page);
    }
  });

  it('tells the truth about a node that does not run', () => {
    const { code, text } = evergate(['status', '--run-dir', '/nowhere']);
    assert.equal(code, 2);
    assert.match(text, /not running/);
  });
});
