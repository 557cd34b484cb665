// `cobalt status`: what runs, for people or (--json) for programs.
import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { loadConfig } from '#platform/config/config.ts';
import { cloudConfigSchema } from '#compose/config.ts';
import { version } from '#compose/embedded.ts';
import { homeDir, homePaths, readSecrets } from '#compose/home.ts';
import { connectCloud } from '../cloud-client.ts';
import { findControl } from '../control-process.ts';
import { table } from '../table.ts';

interface ServiceEntry { binary: string; host: string; zone: string; status: string; state: string; updated_at: string | null }
interface HypervisorEntry { hypervisor_hostname: string; state: string; status: string; hypervisor_type: string; hypervisor_version: number; host_ip: string }
interface AgentEntry { agent_type: string; host: string; alive: boolean; admin_state_up: boolean }
interface ServerEntry { id: string; name: string; status: string; 'OS-EXT-SRV-ATTR:host': string | null; 'OS-EXT-STS:task_state': string | null }

interface Status {
  running: boolean;
  home: string;
  version: string;
  control?: { pid: number; port: number; ready: boolean; startedAt: string; memoryMib: number };
  endpoints?: Record<string, string>;
  services?: ServiceEntry[];
  hypervisors?: HypervisorEntry[];
  agents?: AgentEntry[];
  servers?: ServerEntry[];
}

export function define(command: Command): void {
  command
    .option('--home <dir>', 'state folder (default as in `up`)')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExit code: 0 the cloud runs and every host is up, 3 it does not run, 4 something is down.\n\nExamples:\n  ./cobalt status\n  ./cobalt status --json | jq .hypervisors')
    .action(async (options: { home?: string; json?: true }) => {
      const status = await readStatus(homeDir(options.home, process.env));
      process.stdout.write(options.json ? `${JSON.stringify(status, null, 2)}\n` : `${describe(status)}\n`);
      const down = (status.services ?? []).some((service) => service.state !== 'up') || (status.agents ?? []).some((agent) => !agent.alive);
      process.exitCode = status.running ? (down || status.control?.ready === false ? 4 : 0) : 3;
    });
}

async function readStatus(dir: string): Promise<Status> {
  const home = homePaths(dir);
  const control = await findControl(home.controlPid);
  if (!control) return { running: false, home: dir, version };
  const { pid, port, ready, startedAt } = control;
  const status: Status = { running: true, home: dir, version: control.version, control: { pid, port, ready, startedAt, memoryMib: await residentMib(pid) } };
  const config = await loadConfig(cloudConfigSchema, { file: home.configFile, env: process.env, prefix: 'COBALT' });
  const origin = `http://${config.api.host}:${port}`;
  const secrets = await readSecrets(dir);
  const cloud = await connectCloud(origin, { name: 'admin', password: secrets.admin, project: 'admin' });
  status.endpoints = { identity: `${origin}/identity/v3`, compute: `${origin}/compute/v2.1`, image: `${origin}/image`, network: `${origin}/network`, volume: `${origin}/volume/v3`, placement: `${origin}/placement`, metrics: `${origin}/metrics` };
  for (const [service, path] of [['compute', '/v2.1/os-services'], ['volume', '/v3/os-services']] as const) {
    status.services = [...(status.services ?? []), ...(await cloud.ask<{ services: ServiceEntry[] }>(service, 'GET', path)).services];
  }
  status.hypervisors = (await cloud.ask<{ hypervisors: HypervisorEntry[] }>('compute', 'GET', '/v2.1/os-hypervisors/detail')).hypervisors;
  status.agents = (await cloud.ask<{ agents: AgentEntry[] }>('network', 'GET', '/v2.0/agents')).agents;
  status.servers = (await cloud.ask<{ servers: ServerEntry[] }>('compute', 'GET', '/v2.1/servers/detail?all_tenants=true')).servers;
  return status;
}

async function residentMib(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1024);
}

// Beyond this many, rows say less than their count.
const maxRows = 30;

function describe(status: Status): string {
  if (!status.running) return `No cloud runs in ${status.home}. Start one with: ./cobalt up --detach`;
  const { control, endpoints = {}, services = [], hypervisors = [], agents = [], servers = [] } = status;
  const some = (rows: string[][]): string[][] => (rows.length > maxRows ? [...rows.slice(0, maxRows), [`… ${rows.length - maxRows} more (--json has all)`]] : rows);
  return [
    `CobaltCore ${status.version}, process ${control?.pid}, ${control?.memoryMib} MiB, ${control?.ready ? 'ready' : 'starting'} (since ${control?.startedAt}), state in ${status.home}`,
    '', table(['ENDPOINT', 'URL'], Object.entries(endpoints)),
    '', table(['SERVICE', 'HOST', 'STATUS', 'STATE'], some(services.map((service) => [service.binary, service.host, service.status, service.state]))),
    '', table(['HYPERVISOR', 'TYPE', 'STATE', 'ADDRESS'], some(hypervisors.map((hypervisor) => [hypervisor.hypervisor_hostname, hypervisor.hypervisor_type, hypervisor.state, hypervisor.host_ip]))),
    '', table(['NETWORK AGENT', 'HOST', 'STATE'], some(agents.map((agent) => [agent.agent_type, agent.host, agent.alive ? 'up' : 'down']))),
    '', servers.length === 0 ? '  No servers yet. Try: openstack server create --image tiny --flavor m1.nano --nic none --wait vm1' : table(['SERVER', 'ID', 'STATUS', 'HOST'], some(servers.map((server) => [server.name, server.id, server.status, server['OS-EXT-SRV-ATTR:host'] ?? '-']))),
  ].join('\n');
}
