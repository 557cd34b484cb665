// Usage of projects within a period: server hours, weighted by size. Pure.
// https://docs.openstack.org/api-ref/compute/#usage-reports-os-simple-tenant-usage
import type { Server } from '../store/servers.ts';
import { flavorOf } from './server-row.ts';

export interface Period {
  startMs: number;
  endMs: number;
}

export interface ServerUsage {
  server: Server;
  flavor: string;
  localGib: number;
  hours: number;
  /** Seconds since the server was launched, not only within the period. */
  uptimeS: number;
}

export interface ProjectUsage {
  projectId: string;
  servers: ServerUsage[];
  hours: number;
  vcpuHours: number;
  memoryMibHours: number;
  diskGibHours: number;
}

const hourMs = 3_600_000;

export function serverUsage(server: Server, period: Period, nowMs: number): ServerUsage {
  const flavor = flavorOf(server);
  const from = server.launched_at_ms ?? nowMs;
  const to = server.terminated_at_ms ?? nowMs;
  const within = Math.min(to, period.endMs) - Math.max(from, period.startMs);
  return {
    server,
    flavor: flavor.name,
    localGib: flavor.diskGib + flavor.ephemeralGib,
    hours: Math.max(0, within) / hourMs,
    uptimeS: Math.max(0, Math.floor((to - from) / 1000)),
  };
}

/** One entry for each project, in the order of its first server. */
export function usageByProject(
  servers: readonly Server[],
  period: Period,
  nowMs: number,
): ProjectUsage[] {
  const projects = new Map<string, ProjectUsage>();
  for (const server of servers) {
    const usage = serverUsage(server, period, nowMs);
    const project = projects.get(server.project_id) ?? {
      projectId: server.project_id,
      servers: [],
      hours: 0,
      vcpuHours: 0,
      memoryMibHours: 0,
      diskGibHours: 0,
    };
    projects.set(server.project_id, project);
    project.servers.push(usage);
    project.hours += usage.hours;
    project.vcpuHours += usage.hours * server.vcpus;
    project.memoryMibHours += usage.hours * server.memory_mib;
    project.diskGibHours += usage.hours * usage.localGib;
  }
  return [...projects.values()];
}
