// Opens the sockets of a process of a distributed cloud: its APIs, its health pages, consoles; with
// TLS if a certificate is set, which is reloaded when its files change. Used by serve.ts.
import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import { ConfigError } from '#platform/config/config.ts';
import type { Certificate, HttpServer } from '#platform/http/server.ts';
import { startHttpServer } from '#platform/http/server.ts';
import type { Log } from '#platform/log.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Health } from './health.ts';
import type { ProcessConfig } from './process-config.ts';
import { rootPage } from './root-page.ts';
import type { ServeOptions } from './serve.ts';

const certificatePollMs = 5_000;

/** Starts the server; undefined if the process is configured to listen nowhere. */
export async function listen(
  { config, parts: wanted, log }: ServeOptions,
  plane: ControlPlane,
  health: Health,
  clock: Clock,
): Promise<Outcome<HttpServer | undefined>> {
  const { host, port } = config.listen;
  if (port === 0) return undefined;
  const tls = await certificateOf(config);
  const console = wanted.includes('console-proxy')
    ? await consoleFace(plane, clock, log)
    : undefined;
  try {
    const server = await startHttpServer(plane.dispatcher, {
      host,
      port,
      origin: config.cloud.origin,
      ...(tls ? { tls } : {}),
      pages: async (path, query, accept) =>
        (await health.page(path)) ??
        (path === '/'
          ? rootPage(config.cloud.origin, { accept, ha: config.ha.enabled })
          : undefined) ??
        (await console?.page(path, query)),
      ...(console ? { upgrades: console.upgrades } : {}),
      log: log.child({ component: 'http' }),
    });
    const forget = tls ? watchCertificate(config, server, log) : () => undefined;
    return {
      ...server,
      async close(graceMs) {
        forget();
        await server.close(graceMs);
      },
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL' || code === 'EACCES')
      return fault('conflict', `listen: ${host}:${port} cannot be opened: ${message}`);
    throw error;
  }
}

/** Pages and websockets of remote consoles, for the part console-proxy. */
async function consoleFace({ process }: ControlPlane, clock: Clock, log: Log) {
  const { consolePage, consoleServer, consoleSocketPath, createConsoleProxy } =
    await import('./console-proxy.ts');
  const { consoleTarget } = await import('./roles/nova.ts');
  const target = consoleTarget(process);
  return {
    page: async (path: string, query: string) =>
      (await consoleServer(path, query, target)) ?? (await consolePage(path)),
    upgrades: {
      paths: [consoleSocketPath],
      onUpgrade: createConsoleProxy({ clock, target, log: log.child({ component: 'console' }) }),
    },
  };
}

async function certificateOf({ listen: at }: ProcessConfig): Promise<Certificate | undefined> {
  if (at.certFile === '' && at.keyFile === '') return undefined;
  const read = async (setting: 'certFile' | 'keyFile'): Promise<string> => {
    if (at[setting] === '')
      throw new ConfigError(`listen.${setting} is missing: TLS needs certFile and keyFile.`);
    return await readFile(at[setting], 'utf8').catch((error: Error) => {
      throw new ConfigError(`listen.${setting}: ${error.message}`);
    });
  };
  return { cert: await read('certFile'), key: await read('keyFile') };
}

/**
 * Reloads the certificate for new connections when its files change. If certificate and key do not
 * match, the old pair stays in use.
 */
function watchCertificate(config: ProcessConfig, server: HttpServer, log: Log): () => void {
  const { certFile, keyFile } = config.listen;
  const renew = (): void => {
    certificateOf(config)
      .then((tls) => {
        if (tls) server.renewCertificate(tls);
        log.info({ certFile }, 'certificate renewed');
      })
      .catch((error: unknown) =>
        log.error({ certFile, err: error }, 'the new certificate cannot be used; the old one is'),
      );
  };
  for (const file of [certFile, keyFile])
    watchFile(file, { interval: certificatePollMs, persistent: false }, renew);
  return () => {
    for (const file of [certFile, keyFile]) unwatchFile(file, renew);
  };
}
