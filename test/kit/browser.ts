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

const START_BOUND_MS = 30_000;

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
  const profile = mkdtempSync(join(tmpdir(), 'evergate-browser-'));
  t.after(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findCommand('chromium') ?? '',
    args: FLAGS,
    timeout: START_BOUND_MS,
    ...options,
  });
  t.after(() => context.close());
  const complaints: string[] = [];
  const requests: string[] = [];
  context.on('request', (request) => requests.push(request.url()));
  context.on('weberror', (error) => complaints.push(error.error().message));
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  const page = context.pages()[0] ?? (await context.newPage());
  return { context, page, complaints, requests };
}

/** A picture for people, when EVERGATE_SCREENSHOTS names a directory. */
export async function takePicture(page: Page, name: string): Promise<void> {
  const directory = process.env.EVERGATE_SCREENSHOTS;
  if (directory === undefined) return;
  mkdirSync(directory, { recursive: true });
  await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true });
}
