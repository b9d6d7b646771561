/** The stats page as people see it: in a real browser, from a real balancer. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { TEST_CHECK, testBackend, testConfig, testServer } from '../../src/balancer/fixture.ts';
import type { CheckConfig } from '../../src/health/kinds/check-kinds.ts';
import { startBalancer } from '../kit/balancer.ts';
import { openBrowser, takePicture, whyNoBrowser } from '../kit/browser.ts';
import { freePort } from '../kit/free-port.ts';
import { openPort } from '../kit/haproxy.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoBrowser() ?? false;
const WIDTH = 1400;
const VIEWPORT = { width: WIDTH, height: 900 };
const NARROW = { width: 420, height: 900 };
const CREDENTIALS = { username: 'admin', password: 'admin' };
const CHECK: CheckConfig = { ...TEST_CHECK, intervalMs: 200, connectTimeoutMs: 200 };

type Served = { readonly url: string; readonly origin: string };

/** A server in each state that a page can show for long, and some traffic; the page shows it all. */
async function serve(t: TestContext): Promise<Served> {
  const up = await openPort(t);
  const down = await freePort();
  const balancer = await startBalancer(
    t,
    testConfig({
      backends: [
        testBackend({
          balance: { kind: 'roundrobin' },
          servers: [
            testServer('k8s-master', { port: up, check: CHECK }),
            testServer('k8s-node1', { port: up, check: CHECK }),
            testServer('k8s-node2', { port: down, check: CHECK }),
            testServer('k8s-node3', { port: up, check: CHECK, disabled: true }),
            testServer('k8s-spare', { port: up, check: null, backup: true }),
          ],
        }),
      ],
    }),
  );
  for (let count = 0; count < 20; count++) {
    const socket = connect({ host: '127.0.0.1', port: balancer.ports['kube-api'] ?? 0 });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.end();
  }
  const origin = `http://127.0.0.1:${balancer.ports.stats}`;
  const url = `${origin}/haproxyadmin?stats`;
  const authorization = `Basic ${Buffer.from('admin:admin').toString('base64')}`;
  const settled = async (): Promise<boolean> => {
    const answer = await fetch(`${url};csv`, { headers: { authorization } });
    return /,k8s-node2,.*,DOWN,/.test(await answer.text());
  };
  await waitUntil('k8s-node2 to be down', settled, 50);
  return { url, origin };
}

const rowOf = (page: Page, server: string) =>
  page.locator('tr', { has: page.locator('td.name', { hasText: server }) });

const backgroundOf = (page: Page, server: string): Promise<string> =>
  rowOf(page, server).evaluate(
    (row) => (globalThis as unknown as StyledWindow).getComputedStyle(row).backgroundColor,
  );

const widthOf = (element: Locator): Promise<{ readonly seen: number; readonly wanted: number }> =>
  element.evaluate(({ clientWidth, scrollWidth }) => ({ seen: clientWidth, wanted: scrollWidth }));

/** What these tests use of a browser's window; the project's types are Node's. */
type StyledWindow = {
  getComputedStyle(element: unknown): { readonly backgroundColor: string };
};

/** What browsers and their driver leave lying about; this file runs in a process of its own. */
const temporary = mkdtempSync(join(tmpdir(), 'evergate-stats-page-'));
process.env.TMPDIR = temporary;
after(() => {
  const left = readdirSync(temporary);
  rmSync(temporary, { recursive: true, force: true });
  assert.deepEqual(left, []);
});

test('the page asks for a password and refuses a wrong one', { skip }, async (t) => {
  const { url } = await serve(t);
  const httpCredentials = { username: 'admin', password: 'wrong' };
  const { page } = await openBrowser(t, { viewport: VIEWPORT, httpCredentials });
  const answer = await page.goto(url);
  assert.equal(answer?.status(), 401);
  assert.equal(answer?.headers()['www-authenticate'], 'Basic realm="Haproxy Statistics"');
  assert.equal(await page.locator('table').count(), 0);
});

