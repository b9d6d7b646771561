import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rewriteReferences } from './file-references.ts';

const PACKED = ['bin/evergate', 'examples'];

function rewritten(source: string) {
  return rewriteReferences('src/a/b.ts', source, PACKED);
}

describe('rewriteReferences()', () => {
  it('names a file that is started as the bundle does', () => {
    const { text, started } = rewritten("new Worker(new URL('./thread.ts', import.meta.url), {});");
    assert.equal(text, "new Worker(new URL('./a-thread.js', import.meta.url), {});");
    assert.deepEqual(started, ['src/a/thread.ts']);
  });

  it('finds it in another folder, and written over several lines', () => {
    const { text, started } = rewritten("new URL(\n  '../c/main.ts',\n  import.meta.url,\n)");
    assert.equal(text, "new URL('./c-main.js', import.meta.url)");
    assert.deepEqual(started, ['src/c/main.ts']);
  });

  it('counts the way to a file that is read from dist/', () => {
    const { text, started } = rewritten("new URL('../../examples/article', import.meta.url)");
    assert.equal(text, "new URL('../examples/article', import.meta.url)");
    assert.deepEqual(started, []);
  });

  it('refuses a file that the package leaves out', () => {
    assert.throws(
      () => rewritten("new URL('../../docs/page.md', import.meta.url)"),
      /^Error: src\/a\/b\.ts refers to docs\/page\.md, which "files" of package\.json leaves out$/,
    );
  });

  it('refuses other uses of its own place', () => {
    assert.throws(() => rewritten("join(import.meta.dirname, 'thread.ts')"), /uses import\.meta/);
    assert.throws(() => rewritten('new URL(name, import.meta.url)'), /uses import\.meta/);
  });

  it('leaves all else as it is', () => {
    const source = "const url = new URL('http://a/');\n";
    assert.deepEqual(rewritten(source), { text: source, started: [] });
  });
});
