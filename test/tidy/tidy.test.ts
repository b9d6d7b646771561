/** Style as a test: what the linter cannot say about the tree as a whole. */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';

const LINES_MAX = 500;
const COLUMNS_MAX = 100;
const FOLDER_FILES_MAX = 40;

const sources = globSync('{src,sim,test,bench,tools}/**/*.ts').filter(
  (file) => !file.includes('fixtures'),
);
const pure = globSync(
  'src/{core,config,vrrp,address/rules,health,balance,stats,tracking,doctor/checks,doctor/firewall}/**/*.ts',
).filter((file) => !file.endsWith('.test.ts'));

function offences(files: readonly string[], find: (text: string) => readonly string[]): string[] {
  return files.flatMap((file) =>
    find(readFileSync(file, 'utf8')).map((what) => `${file}: ${what}`),
  );
}

describe('The tree', () => {
  it('has files to look at', () => assert.ok(sources.length > 20 && pure.length > 8));

  it(`has no source file over ${LINES_MAX} lines`, () => {
    const found = offences(sources, (text) => {
      const lines = text.split('\n').length - 1;
      return lines > LINES_MAX ? [`${lines} lines`] : [];
    });
    assert.deepEqual(found, []);
  });

  it(`has no folder with over ${FOLDER_FILES_MAX} source files`, () => {
    const folders = Map.groupBy(sources, dirname);
    const full = [...folders].filter(([, files]) => files.length > FOLDER_FILES_MAX);
    assert.deepEqual(
      full.map(([folder]) => folder),
      [],
    );
  });

  it(`has no code line over ${COLUMNS_MAX} columns, strings and tests aside`, () => {
    const code = sources.filter((file) => !file.endsWith('.test.ts'));
    const found = offences(code, (text) =>
      text
        .split('\n')
        .map((line, index) => ({ line, number: index + 1 }))
        .filter(({ line }) => line.length > COLUMNS_MAX + 10 && !/['"`/*]/.test(line))
        .map(({ number }) => `line ${number}`),
    );
    assert.deepEqual(found, []);
  });

  it('loads what few processes of a node use where they use it (src/builtins.ts)', () => {
    const node = globSync(
      'src/{guardian,balancer,election,address,planes,linux,syslog}/**/*.ts',
    ).concat(globSync('src/commands/{run*,start*}.ts'));
    const found = offences(
      node.filter((file) => !/test|fixture/.test(file)),
      (text) => text.match(/^import (?!type ).*'node:(http|https|tls|crypto)'/gm) ?? [],
    );
    assert.deepEqual(found, []);
  });

  it('opens every source file with what it is for', () => {
    const code = sources.filter((file) => !file.endsWith('.test.ts'));
    assert.deepEqual(
      offences(code, (text) => (text.startsWith('/**') ? [] : ['no opening comment'])),
      [],
    );
  });

  it('takes time and randomness as values in the pure folders', () => {
    const found = offences(pure, (text) => text.match(/Math\.random|Date\.now|new Date\(/g) ?? []);
    assert.deepEqual(found, []);
  });

  it('has tools that know nothing of the bench', () => {
    const tools = sources.filter((file) => file.startsWith('tools/'));
    assert.ok(tools.length > 2);
    assert.deepEqual(
      offences(tools, (text) => text.match(/from '.*bench\/.*'/g) ?? []),
      [],
    );
  });

  it('hides members of classes by #, which holds while it runs, too', () => {
    // Of a constructor there is no other way to say it.
    const marked = /^ +(?:private|protected|public) (?!constructor\b).*/gm;
    const found = offences(sources, (text) => text.match(marked) ?? []);
    assert.deepEqual(found, []);
  });

  it('has no unfinished places', () => {
    // Written in two halves, so that this file does not find itself.
    const marks = new RegExp(['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|'), 'g');
    const found = offences(sources, (text) => text.match(marks) ?? []);
    assert.deepEqual(found, []);
  });
});
