/**
 * Builds packaging/Containerfile where there is no registry: buildah(1) finds its base under the name that it has there,
 * because mmdebstrap(1) has made one of the same release from Debian's mirror. Only `apt-get` in it asks the network.
 */

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** Debian has each in the package of its name. */
export const CONTAINERFILE_TOOLS = ['buildah', 'mmdebstrap'] as const;

const CONTAINERFILE = 'packaging/Containerfile';
/** Debian 12. */
const RELEASE = 'bookworm';

/** `deb`: the package that goes in. Writes a layout of OCI with one image, "built", into the folder `layout`. */
export function buildImage(deb: string, layout: string): void {
  const work = `${layout}-built`;
  const context = join(work, 'packages');
  mkdirSync(context, { recursive: true });
  const buildah = (...args: readonly string[]): void => {
    const store = ['--root', join(work, 'store'), '--runroot', join(work, 'run')];
    execFileSync('buildah', [...store, '--storage-driver=vfs', ...args], {
      // What it says is part of the error.
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  };
  const build = (file: string, folder: string, ...more: readonly string[]): void =>
    buildah(
      'bud',
      '--quiet',
      '--isolation=chroot',
      '--pull-never',
      '--file',
      file,
      ...more,
      folder,
    );
  try {
    const base = /^FROM (\S+)$/m.exec(readFileSync(CONTAINERFILE, 'utf8'))?.[1] ?? '';
    const root = join(work, 'base');
    mkdirSync(root);
    cpSync(baseFiles(), join(root, 'base.tar'));
    writeFileSync(join(root, 'Containerfile'), 'FROM scratch\nADD base.tar /\n');
    build(join(root, 'Containerfile'), root, '--tag', base);
    cpSync(deb, join(context, basename(deb)));
    build(CONTAINERFILE, context, '--build-arg', 'TARGETARCH=amd64', '--tag', 'localhost/built');
    buildah('push', '--quiet', 'localhost/built', `oci:${layout}:built`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Made once; takes a minute or two, and the mirror that mmdebstrap knows. */
function baseFiles(): string {
  const path = join(tmpdir(), `eg-debian-slim-${RELEASE}.tar`);
  if (existsSync(path)) return path;
  const made = `${path}.${process.pid}.tar`;
  try {
    execFileSync('mmdebstrap', ['--quiet', '--variant=minbase', RELEASE, made], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    renameSync(made, path);
    return path;
  } finally {
    rmSync(made, { force: true });
  }
}
