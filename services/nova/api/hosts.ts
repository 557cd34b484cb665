// The os-hosts API, deprecated, up to microversion 2.42: which services run on which host, and a
// compute host's resources. For administrators; used by the stock client's `openstack host`.
// https://docs.openstack.org/api-ref/compute/#hosts-os-hosts-deprecated
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import {
  changeService,
  computeBinary,
  factsOf,
  findNode,
  listServices,
  zonesByHost,
} from '../store/hosts.ts';
import { serversOnHost } from '../store/servers.ts';
import type { ComputeNodeRow } from '../store/tables.ts';
import { first } from './request.ts';
import { internalZone } from './services.ts';

const path = '/v2.1/os-hosts';
const until = 42;
const policy = (name: string): string => `os_compute_api:os-hosts:${name}`;
const onOff = Type.Optional(Type.Union([Type.Literal('enable'), Type.Literal('disable')]));
const updateBody = Type.Object(
  { status: onOff, maintenance_mode: onOff },
  { additionalProperties: false, minProperties: 1 },
);
const powerActions = ['startup', 'shutdown', 'reboot'] as const;

export function hostRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;
  const { clock, config } = deps;
  const requested = async (request: ApiRequest<unknown>): Promise<Outcome<ComputeNodeRow>> => {
    const host = request.params['host'] ?? '';
    return (
      (await findNode(db, host)) ?? fault('notFound', `Compute host ${host} could not be found.`)
    );
  };
  const refuse = fault('notImplemented', 'The hypervisor driver has no such action.');
  return [
    route('GET', path, {
      until,
      policy: policy('list'),
      handler: async (request) => {
        const zones = await zonesByHost(db);
        const hosts = (await listServices(db)).map(({ binary, host }) => ({
          host_name: host,
          service: binary.replace(/^nova-/, ''),
          zone: binary === computeBinary ? (zones.get(host) ?? config.defaultZone) : internalZone,
        }));
        const zone = first(request, 'zone') || undefined;
        return {
          status: 200,
          body: { hosts: hosts.filter((each) => zone === undefined || each.zone === zone) },
        };
      },
    }),
    route('GET', `${path}/:host`, {
      until,
      policy: policy('show'),
      faults: ['notFound'],
      handler: async (request) => {
        const node = await requested(request);
        return isFault(node) ? node : { status: 200, body: { host: await resources(deps, node) } };
      },
    }),
    route<{ status?: 'enable' | 'disable'; maintenance_mode?: 'enable' | 'disable' }>(
      'PUT',
      `${path}/:host`,
      {
        until,
        policy: policy('update'),
        body: updateBody,
        faults: ['notFound', 'notImplemented'],
        handler: async (request) => {
          const node = await requested(request);
          if (isFault(node)) return node;
          const { status, maintenance_mode: maintenance } = request.body;
          if (maintenance !== undefined || status === undefined) return refuse;
          await changeService(
            db,
            { host: node.host, binary: computeBinary },
            { disabled: status === 'disable' ? 1 : 0, disabled_reason: null },
            clock.now(),
          );
          return { status: 200, body: { host: node.host, status: `${status}d` } };
        },
      },
    ),
    ...powerActions.map((action) =>
      route('GET', `${path}/:host/${action}`, {
        until,
        policy: policy(action === 'startup' ? 'start' : action),
        faults: ['notFound', 'notImplemented'],
        handler: async (request) => {
          const node = await requested(request);
          return isFault(node) ? node : refuse;
        },
      }),
    ),
  ];
}

/**
 * Rows of the answer: the total of the host, what its servers use (twice, as Nova shows it now and
 * at most), and the usage of each project.
 */
async function resources(
  { database: { db } }: NovaDeps,
  node: ComputeNodeRow,
): Promise<JsonObject[]> {
  const facts = factsOf(node);
  const row = (project: string, cpu: number, memory_mb: number, disk_gb: number): JsonObject => ({
    resource: { host: node.host, project, cpu, memory_mb, disk_gb },
  });
  const servers = await serversOnHost(db, node.host);
  const sum = (some: typeof servers) =>
    [
      some.reduce((all, { vcpus }) => all + vcpus, 0),
      some.reduce((all, { memory_mib }) => all + memory_mib, 0),
      some.reduce((all, { disk_gib }) => all + disk_gib, 0),
    ] as const;
  const byProject = [...Map.groupBy(servers, (server) => server.project_id)].map(([project, own]) =>
    row(project, ...sum(own)),
  );
  return [
    row('(total)', facts.vcpus, facts.memoryMib, facts.diskGib),
    row('(used_now)', ...sum(servers)),
    row('(used_max)', ...sum(servers)),
    ...byProject,
  ];
}
