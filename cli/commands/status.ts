// `cobalt status`: what runs, as a table or (--json) as JSON.
import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { cloudConfigSchema } from '#compose/config.ts';
import type { Home } from '#compose/home.ts';
import { homeDir, readSecrets } from '#compose/home.ts';
import { readProcessTable } from '#compose/process-table.ts';
import type { ProcessState } from '#compose/process-table.ts';
import { version } from '#compose/version.ts';
import { systemClock } from '#platform/clock.ts';
import { loadConfig } from '#platform/config/config.ts';
import { silentLog } from '#platform/log.ts';
import { connectCloud } from '../cloud-client.ts';
import { findControl, findSupervisor, readRestarts } from '../control-process.ts';
import type { Restarts } from '../control-process.ts';
import { findHome, homeOption } from '../state-folder.ts';
import { table } from '../table.ts';
import { hostState } from './host.ts';

interface ServiceEntry {
  binary: string;
  host: string;
  zone: string;
  status: string;
  state: string;
  updated_at: string | null;
  disabled_reason?: string | null;
}
interface HypervisorEntry {
  hypervisor_hostname: string;
  state: string;
  status: string;
  hypervisor_type: string;
  hypervisor_version: number;
  host_ip: string;
}
interface AgentEntry {
  agent_type: string;
  host: string;
  alive: boolean;
  admin_state_up: boolean;
}
interface ServerEntry {
  id: string;
  name: string;
  status: string;
  'OS-EXT-SRV-ATTR:host': string | null;
  'OS-EXT-STS:task_state': string | null;
}

interface HostEntry {
  name: string;
  state: string;
}

/** A process of a distributed cloud. */
interface ProcessEntry extends ProcessState {
  memoryMib: number;
}

interface Status {
  running: boolean;
  /** The disk of the state folder is full, so nothing can be written there. */
  diskFull?: boolean;
  /** The control plane died and is being restarted. */
  restarting?: boolean;
  restarts?: Restarts;
  /** Local hosts, which run independently of the control plane. */
  hosts?: HostEntry[];
  home: string;
  version: string;
  control?: { pid: number; port: number; ready: boolean; startedAt: string; memoryMib: number };
  processes?: ProcessEntry[];
  endpoints?: Record<string, string>;
  services?: ServiceEntry[];
  hypervisors?: HypervisorEntry[];
  agents?: AgentEntry[];
  servers?: ServerEntry[];
}

export function define(command: Command): void {
  command
    .option(...homeOption)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExit code: 0 the cloud runs and every host is up, 3 it does not run, 4 something is down.\n\nExamples:\n  ./cobalt status\n  ./cobalt status --json | jq .hypervisors',
    )
    .action(async (options: { home?: string; json?: true }) => {
      const home = findHome(options.home);
      const status: Status = home
        ? await readStatus(home)
        : { running: false, home: homeDir(undefined, process.env), version };
      process.stdout.write(
        options.json ? `${JSON.stringify(status, null, 2)}\n` : `${describe(status)}\n`,
      );
      const down =
        status.diskFull === true ||
        (status.hosts ?? []).some((host) => host.state !== 'running') ||
        (status.services ?? []).some((service) => service.state !== 'up') ||
        (status.agents ?? []).some((agent) => !agent.alive);
      process.exitCode = status.running ? (down || status.control?.ready === false ? 4 : 0) : 3;
    });
}

async function readStatus(home: Home): Promise<Status> {
  const { dir } = home;
  const control = await findControl(home.controlPid);
  const restarts = await readRestarts(home.restarts);
  const hosts = await localHosts(dir);
  const always = {
    ...((await freeBytes(dir)) < fullBelowBytes && { diskFull: true }),
    ...(restarts && { restarts }),
    ...(hosts.length > 0 && { hosts }),
  };
  if (!control)
    return {
      running: false,
      home: dir,
      version,
      ...always,
      ...((await findSupervisor(home.supervisorPid)) && { restarting: true }),
    };
  const { pid, port, ready, startedAt } = control;
  const processes = await readProcessTable(home);
  const status: Status = {
    running: true,
    home: dir,
    version: control.version,
    control: { pid, port, ready, startedAt, memoryMib: await residentMib(pid) },
    ...(processes.length > 0 && { processes: await Promise.all(processes.map(withMemory)) }),
    ...always,
  };
  const config = await loadConfig(cloudConfigSchema, {
    file: home.configFile,
    env: process.env,
    prefix: 'COBALT',
  });
  const origin = `http://${config.api.host}:${port}`;
  const secrets = await readSecrets(dir);
  const cloud = await connectCloud(origin, {
    name: 'admin',
    password: secrets.admin,
    project: 'admin',
  });
  status.endpoints = {
    identity: `${origin}/identity/v3`,
    compute: `${origin}/compute/v2.1`,
    image: `${origin}/image`,
    network: `${origin}/network`,
    volume: `${origin}/volume/v3`,
    placement: `${origin}/placement`,
    ...(processes.length === 0 && { metrics: `${origin}/metrics` }),
  };
  for (const [service, path] of [
    ['compute', '/v2.1/os-services'],
    ['volume', '/v3/os-services'],
  ] as const) {
    status.services = [
      ...(status.services ?? []),
      ...(await cloud.ask<{ services: ServiceEntry[] }>(service, 'GET', path)).services,
    ];
  }
  status.hypervisors = (
    await cloud.ask<{ hypervisors: HypervisorEntry[] }>(
      'compute',
      'GET',
      '/v2.1/os-hypervisors/detail',
    )
  ).hypervisors;
  status.agents = (
    await cloud.ask<{ agents: AgentEntry[] }>('network', 'GET', '/v2.0/agents')
  ).agents;
  status.servers = (
    await cloud.ask<{ servers: ServerEntry[] }>(
      'compute',
      'GET',
      '/v2.1/servers/detail?all_tenants=true',
    )
  ).servers;
  return status;
}

