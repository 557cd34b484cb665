// The state folder of an embedded cloud: where everything lies, its version, its secrets, and who
// runs in it.
import { createHmac } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { ConfigError } from '#platform/config/config.ts';
import type { Ids } from '#platform/ids.ts';
import { systemIds } from '#platform/ids.ts';
import { Secret } from '#platform/log.ts';

/** Changes when an older release could not read what this one writes. */
export const homeVersion = 1;

export interface Home {
  dir: string;
  databases: string;
  imageStore: string;
  guestImages: string;
  fernetKeys: string;
  /** For images and backups on their way between Cinder, its backends and Glance. */
  volumeSpool: string;
  backupSpool: string;
  /** For the sockets of conversions of images while they run. */
  conversions: string;
  backups: string;
  simulated: string;
  /** A folder for each emulated BMC: password, certificate, address, state. */
  bmcs: string;
  /** Kubernetes' API: keys, certificates, kubeconfig. */
  kubernetes: string;
  cloudsYaml: string;
  controlPid: string;
  controlLog: string;
  /** Of a distributed cloud: one a process. */
  processLogs: string;
  /** Each is held by the process of its name. */
  processLocks: string;
  /** And the settings of them all. */
  processSettings: string;
  /** Which of them run: `ProcessState` of process-table.ts. */
  processTable: string;
  /** The supervisor of a detached cloud, and how often it had to start the control plane again. */
  supervisorPid: string;
  restarts: string;
  /**
   * Locked by the control plane while it lives (cli/run-control.ts): two of them on one state would
   * undo each other's work.
   */
  lock: string;
  /** What `up` was told, for the next `up`. */
  choices: string;
  configFile: string;
  /** One file a service: <name>.yaml. */
  policyFiles: string;
}

export interface Secrets {
  admin: Secret;
  demo: Secret;
  /** Signs what the metadata proxies say. */
  metadata: Secret;
  /** One password a service user. */
  service: (name: string) => Secret;
}

/** `--home`, else $COBALT_HOME, else the place the system has for it. */
export function homeDir(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  if (option) return resolve(option);
  if (env['COBALT_HOME']) return resolve(env['COBALT_HOME']);
  if (process.getuid?.() === 0) return '/var/lib/cobaltcore';
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'cobaltcore');
}

export function homePaths(dir: string): Home {
  const at = (...parts: string[]): string => join(dir, ...parts);
  return {
    dir,
    databases: at('databases'),
    imageStore: at('images'),
    guestImages: at('guest-images'),
    fernetKeys: at('fernet-keys'),
    volumeSpool: at('volume-spool'),
    backupSpool: at('backup-spool'),
    conversions: at('conversions'),
    backups: at('backups'),
    simulated: at('simulated-hosts'),
    bmcs: at('bmcs'),
    kubernetes: at('kubernetes'),
    cloudsYaml: at('clouds.yaml'),
    controlPid: at('control.pid'),
    controlLog: at('control.log'),
    processLogs: at('logs'),
    processLocks: at('locks'),
    processSettings: at('processes.yaml'),
    processTable: at('processes.json'),
    supervisorPid: at('supervisor.pid'),
    restarts: at('control.restarts'),
    lock: at('control.lock'),
    choices: at('choices.json'),
    configFile: at('cobalt.yaml'),
    policyFiles: at('policy'),
  };
}

/** The files of Kubernetes' API. */
export function kubernetesPaths({ kubernetes, databases }: Home) {
  const at = (name: string): string => join(kubernetes, name);
  return {
    database: join(databases, 'kubernetes.sqlite'),
    authority: at('authority.crt'),
    authorityKey: at('authority.key'),
    serverCertificate: at('server.crt'),
    serverKey: at('server.key'),
    adminCertificate: at('admin.crt'),
    adminKey: at('admin.key'),
    /** Signs tokens of service accounts. */
    tokenKey: at('service-accounts.key'),
    /** For `kubectl`. */
    kubeconfig: at('kubeconfig'),
    /** Where it listened last. */
    port: at('port'),
  };
}

/** Locked by a command that starts or stops the host. */
export const hostLock = ({ dir }: Home, name: string): string => join(dir, `host-${name}.lock`);

/**
 * Makes the folder fit for use. conflict: another release's; forbidden: not writable. Safe to
 * repeat.
 */
