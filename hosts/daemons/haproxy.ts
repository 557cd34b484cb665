// HAProxy as the one address of a distributed cloud on one machine, in front of the processes that
// serve its APIs. https://docs.haproxy.org/2.6/configuration.html
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessSpec } from './supervised-process.ts';

const program = '/usr/sbin/haproxy'; // Debian: haproxy

export const haproxyNeeds = [[program, 'haproxy']] as const;

export interface Backend {
  /** E.g. 'nova-api'. */
  name: string;
  /**
   * Requests to these paths, and below, go to this backend. Empty: gets what matches no other
   * backend.
   */
  paths: readonly string[];
  servers: readonly { name: string; port: number }[];
}

export interface HaproxyPlace {
  folder: string;
  host: string;
  port: number;
  backends: readonly Backend[];
  /** A second address: POSTs to paths that match go to this backend, everything else is refused. */
  only?: { host: string; port: number; path: RegExp; backend: string };
}

/** Interval of HAProxy's readiness check of each server. */
export const checkEveryMs = 500;

export async function prepareHaproxy(place: HaproxyPlace): Promise<ProcessSpec> {
  const { folder, host, port } = place;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'haproxy.cfg');
  await writeFile(file, haproxyConfig(place), { mode: 0o600 });
  return {
    name: 'haproxy',
    command: [program, '-db', '-f', file],
    env: { PATH: process.env['PATH'] },
    logFile: join(folder, 'haproxy.log'),
    isReady: async () => (await fetch(`http://${host}:${port}${ownPath}`)).ok,
    readyWithinMs: 20_000,
    stopSignal: 'SIGUSR1', // a soft stop: requests in progress end
    stopWithinMs: 5_000,
  };
}

const ownPath = '/healthz';

/**
 * The text of the configuration file. Only idle connections time out, since uploads of images may
 * take hours.
 */
export function haproxyConfig({ host, port, backends, only }: HaproxyPlace): string {
  const rules = backends.flatMap(({ name, paths }) =>
    paths.map((path) => `  use_backend ${name} if { path ${path} } or { path_beg ${path}/ }`),
  );
  const rest = backends.find(({ paths }) => paths.length === 0);
  const lines = [
    'global',
    '  log stdout format raw local0 notice',
    '  maxconn 4000',
    'defaults',
    '  mode http',
    '  log global',
    '  option dontlognull',
    '  timeout connect 2s',
    '  timeout client 75s',
    '  timeout server 300s',
    '  timeout queue 10s',
    '  timeout tunnel 24h',
    '  timeout http-keep-alive 75s',
    '  # A process that goes away in a rolling restart: another one gets the request. What may have',
    '  # an effect is sent again only if it was never sent (below).',
    '  option redispatch 1',
    '  retries 5',
    '  retry-on conn-failure empty-response',
    '  http-reuse safe',
    'frontend cloud',
    `  bind ${host}:${port}`,
    '  http-request disable-l7-retry if !{ method GET HEAD OPTIONS }',
    `  http-request return status 200 content-type text/plain string ok if { path ${ownPath} }`,
    '  # about one process, not about the cloud',
    '  http-request deny deny_status 404 if { path /readyz /metrics }',
    ...rules,
    ...(rest ? [`  default_backend ${rest.name}`] : []),
    ...(only
      ? [
          'frontend only',
          `  bind ${only.host}:${only.port}`,
          `  http-request deny deny_status 404 unless { method POST } { path -m reg ${only.path.source.replaceAll('\\/', '/')} }`,
          `  default_backend ${only.backend}`,
        ]
      : []),
  ];
  for (const { name, servers } of backends) {
    lines.push(
      `backend ${name}`,
      '  balance leastconn',
      '  option httpchk GET /readyz',
      `  default-server inter ${checkEveryMs}ms fastinter 200ms fall 1 rise 1`,
    );
    for (const server of servers)
      lines.push(`  server ${server.name} 127.0.0.1:${server.port} check`);
  }
  return `${lines.join('\n')}\n`;
}