test('the page fits a window, colours states and asks nobody else', { skip }, async (t) => {
  const { url, origin } = await serve(t);
  const { page, complaints, requests } = await openBrowser(t, {
    viewport: VIEWPORT,
    httpCredentials: CREDENTIALS,
    colorScheme: 'light',
  });
  await page.goto(url);
  await takePicture(page, 'stats-light');
  for (const element of [page.locator('html'), ...(await page.locator('.scroll').all())]) {
    const { seen, wanted } = await widthOf(element);
    assert.ok(wanted <= seen, `${wanted} pixels wide, ${seen} are seen`);
  }
  const colours = new Map<string, string>();
  for (const server of ['k8s-master', 'k8s-node2', 'k8s-node3', 'k8s-spare']) {
    colours.set(await backgroundOf(page, server), server);
  }
  assert.equal(
    colours.size,
    4,
    `Up, down, maintenance and unchecked look different: ${[...colours]}`,
  );
  assert.equal(await backgroundOf(page, 'k8s-node1'), await backgroundOf(page, 'k8s-master'));
  assert.match((await rowOf(page, 'k8s-node2').textContent()) ?? '', /DOWN/);
  assert.deepEqual(complaints, []);
  const elsewhere = requests.filter((request) => !request.startsWith(origin));
  assert.deepEqual(
    elsewhere.filter((request) => !request.startsWith('data:')),
    [],
  );
});

test('a server that is selected and drained is drained, and the page says so', {
  skip,
}, async (t) => {
  const { url } = await serve(t);
  const { page, complaints } = await openBrowser(t, {
    viewport: VIEWPORT,
    httpCredentials: CREDENTIALS,
  });
  await page.goto(url);
  const before = await backgroundOf(page, 'k8s-node1');
  await rowOf(page, 'k8s-node1').locator('input[type=checkbox]').check();
  await page.locator('select[name=action]').selectOption('drain');
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.waitForURL(/;st=DONE/);
  assert.match((await page.locator('.notice').textContent()) ?? '', /succe/i);
  assert.match((await rowOf(page, 'k8s-node1').textContent()) ?? '', /DRAIN/);
  assert.notEqual(await backgroundOf(page, 'k8s-node1'), before);
  await takePicture(page, 'stats-drained');
  await page.getByTitle('Remove this message').click();
  await page.locator('.notice').waitFor({ state: 'detached' });
  assert.deepEqual(complaints, []);
});

test('the page can be read on a telephone', { skip }, async (t) => {
  const { url } = await serve(t);
  const { page } = await openBrowser(t, { viewport: NARROW, httpCredentials: CREDENTIALS });
  await page.goto(url);
  await takePicture(page, 'stats-narrow');
  for (const element of [page.locator('html'), ...(await page.locator('.scroll').all())]) {
    const { seen, wanted } = await widthOf(element);
    assert.ok(wanted <= seen, `${wanted} pixels wide, ${seen} are seen`);
  }
  const status = rowOf(page, 'k8s-node2').locator('td.status');
  assert.equal(await status.isVisible(), true);
  const weight = page.locator('th', { hasText: 'Wght' }).first();
  assert.equal(await weight.isVisible(), false);
  await page.getByLabel('All columns').check();
  assert.equal(await weight.isVisible(), true);
});

test('the page is dark where the system is', { skip }, async (t) => {
  const { url } = await serve(t);
  const { page, complaints } = await openBrowser(t, {
    viewport: VIEWPORT,
    httpCredentials: CREDENTIALS,
    colorScheme: 'dark',
  });
  await page.goto(url);
  await takePicture(page, 'stats-dark');
  const background = await page
    .locator('body')
    .evaluate(
      (body) => (globalThis as unknown as StyledWindow).getComputedStyle(body).backgroundColor,
    );
  const parts = background.match(/\d+/g)?.map(Number) ?? [];
  assert.equal(parts.length, 3);
  assert.ok(
    parts.every((part) => part < 64),
    `"${background}" is dark`,
  );
  assert.deepEqual(complaints, []);
});
