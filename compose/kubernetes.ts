// The Kubernetes API server of an embedded cloud: its database, certificates, port, the
// administrator's kubeconfig, and CobaltCore's CRDs. Used by embedded.ts.
import type { X509Certificate } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { inProcessTransport } from '#adapters/kube/in-process-transport.ts';
import { createKubeClient } from '#adapters/kube/kube-client.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { KubeKind, KubeObject } from '#contracts/kube/object.ts';
import {
  authorityExtensions,
  ensureKey,
  issueCertificate,
  lastingCertificate,
} from '#platform/certificates.ts';
import type { Clock } from '#platform/clock.ts';
import { openDatabase } from '#platform/db/database.ts';
import { migrate } from '#platform/db/migrate.ts';
import type { HttpServer } from '#platform/http/server.ts';
import { startHttpServer } from '#platform/http/server.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import { unusedPorts } from '#platform/unused-ports.ts';
import type { Kube } from '#ports/kube.ts';
import type { Apiserver } from '#services/kube-apiserver/api/apiserver.ts';
import { createApiserver } from '#services/kube-apiserver/api/apiserver.ts';
import { migrations } from '#services/kube-apiserver/store/migrations/index.ts';
import type { KubeTables } from '#services/kube-apiserver/store/tables.ts';
import type { Home } from './home.ts';
import { kubernetesPaths, writeWhole } from './home.ts';
import { version } from './version.ts';

export interface KubernetesDeps {
  home: Home;
  /** The address of the cloud's APIs, at which the Kubernetes API listens as well. */
  host: string;
  /** The port of the cloud's APIs; the Kubernetes API gets the next free one. */
  port: number;
  clock: Clock;
  ids: Ids;
  log: Log;
}

export interface Kubernetes {
  origin: string;
  /** A client within this process; `manager` is its field manager. */
  kubeFor(manager: string): Kube;
  close(): Promise<void>;
}

/** Lifetimes in days; a certificate is renewed this long before it expires. */
const days = { valid: 365, renewBefore: 60, authority: 3_650, renewAuthorityBefore: 730 };

/** Starts the API server. conflict: no port is free. Nothing keeps running after a fault. */
export async function startKubernetes(deps: KubernetesDeps): Promise<Outcome<Kubernetes>> {
  const { home, clock, ids } = deps;
  const log = deps.log.child({ component: 'kubernetes' });
  const paths = kubernetesPaths(home);
  const authority = await ensureCertificates(deps);
  const database = openDatabase<KubeTables>(
    { dialect: 'sqlite', path: paths.database },
    { log, clock, ids },
  );
  await migrate(database.db, database.dialect, 'kubernetes', migrations);
  const apiserver = await createApiserver({
    db: database.db,
    clock,
    ids,
    log,
    authority,
    tokenKey: await readFile(paths.tokenKey, 'utf8'),
    release: version,
    // The user is the subject of the client certificate, which the cloud's authority has signed.
    authenticate: async ({ client }) =>
      client && { name: client.name, uid: '', groups: [...client.groups, 'system:authenticated'] },
  });
  const closeAll = async (): Promise<void> => {
    await apiserver.close();
    await database.close();
  };
  const server = await listen(deps, apiserver, authority);
  if (isFault(server)) {
    await closeAll();
    return server;
  }
  const origin = `https://${deps.host}:${server.port}`;
  await writeKubeconfig(deps, origin, authority);
  const kubeFor = (manager: string): Kube =>
    createKubeClient(
      {
        transport: inProcessTransport(
          apiserver.handler,
          { name: `system:cobalt:${manager}`, groups: ['system:masters'] },
          clock,
        ),
        clock,
        ids,
      },
      manager,
    );
  await installDefinitions(kubeFor('cobalt'));
  return {
    origin,
    kubeFor,
    async close() {
      await server.close();
      await closeAll();
    },
  };
}