/**
 * With less free space than this the disk counts as full: SQLite needs some pages for each change
 * and for its log.
 */
const fullBelowBytes = 1024 * 1024;

async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

async function localHosts(dir: string): Promise<HostEntry[]> {
  const { createLocalHosts } = await import('#hosts/local/local-hosts.ts');
  const hosts = await createLocalHosts({
    stateDir: dir,
    log: silentLog,
    clock: systemClock,
    kvm: false,
  }).list();
  return hosts.map((host) => ({ name: host.name, state: hostState(host) }));
}

const withMemory = async (state: ProcessState): Promise<ProcessEntry> => ({
  ...state,
  memoryMib: state.pid === null ? 0 : await residentMib(state.pid),
});

async function residentMib(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1024);
}

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

/** What to do about a host that does not run. */
function remedy(name: string, state: string): string {
  switch (state) {
    case 'stopped':
      return `an operator stopped it; \`./cobalt host start ${name}\` starts it`;
    case 'stopping':
      return 'an operator stops it';
    case 'starting':
      return 'it is on its way';
    default:
      return `it died and is started again by itself; if it stays off, see hosts/${name}/init.log and control.log`;
  }
}

// If there are more rows, only their number is shown.
const maxRows = 30;

function describe(status: Status): string {
  const died =
    status.restarts &&
    `its control plane died ${times(status.restarts.count)}, last at ${status.restarts.at} with exit code ${status.restarts.exitCode} (log: ${join(status.home, 'control.log')})`;
  if (status.restarting)
    return `The cloud in ${status.home} is being started again: ${died ?? 'its control plane is not up yet'}.`;
  if (!status.running)
    return `No cloud runs in ${status.home}. Start one with: ./cobalt up --detach`;
  const off = (status.hosts ?? [])
    .filter((host) => host.state !== 'running')
    .map(({ name, state }) => `  ✗ host ${name} is ${state}: ${remedy(name, state)}`);
  const {
    control,
    processes = [],
    endpoints = {},
    services = [],
    hypervisors = [],
    agents = [],
    servers = [],
  } = status;
  const some = (rows: string[][]): string[][] =>
    rows.length > maxRows
      ? [...rows.slice(0, maxRows), [`… ${rows.length - maxRows} more (--json has all)`]]
      : rows;
  return [
    `CobaltCore ${status.version}, process ${control?.pid}, ${control?.memoryMib} MiB, ${control?.ready ? 'ready' : 'starting'} (since ${control?.startedAt}), state in ${status.home}`,
    ...(died === undefined ? [] : [`  ✗ started again by itself: ${died}`]),
    ...(status.diskFull
      ? [
          `  ✗ the disk of ${status.home} is full: changes are refused (507), reading goes on; free some space`,
        ]
      : []),
    ...off,
    '',
    table(['ENDPOINT', 'URL'], Object.entries(endpoints)),
    ...(processes.length === 0
      ? []
      : [
          '',
          table(
            ['PROCESS', 'PID', 'MIB', 'STARTED AGAIN'],
            processes.map(({ name, pid, ready, memoryMib, restarts }) => [
              name,
              pid === null ? 'is being started' : ready ? String(pid) : `${pid}, not ready`,
              String(memoryMib),
              restarts === 0 ? '-' : times(restarts),
            ]),
          ),
        ]),
    '',
    table(
      ['SERVICE', 'HOST', 'STATUS', 'STATE', 'REASON'],
      some(
        services.map((service) => [
          service.binary,
          service.host,
          service.status,
          service.state,
          service.disabled_reason ?? '',
        ]),
      ),
    ),
    '',
    table(
      ['HYPERVISOR', 'TYPE', 'STATE', 'ADDRESS'],
      some(
        hypervisors.map((hypervisor) => [
          hypervisor.hypervisor_hostname,
          hypervisor.hypervisor_type,
          hypervisor.state,
          hypervisor.host_ip,
        ]),
      ),
    ),
    '',
    table(
      ['NETWORK AGENT', 'HOST', 'STATE'],
      some(agents.map((agent) => [agent.agent_type, agent.host, agent.alive ? 'up' : 'down'])),
    ),
    '',
    servers.length === 0
      ? '  No servers yet. Try: openstack server create --image tiny --flavor m1.nano --nic none --wait vm1'
      : table(
          ['SERVER', 'ID', 'STATUS', 'HOST'],
          some(
            servers.map((server) => [
              server.name,
              server.id,
              server.status,
              server['OS-EXT-SRV-ATTR:host'] ?? '-',
            ]),
          ),
        ),
  ].join('\n');
}
