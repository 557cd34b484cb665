// The settings of a process of a distributed cloud (`cobalt serve`): those of the cloud
// (config.ts), and where this process finds its peers.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { EffectiveConfig } from '#platform/config/config.ts';
import { ConfigError, readConfig } from '#platform/config/config.ts';
import { Secret } from '#platform/log.ts';
import { mounts } from './catalog.ts';
import { cloudConfigSchema, section } from './config.ts';
import type { Home, Secrets } from './home.ts';
import { readSecrets } from './home.ts';

const text = (value = '') => Type.String({ default: value });
const port = (value: number) => Type.Integer({ minimum: 0, maximum: 65_535, default: value });

export const processConfigSchema = Type.Object(
  {
    ...cloudConfigSchema.properties,
    cloud: section({ origin: text() }),
    process: section({ name: text() }),
    tls: section({ caFile: text() }),
    listen: section({ host: text('127.0.0.1'), port: port(0), certFile: text(), keyFile: text() }),
    endpoints: section({
      identity: text(),
      image: text(),
      placement: text(),
      compute: text(),
      network: text(),
      metadata: text(),
      volume: text(),
      ha: text(),
    }),
    bus: section({
      hosts: text(),
      tls: Type.Boolean({ default: false }),
      user: text('cobalt'),
      passwordFile: text(),
      vhost: text('/'),
      prefix: text('cobalt'),
    }),
    mariadb: section({
      host: text(),
      port: port(3306),
      socketPath: text(),
      tls: Type.Boolean({ default: false }),
      user: text('cobalt'),
      passwordFile: text(),
      databasePrefix: text('cobalt_'),
      maxConnections: Type.Integer({ minimum: 1, default: 10 }),
    }),
    secrets: section({ folder: text() }),
    storage: section({
      nfsServer: text(),
      nfsPath: text(),
      imageFolder: text(),
      backupFolder: text(),
      simulated: Type.Boolean({ default: false }),
    }),
    ovn: section({
      northbound: text(),
      southbound: text(),
      simulatedHosts: Type.Integer({ minimum: 0, default: 0 }),
    }),
    host: section({
      simulated: Type.Integer({ minimum: 0, default: 0 }),
      firstSimulated: Type.Integer({ minimum: 1, default: 1 }),
      index: Type.Integer({ minimum: 1, default: 1 }),
      networkFacts: text(),
      share: Type.Number({ exclusiveMinimum: 0, maximum: 1, default: 1 }),
    }),
  },
  { additionalProperties: false },
);

export type ProcessConfig = Static<typeof processConfigSchema>;

/** Reads the settings from file and environment. Throws ConfigError. */
export const readProcessConfig = async (
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<EffectiveConfig<ProcessConfig>> =>
  await readConfig(processConfigSchema, { file, env, prefix: 'COBALT' });

/** The URL of each service for the other processes: from `endpoints`, else below `cloud.origin`. */
export function endpointsOf({ cloud, endpoints }: ProcessConfig): Record<string, string> {
  return Object.fromEntries(
    Object.entries(mounts).map(([service, mount]) => [
      service,
      // Cast: the service is a key of `mounts`.
      endpoints[service as keyof typeof mounts] || `${cloud.origin}${mount}`,
    ]),
  );
}

/**
 * The content of a secret's file without the trailing newline. Throws ConfigError, which names
 * setting and file.
 */
export async function secretIn(setting: string, file: string): Promise<Secret> {
  try {
    return new Secret((await readFile(file, 'utf8')).trimEnd());
  } catch (error) {
    throw new ConfigError(
      `${setting}: the file ${file} cannot be read: ${(error as Error).message}`,
    );
  }
}

/**
 * The secrets, from one file each: `admin`, `demo`, `service`, `metadata`; they must be the same on
 * each machine. Without a configured folder: those of the state folder, generated at first use.
 */
export async function secretsIn(
  { secrets: { folder } }: ProcessConfig,
  home: Home,
): Promise<Secrets> {
  if (folder === '') return await readSecrets(home.dir);
  const read = async (name: string) => await secretIn('secrets.folder', join(folder, name));
  const service = await read('service');
  return {
    admin: await read('admin'),
    demo: await read('demo'),
    metadata: await read('metadata'),
    service: (name) => new Secret(`${name}-${service.reveal()}`),
  };
}