export async function prepareHome(dir: string): Promise<Outcome<Home>> {
  const home = homePaths(dir);
  try {
    for (const folder of [
      home.dir,
      home.databases,
      home.imageStore,
      home.simulated,
      home.kubernetes,
    ])
      await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    return fault(
      'forbidden',
      `The state folder ${dir} cannot be made: ${(error as Error).message}. Choose another with --home, or run as root.`,
    );
  }
  const marker = join(dir, 'version');
  const text = await readFile(marker, 'utf8').catch(() => null);
  if (text === null) await writeWhole(marker, `${homeVersion}\n`);
  else if (Number(text) !== homeVersion) {
    return fault(
      'conflict',
      `The state folder ${dir} is of version ${text.trim()}, this release writes version ${homeVersion}. Use the release that made it, another --home, or begin anew with: cobalt down --purge`,
    );
  }
  return home;
}

/** The cloud's passwords, made once. Readable by their owner alone. */
export async function readSecrets(
  dir: string,
  ids: Pick<Ids, 'bytes'> = systemIds,
): Promise<Secrets> {
  const password = (): string => ids.bytes(18).toString('base64url');
  const file = join(dir, 'secrets.json');
  const stored = parseSecrets(
    file,
    await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '{}';
      throw new ConfigError(
        `The passwords of this cloud in ${file} cannot be read: ${error.message}`,
      );
    }),
  );
  const seed = {
    admin: password(),
    demo: password(),
    service: password(),
    metadata: password(),
    ...stored,
  };
  if (Object.keys(stored).length < Object.keys(seed).length)
    await writeWhole(file, `${JSON.stringify(seed)}\n`, 0o600);
  return {
    admin: new Secret(seed.admin),
    demo: new Secret(seed.demo),
    metadata: new Secret(seed.metadata),
    service: (name) => new Secret(`${name}-${seed.service}`),
  };
}

/** Of the HA Agent of a host: it gives away that of no other host, and no password. */
export const haAgentSecret = (secrets: Pick<Secrets, 'service'>, host: string): Secret =>
  new Secret(
    createHmac('sha256', secrets.service('ha-agent').reveal()).update(host).digest('base64url'),
  );

function parseSecrets(file: string, text: string): Record<string, string> {
  try {
    const secrets: unknown = JSON.parse(text);
    if (
      typeof secrets === 'object' &&
      secrets !== null &&
      Object.values(secrets).every((value) => typeof value === 'string')
    )
      return secrets as Record<string, string>;
  } catch {
    // told below, without the text, which may hold passwords
  }
  throw new ConfigError(
    `The passwords of this cloud in ${file} are damaged. Restore the file from a backup, or begin anew with: cobalt up --reset`,
  );
}

/** Appears whole or not at all, and survives a power failure. */
export async function writeWhole(path: string, text: string, mode = 0o644): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/** What a client needs to reach the cloud, as environment variables. */
export function clientEnvironment(
  identityUrl: string,
  region: string,
  user: { name: string; password: Secret; project: string },
): Record<string, string> {
  return {
    OS_AUTH_URL: identityUrl,
    OS_IDENTITY_API_VERSION: '3',
    OS_USERNAME: user.name,
    OS_PASSWORD: user.password.reveal(),
    OS_PROJECT_NAME: user.project,
    OS_USER_DOMAIN_NAME: 'Default',
    OS_PROJECT_DOMAIN_NAME: 'Default',
    OS_REGION_NAME: region,
    // From 2.37 a server may ask for no network (--nic none), up to 2.87 there are hypervisor
    // statistics; Debian 12's client speaks both.
    OS_COMPUTE_API_VERSION: '2.87',
  };
}

export async function writeCloudsYaml(
  path: string,
  identityUrl: string,
  region: string,
  users: { cloud: string; name: string; password: Secret; project: string }[],
): Promise<void> {
  const lines = users.flatMap(({ cloud, name, password: secret, project }) => [
    `  ${cloud}:`,
    '    auth:',
    `      auth_url: ${identityUrl}`,
    `      username: ${name}`,
    `      password: ${secret.reveal()}`,
    `      project_name: ${project}`,
    '      user_domain_name: Default',
    '      project_domain_name: Default',
    `    region_name: ${region}`,
    '    identity_api_version: "3"',
    '    compute_api_version: "2.87"',
  ]);
  await writeWhole(path, `clouds:\n${lines.join('\n')}\n`, 0o600);
}