/** Listens on the port of the last start if it is free, so that copied kubeconfigs stay valid. */
async function listen(
  { home, host, port, log }: KubernetesDeps,
  { handler }: Apiserver,
  authority: string,
): Promise<Outcome<HttpServer>> {
  const paths = kubernetesPaths(home);
  const last = Number(await readFile(paths.port, 'utf8').catch(() => ''));
  const [free = 0] = await unusedPorts(1, port + 1);
  const [cert, key] = [
    await readFile(paths.serverCertificate, 'utf8'),
    await readFile(paths.serverKey, 'utf8'),
  ];
  for (const candidate of last > 0 ? [last, free] : [free]) {
    try {
      const server = await startHttpServer(handler, {
        host,
        port: candidate,
        tls: { cert, key },
        clientAuthority: authority,
        log: log.child({ component: 'kubernetes' }),
      });
      await writeWhole(paths.port, `${candidate}\n`);
      return server;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
  return fault('conflict', `Kubernetes' API found no free port from ${port + 1} on.`);
}

/** Creates or renews the certificates. Returns the authority's, as PEM. */
async function ensureCertificates({ home, host, clock }: KubernetesDeps): Promise<string> {
  const paths = kubernetesPaths(home);
  const now = clock.now();
  const issuer = { file: paths.authority, keyFile: paths.authorityKey };
  await ensureKey(issuer.keyFile);
  await ensureKey(paths.tokenKey);
  if (!(await lastingCertificate(issuer.file, days.renewAuthorityBefore, now)))
    await issueCertificate({
      ...issuer,
      subject: '/CN=CobaltCore Kubernetes',
      days: days.authority,
      extensions: authorityExtensions,
    });
  const isAddress = isIP(host) > 0;
  const names = [isAddress ? `IP:${host}` : `DNS:${host}`, 'IP:127.0.0.1', 'DNS:localhost'];
  const wanted = [
    {
      file: paths.serverCertificate,
      keyFile: paths.serverKey,
      subject: '/CN=kube-apiserver',
      fits: (current: X509Certificate) =>
        (isAddress ? current.checkIP(host) : current.checkHost(host)) !== undefined,
      extensions: [
        'extendedKeyUsage=serverAuth',
        `subjectAltName=${[...new Set(names)].join(',')}`,
      ],
    },
    {
      file: paths.adminCertificate,
      keyFile: paths.adminKey,
      subject: '/O=system:masters/CN=admin',
      extensions: ['extendedKeyUsage=clientAuth'],
      fits: () => true,
    },
  ];
  for (const each of wanted) {
    await ensureKey(each.keyFile);
    const current = await lastingCertificate(each.file, days.renewBefore, now);
    if (!current || !each.fits(current))
      await issueCertificate({ ...each, issuer, days: days.valid });
  }
  return await readFile(paths.authority, 'utf8');
}

async function writeKubeconfig(
  { home }: KubernetesDeps,
  origin: string,
  authority: string,
): Promise<void> {
  const paths = kubernetesPaths(home);
  const encoded = (text: string): string => Buffer.from(text).toString('base64');
  const name = 'cobaltcore';
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: { server: origin, 'certificate-authority-data': encoded(authority) },
      },
    ],
    users: [
      {
        name: 'admin',
        user: {
          'client-certificate-data': encoded(await readFile(paths.adminCertificate, 'utf8')),
          'client-key-data': encoded(await readFile(paths.adminKey, 'utf8')),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: 'admin', namespace: 'default' } }],
    'current-context': name,
  };
  await writeWhole(paths.kubeconfig, stringify(config), 0o600);
}

const definitionsFolder = join(import.meta.dirname, '../contracts/kube/crds');

/** Applies this release's CRDs, by server-side apply. Safe to repeat. */
export async function installDefinitions(kube: Kube): Promise<void> {
  for (const file of await readdir(definitionsFolder)) {
    const definition = parse(await readFile(join(definitionsFolder, file), 'utf8')) as KubeObject;
    const applied = await kube.apply(definitions, definition);
    if (isFault(applied)) throw new Error(`${file}: ${applied.message}`);
  }
}

const definitions: KubeKind = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};
