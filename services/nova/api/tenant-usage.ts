// Usage reports: what the servers of one project, or of each project, used within a period.
// https://docs.openstack.org/api-ref/compute/#usage-reports-os-simple-tenant-usage
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { timeMsOf } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { isoMicroseconds } from '#platform/clock.ts';
import type { NovaDeps } from '../deps.ts';
import type { Period, ProjectUsage, ServerUsage } from '../domain/tenant-usage.ts';
import { usageByProject } from '../domain/tenant-usage.ts';
import { serversRunningWithin } from '../store/list-servers.ts';
import { pageOf } from './page.ts';
import { first } from './request.ts';

const path = '/v2.1/os-simple-tenant-usage';
const policy = (name: string): string => `os_compute_api:os-simple-tenant-usage:${name}`;
const fourWeeksMs = 28 * 24 * 3_600_000;
const pagedSince = 40;

export function tenantUsageRoutes(deps: NovaDeps): readonly Route[] {
  return [
    route('GET', path, {
      policy: policy('list'),
      faults: ['notFound'],
      handler: async (request) => {
        if (request.path.endsWith('/'))
          // a trailing slash is a request to show the report of a project with an empty id
          return fault('notFound', 'The resource could not be found.');
        const read = await readUsage(deps, request, null);
        if (isFault(read)) return read;
        const detailed = first(request, 'detailed') === '1';
        const body: JsonObject = {
          tenant_usages: read.projects.map((project) =>
            projectView(project, read.period, detailed),
          ),
        };
        if (read.links) body['tenant_usages_links'] = read.links;
        return { status: 200, body };
      },
    }),
    route('GET', `${path}/:id`, {
      policy: null,
      handler: async (request) => {
        const projectId = request.params['id'] ?? '';
        if (!request.allows(policy('show'), { project_id: projectId }))
          return fault('forbidden', `Policy doesn't allow ${policy('show')} to be performed.`);
        const read = await readUsage(deps, request, projectId);
        if (isFault(read)) return read;
        const [project] = read.projects;
        // As in Nova, the report of a project that used nothing is an empty object.
        const body: JsonObject = {
          tenant_usage: project ? projectView(project, read.period, true) : {},
        };
        if (read.links) body['tenant_usage_links'] = read.links;
        return { status: 200, body };
      },
    }),
  ];
}

interface Read {
  projects: ProjectUsage[];
  period: Period;
  links: Json[] | undefined;
}

/** Paging counts servers, so the servers of one project may be spread over several pages. */
async function readUsage(
  { database: { db }, clock, config }: NovaDeps,
  request: ApiRequest,
  projectId: string | null,
): Promise<Outcome<Read>> {
  const nowMs = clock.now();
  const period = periodOf(request, nowMs);
  if (isFault(period)) return period;
  const servers = await serversRunningWithin(db, {
    projectId,
    startMs: period.startMs,
    endMs: period.endMs,
  });
  if (request.version < pagedSince)
    return { projects: usageByProject(servers, period, nowMs), period, links: undefined };
  const page = pageOf(request, servers, (server) => server.id, config.maxListLimit);
  return isFault(page)
    ? page
    : { projects: usageByProject(page.items, period, nowMs), period, links: page.links };
}

function periodOf(request: ApiRequest, nowMs: number): Outcome<Period> {
  const times: Partial<Record<'start' | 'end', number>> = {};
  for (const name of ['start', 'end'] as const) {
    const text = first(request, name);
    if (text === undefined || text === '') continue;
    const ms = timeMsOf(text);
    if (ms === undefined)
      return fault('badRequest', `Datetime is in invalid format: ${name}=${text}`);
    times[name] = ms;
  }
  const endMs = times.end ?? nowMs;
  const startMs = times.start ?? endMs - fourWeeksMs;
  return startMs > endMs
    ? fault('badRequest', 'Invalid start time. The start time cannot occur after the end time.')
    : { startMs, endMs };
}

const time = (ms: number | null): string | null =>
  ms === null ? null : isoMicroseconds(ms).slice(0, -1);

function projectView(project: ProjectUsage, period: Period, detailed: boolean): JsonObject {
  const view: JsonObject = {
    tenant_id: project.projectId,
    start: time(period.startMs),
    stop: time(period.endMs),
    total_hours: project.hours,
    total_vcpus_usage: project.vcpuHours,
    total_memory_mb_usage: project.memoryMibHours,
    total_local_gb_usage: project.diskGibHours,
  };
  if (detailed) view['server_usages'] = project.servers.map(serverView);
  return view;
}

const serverView = ({ server, ...usage }: ServerUsage): JsonObject => ({
  instance_id: server.id,
  name: server.name,
  tenant_id: server.project_id,
  flavor: usage.flavor,
  state: server.terminated_at_ms === null ? server.vm_state : 'terminated',
  vcpus: server.vcpus,
  memory_mb: server.memory_mib,
  local_gb: usage.localGib,
  started_at: time(server.launched_at_ms),
  ended_at: time(server.terminated_at_ms),
  hours: usage.hours,
  uptime: usage.uptimeS,
});
