/**
 * Files of a megabyte that grow what a parser could be slow at: many servers, names, references, levels,
 * quotes. Each ends in a diagnosis within seconds; a quadratic step would take minutes.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasErrors } from '../../src/config/diagnostics.ts';
import { FRONT_ENDS } from './parsers.ts';

const BYTES = 1 << 20;
/** Of a processor: far above what it takes, far below what a quadratic step takes. */
const LIMIT_MS = 30_000;

/** `head`, then `piece` again and again until the file is a megabyte. */
function large(head: string, piece: (index: number) => string): string {
  let text = head;
  for (let index = 0; text.length < BYTES; index++) text += piece(index);
  return text;
}

const LISTEN =
  'defaults\n timeout connect 1s\n timeout client 1h\n timeout server 1h\nlisten a\n bind :80\n';
const PAGE = 'listen a\n mode http\n bind :1\n monitor-uri /\n';
const INSTANCE = 'vrrp_instance V {\n interface e\n virtual_router_id 1\n priority 1\n';

const LARGE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'haproxy.cfg': {
    servers: large(LISTEN, (n) => ` server s${n} 10.0.0.${n % 250}:80 check\n`),
    backends: large(LISTEN, (n) => `backend b${n}\n server s 10.0.0.1:80\n`),
    'frontends without backends': large('', (n) => `frontend f${n}\n default_backend g${n}\n`),
    'defaults that follow each other': large('', (n) => `defaults d${n} from d${n - 1}\n`),
    'unknown words': large(LISTEN, (n) => ` frobnicate${n} x\n`),
    'variables made of variables': large('global\n', (n) => ` setenv A "\${A}\${A}${n}"\n`),
    'conditions of a monitor': large(
      PAGE,
      () => ` monitor fail unless${' { nbsrv(a) 1 }'.repeat(9)}\n`,
    ),
    'source rules': large(
      LISTEN,
      (n) => ` tcp-request connection reject if { src 10.${n % 250}.0.0/16 }\n`,
    ),
    quotes: large('', () => '"'),
  },
  'keepalived.conf': {
    'definitions made of definitions': large(`$A=${'x'.repeat(9000)}\n`, () => '$B=$A$A\n$A=$B\n'),
    'unknown words': large('', (n) => `frob${n} x\n`),
    instances: large('', (n) => `vrrp_instance V${n} {\n priority ${n}\n}\n`),
    'tracked scripts': large(`${INSTANCE} track_script {\n`, (n) => ` s${n}\n`),
    'virtual addresses': large(`${INSTANCE} virtual_ipaddress {\n`, (n) => ` 10.0.${n % 250}.1\n`),
    braces: large('', () => '{'),
    quotes: large('', () => '"'),
  },
  'evergate.yaml': {
    nodes: large('nodes:\n', (n) => ` n${n}: 10.0.${n % 250}.1\n`),
    'unknown keys': large('', (n) => `a${n}: 1\n`),
    'anchors of anchors': large('', (n) => `a${n}: &x${n} [*x${n - 1}, *x${n - 1}]\n`),
    brackets: large('', () => '['),
    quotes: large('', () => '"'),
    tags: large('', () => '!a '),
  },
};

for (const { name, parse } of FRONT_ENDS) {
  for (const [what, text] of Object.entries(LARGE[name] ?? {})) {
    test(`a megabyte of ${what} in ${name} ends in a diagnosis in time`, () => {
      const before = process.cpuUsage();
      const { config, diagnostics } = parse(text);
      const { user, system } = process.cpuUsage(before);
      const tookMs = (user + system) / 1000;
      assert.equal(config === null, hasErrors(diagnostics));
      assert.ok(tookMs < LIMIT_MS, `${Math.round(tookMs)} ms`);
    });
  }
}
