// Connects CLI commands to the Kubernetes API of a running embedded cloud: over its socket, with
// the administrator's certificate.
import { readFile } from 'node:fs/promises';
import { createKubeClient } from '#adapters/kube/kube-client.ts';
import { socketTransport } from '#adapters/kube/socket-transport.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import type { Kube } from '#ports/kube.ts';
import type { Home } from './home.ts';
import { kubernetesPaths } from './home.ts';

export interface KubeConnection {
  kube: Kube;
  close(): void;
}

/**
 * Connects to the Kubernetes API of the cloud in `home`; undefined: it never had one. `host`: the
 * address on which the cloud's APIs listen.
 */
export async function connectKube(home: Home, host: string): Promise<KubeConnection | undefined> {
  const paths = kubernetesPaths(home);
  const read = async (file: string): Promise<string | undefined> =>
    await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
  const port = await read(paths.port);
  const authority = await read(paths.authority);
  const certificate = await read(paths.adminCertificate);
  const key = await read(paths.adminKey);
  if (!port || !authority || !certificate || !key) return undefined;
  const transport = socketTransport(
    { origin: `https://${host}:${port.trim()}`, authority, certificate, key },
    systemClock,
  );
  return {
    kube: createKubeClient({ transport, clock: systemClock, ids: systemIds }, 'cobalt-cli'),
    close: () => transport.close(),
  };
}
