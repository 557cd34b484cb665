// The state folder of a cloud: the paths of all its files, its format version, its secrets, and the
// locks and pid files of the processes that run in it.
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

/** Increased when an older release could no longer read the state folder. */
export const homeVersion = 1;

export interface Home {
  dir: string;
  databases: string;
  imageStore: string;
  guestImages: string;
  fernetKeys: string;
  /** Temporary files of cinder-volume: images on their way between Glance and a backend. */
  volumeSpool: string;
  /** Temporary files of cinder-backup: data on its way between a backend and the backup store. */
  backupSpool: string;
  /** For the sockets of image conversions in progress. */
  conversions: string;
  /** The backup store, unless another folder is configured. */
  backups: string;
  /** State of the simulated hosts, one file each, and of simulated storage. */
  simulated: string;
  /** One folder for each emulated BMC: password, certificate, address, state. */
  bmcs: string;
  /** The Kubernetes API server's keys, certificates and kubeconfig. */
  kubernetes: string;
  cloudsYaml: string;
  /** JSON: pid, start time, port and hosts of the control plane (cli/control-process.ts). */
  controlPid: string;
  /** Log of the control plane of a detached cloud. */
  controlLog: string;
  /** Of a distributed cloud: one log file for each process. */
  processLogs: string;
  /** Of a distributed cloud: one lock file for each process, held by the process of that name. */
  processLocks: string;
  /** Of a distributed cloud: the settings file of all its processes. */
  processSettings: string;
  /** Which processes of a distributed cloud run: `ProcessState` of process-table.ts. */
  processTable: string;
  /** JSON: pid and start time of a detached cloud's supervisor, cli/supervise.sh. */
  supervisorPid: string;
  /**
   * `RESTARTS EXIT_CODE TIME`, written by the supervisor at each restart of the control plane: how
   * many there were, and how the control plane ended last. Missing: there was none.
   */
  restarts: string;
  /**
   * Locked by the control plane while it runs (cli/run-control.ts), because two control planes on
   * one state folder would undo each other's work.
   */
  lock: string;
  /** The options of the last `cobalt up`, reused by the next. */
  choices: string;
  /** The operator's settings: see config.ts. */
  configFile: string;
  /** Folder of the operator's policy files, one for each service: <name>.yaml. */
  policyFiles: string;
}

export interface Secrets {
  admin: Secret;
  demo: Secret;
  /** Signs the requests of metadata proxies, so that Nova trusts them. */
  metadata: Secret;
  /** The password of a service user. */
  service: (name: string) => Secret;
}

/** The state folder: `--home`, else $COBALT_HOME, else the system's place for user data. */
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

/** Paths of the Kubernetes API server's files. */
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
    /** Private key that signs service account tokens. */
    tokenKey: at('service-accounts.key'),
    /** For `kubectl`. */
    kubeconfig: at('kubeconfig'),
    /** The port on which the API server listened last. */
    port: at('port'),
  };
}

/** Path of the lock that a command holds while it starts or stops the host. */
export const hostLock = ({ dir }: Home, name: string): string => join(dir, `host-${name}.lock`);

/**
 * Creates or checks the state folder. conflict: it belongs to another release; forbidden: it is not
 * writable. Safe to repeat.
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

/** The cloud's passwords; generated once, readable only by the owner of the folder. */
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

/** Secret of one host's HA Agent, derived so that it reveals no other host's and no password. */
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
    // Reported below without the parse error's text, which may contain passwords.
  }
  throw new ConfigError(
    `The passwords of this cloud in ${file} are damaged. Restore the file from a backup, or begin anew with: cobalt up --reset`,
  );
}

/** Writes a file atomically, and flushes it, so that it survives a power failure. */
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

/** The environment variables that an OpenStack client needs to reach the cloud. */
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
    // Microversions: from 2.37 on a server may be created without network (--nic none); up to 2.87
    // hypervisors have statistics. The client of Debian 12 uses both.
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
