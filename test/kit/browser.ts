/** Debian's Chromium for tests, with an empty profile and nothing that would call home. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { findCommand } from './peers.ts';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Guards against hanging. */
const START_BOUND_MS = 120_000;

export type OpenedBrowser = {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What pages complained about: console errors, uncaught exceptions. */
  readonly complaints: readonly string[];
  /** URLs that were asked for. */
  readonly requests: readonly string[];
};

/** Why browser tests cannot run here, for `t.skip`; null: they can. */
export function whyNoBrowser(): string | null {
  if (findCommand('chromium') !== null) return null;
  return 'The program "chromium" (Debian: chromium) is missing';
}

/** A browser with one page; it ends and its profile goes with the test. */
export async function openBrowser(
  t: TestContext,
  options: BrowserContextOptions,
): Promise<OpenedBrowser> {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-browser-'));
  let context: BrowserContext | null = null;
  // In this order: a browser that runs writes its profile anew.
  t.after(async () => {
    await context?.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  const opened = await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: findCommand('chromium') ?? '',
    args: FLAGS,
    timeout: START_BOUND_MS,
    // What it writes beside its profile goes with it, too.
    env: { ...process.env, TMPDIR: folder },
    ...options,
  });
  context = opened;
  const complaints: string[] = [];
  const requests: string[] = [];
  opened.on('request', (request) => requests.push(request.url()));
  opened.on('weberror', (error) => complaints.push(error.error().message));
  opened.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  const page = opened.pages()[0] ?? (await opened.newPage());
  return { context: opened, page, complaints, requests };
}

/** A picture for people, when EVERGATE_SCREENSHOTS names a directory. */
export async function takePicture(page: Page, name: string): Promise<void> {
  const directory = process.env.EVERGATE_SCREENSHOTS;
  if (directory === undefined) return;
  mkdirSync(directory, { recursive: true });
  await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true });
}
