// The compute hosts: what they are, what they have, what is on them. For administrators.
// https://docs.openstack.org/api-ref/compute/#hypervisors-os-hypervisors
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { isUp } from '../domain/service-state.ts';
import { uptimeText } from '../domain/uptime.ts';
import {
  computeBinary,
  factsOf,
  hostUsages,
  listNodes,
  listServices,
  serverNamesByHost,
} from '../store/hosts.ts';
import { pageOf } from './page.ts';
import { first, unknownQuery } from './request.ts';
import { hypervisorStatistics, hypervisorSummary, hypervisorView } from './views/hypervisor.ts';
import type { Hypervisor } from './views/hypervisor.ts';

const path = '/v2.1/os-hypervisors';
const policy = (name: string): string => `os_compute_api:os-hypervisors:${name}`;
type View = (hypervisor: Hypervisor, version: number) => JsonObject;
const idle = { servers: 0, busy: 0, vcpus: 0, memoryMib: 0, diskGib: 0 };

export function hypervisorRoutes(deps: NovaDeps): readonly Route[] {
  const listRoute = (at: string, name: string, view: View): Route =>
    route('GET', path + at, {
      policy: policy(name),
      faults: ['notFound'],
      handler: async (request) => await list(deps, request, view),
    });
  return [
    listRoute('', 'list', hypervisorSummary),
    listRoute('/detail', 'list-detail', hypervisorView),
    route('GET', `${path}/statistics`, {
      until: 87,
      policy: policy('statistics'),
      handler: async (request) => {
        const enabled = (await readHypervisors(deps, false)).filter(
          ({ service }) => service.disabled === 0,
        );
        return {
          status: 200,
          body: { hypervisor_statistics: hypervisorStatistics(enabled, request.version) },
        };
      },
    }),
    route('GET', `${path}/:id`, {
      policy: policy('show'),
      faults: ['notFound'],
      handler: async (request) => {
        const withServers = wantsServers(request);
        if (isFault(withServers)) return withServers;
        const hypervisor = await requested(deps, request, withServers);
        return isFault(hypervisor)
          ? hypervisor
          : { status: 200, body: { hypervisor: hypervisorView(hypervisor, request.version) } };
      },
    }),
    // Only until 2.87: from 2.88 on GET /os-hypervisors/{id} includes the uptime.
    route('GET', `${path}/:id/uptime`, {
      until: 87,
      policy: policy('uptime'),
      faults: ['notFound'],
      handler: async (request) => {
        const hypervisor = await requested(deps, request, false);
        if (isFault(hypervisor)) return hypervisor;
        if (!hypervisor.up)
          return fault(
            'badRequest',
            `Compute service of ${hypervisor.node.host} is unavailable at this time.`,
          );
        if (hypervisor.uptime === null)
          return fault('badRequest', `The host ${hypervisor.node.host} does not tell its uptime.`);
        return {
          status: 200,
          body: {
            hypervisor: {
              ...hypervisorSummary(hypervisor, request.version),
              uptime: hypervisor.uptime,
            },
          },
        };
      },
    }),
    route('GET', `${path}/:id/search`, {
      until: 52,
      policy: policy('search'),
      faults: ['notFound'],
      handler: async (request) => await search(deps, request, false),
    }),
    route('GET', `${path}/:id/servers`, {
      until: 52,
      policy: policy('servers'),
      faults: ['notFound'],
      handler: async (request) => await search(deps, request, true),
    }),
  ];
}

/** All compute nodes that have a nova-compute service. */
async function readHypervisors(
  { database: { db }, clock, config }: NovaDeps,
  withServers: boolean,
): Promise<Hypervisor[]> {
  const [nodes, services, usages, names] = await Promise.all([
    listNodes(db),
    listServices(db, { binary: computeBinary }),
    hostUsages(db),
    withServers ? serverNamesByHost(db) : undefined,
  ]);
  const serviceOf = new Map(services.map((service) => [service.host, service]));
  return nodes.flatMap((node): Hypervisor[] => {
    const service = serviceOf.get(node.host);
    if (!service) return []; // node registered, service not reported yet
    const facts = factsOf(node);
    return [
      {
        node,
        service,
        facts,
        up: isUp(service, clock.now(), config),
        used: usages.get(node.host) ?? idle,
        servers: names && (names.get(node.host) ?? []),
        uptime: facts.bootedAtMs === undefined ? null : uptimeText(facts.bootedAtMs, clock.now()),
      },
    ];
  });
}

const idOf =
  (version: number) =>
  ({ node }: Hypervisor): string =>
    version >= 53 ? node.uuid : String(node.id);

async function requested(
  deps: NovaDeps,
  request: ApiRequest,
  withServers: boolean,
): Promise<Outcome<Hypervisor>> {
  const id = request.params['id'] ?? '';
  const all = await readHypervisors(deps, withServers);
  return (
    all.find((hypervisor) => idOf(request.version)(hypervisor) === id) ??
    fault('notFound', `Compute host ${id} could not be found.`)
  );
}

function wantsServers(request: ApiRequest): Outcome<boolean> {
  const text = request.version >= 53 ? first(request, 'with_servers') : undefined;
  return text === undefined
    ? false
    : (booleanOf(text) ??
        fault(
          'badRequest',
          `Invalid input for query parameters with_servers. Value: ${text}. It must be a boolean.`,
        ));
}

async function list(deps: NovaDeps, request: ApiRequest, view: View): Promise<Outcome<Reply>> {
  const { version } = request;
  const paged = ['limit', 'marker'];
  const unknown =
    version < 33
      ? undefined
      : unknownQuery(
          request,
          version < 53 ? paged : [...paged, 'hypervisor_hostname_pattern', 'with_servers'],
        );
  if (unknown) return unknown;
  const withServers = wantsServers(request);
  if (isFault(withServers)) return withServers;
  let all = await readHypervisors(deps, withServers);
  const pattern = version >= 53 ? first(request, 'hypervisor_hostname_pattern') : undefined;
  if (pattern !== undefined) {
    if (first(request, 'limit') !== undefined || first(request, 'marker') !== undefined)
      return fault(
        'badRequest',
        'Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.',
      );
    all = all.filter(({ node }) => node.host.includes(pattern));
    if (all.length === 0)
      return fault('notFound', `No hypervisor matching '${pattern}' could be found.`);
  }
  if (version < 33)
    return {
      status: 200,
      body: { hypervisors: all.map((hypervisor) => view(hypervisor, version)) },
    };
  const page = pageOf(request, all, idOf(version), deps.config.maxListLimit);
  if (isFault(page)) return page;
  const body: JsonObject = {
    hypervisors: page.items.map((hypervisor) => view(hypervisor, version)),
  };
  if (page.links) body['hypervisors_links'] = page.links;
  return { status: 200, body };
}

async function search(
  deps: NovaDeps,
  request: ApiRequest,
  withServers: boolean,
): Promise<Outcome<Reply>> {
  const pattern = request.params['id'] ?? '';
  const matchingHypervisors = (await readHypervisors(deps, withServers)).filter(({ node }) =>
    node.host.includes(pattern),
  );
  if (matchingHypervisors.length === 0)
    return fault('notFound', `No hypervisor matching '${pattern}' could be found.`);
  return {
    status: 200,
    body: {
      hypervisors: matchingHypervisors.map((hypervisor) =>
        hypervisorSummary(hypervisor, request.version),
      ),
    },
  };
}
