// "Get me a network": the first call for a project creates a network with a subnet and a router to
// the default external network. Nova calls it for `--nic auto`.
// https://docs.openstack.org/api-ref/network/v2/#auto-allocated-topology-auto-allocated-topologies
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { AutoTopology } from '../store/auto-topologies.ts';
import { forgetTopology, keepTopology, topologyOf } from '../store/auto-topologies.ts';
import { defaultExternal } from '../store/networks.ts';
import { findByIds } from '../store/objects.ts';
import { interfacesOf } from '../store/routers.ts';
import { defaultPool } from '../store/subnetpools.ts';
import type { NeutronDb, NeutronTrx } from '../store/write.ts';
import { write } from '../store/write.ts';
import type { Bodied } from './attributes.ts';
import { notAllowed } from './attributes.ts';
import type { NetworkInput } from './networks.ts';
import { networks } from './networks.ts';
import type { NeutronParts } from './parts.ts';
import type { Context } from './resource.ts';
import { contextOf, writeFaults } from './resource.ts';
import { plugSubnet, unplug } from './router-interfaces.ts';
import type { RouterInput } from './routers.ts';
import { routers } from './routers.ts';
import { subnets } from './subnets.ts';
import type { SubnetInput } from './subnets.ts';

const failure = (reason: string) =>
  fault('conflict', `Deployment error: ${reason}.`, { type: 'AutoAllocationFailure' });

/**
 * Checks what the operator must have prepared: a default external network, and a default subnet
 * pool for IPv4.
 */
async function prepared(db: NeutronDb): Promise<Outcome<{ externalId: string }>> {
  const externalId = await defaultExternal(db);
  if (externalId === undefined) return failure('No default router:external network');
  return (await defaultPool(db, 4)) ? { externalId } : failure('No default subnetpools defined');
}

export function autoTopologyRoutes(parts: NeutronParts): readonly Route[] {
  const { db } = parts.database;
  const path = '/v2.0/auto-allocated-topology/:project_id';
  const wantedProject = (request: ApiRequest): Outcome<string> => {
    const projectParam = request.params['project_id'] ?? '';
    const id =
      projectParam === 'None' || projectParam === 'null'
        ? (request.auth.projectId ?? '')
        : projectParam;
    return id === request.auth.projectId ||
      request.allows('get_auto_allocated_topology:other_project')
      ? id
      : notAllowed('get_auto_allocated_topology');
  };
  const view = (projectId: string, id: string): Reply => ({
    status: 200,
    body: { auto_allocated_topology: { id, tenant_id: projectId, project_id: projectId } },
  });
  return [
    route('GET', path, {
      policy: 'get_auto_allocated_topology',
      faults: writeFaults,
      handler: async (request) => {
        const projectId = wantedProject(request);
        if (isFault(projectId)) return projectId;
        const ready = await prepared(db);
        if (request.query['fields']?.includes('dry-run'))
          return isFault(ready) ? ready : view(projectId, 'dry-run=pass');
        const topology = await write(
          db,
          async (trx) =>
            (await topologyOf(trx, projectId))?.network_id ??
            (isFault(ready)
              ? ready
              : await makeTopology(contextOf(parts, request), trx, projectId, ready.externalId)),
        );
        if (isFault(topology)) return topology;
        parts.changed(request.id);
        return view(projectId, topology);
      },
    }),
    route('DELETE', path, {
      policy: 'delete_auto_allocated_topology',
      faults: writeFaults,
      handler: async (request) => {
        const projectId = wantedProject(request);
        if (isFault(projectId)) return projectId;
        const deletion = await write(db, async (trx): Promise<Outcome<void>> => {
          const topology = await topologyOf(trx, projectId);
          return topology
            ? await removeTopology(contextOf(parts, request), trx, topology)
            : undefined;
        });
        if (isFault(deletion)) return deletion;
        parts.changed(request.id);
        return { status: 204 };
      },
    }),
  ];
}

/** The default values of a resource's attributes. */
const usual = (resource: Bodied): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(resource.attributes)
      .filter(([, attribute]) => attribute.default !== undefined)
      .map(([name, attribute]) => [name, attribute.default]),
  );

async function makeTopology(
  context: Context,
  trx: NeutronTrx,
  projectId: string,
  externalId: string,
): Promise<Outcome<string>> {
  const own = { project_id: projectId };
  // The casts below: with the defaults, the attributes named here make a complete input.
  const networkId = await networks.create(context, trx, {
    ...usual(networks),
    ...own,
    name: 'auto_allocated_network',
  } as NetworkInput);
  if (isFault(networkId)) return networkId;
  const subnetId = await subnets.create(context, trx, {
    ...usual(subnets),
    ...own,
    name: 'auto_allocated_subnet_v4',
    network_id: networkId,
    ip_version: 4,
    use_default_subnetpool: true,
  } as SubnetInput);
  if (isFault(subnetId)) return subnetId;
  const routerId = await routers.create(context, trx, {
    ...usual(routers),
    ...own,
    name: 'auto_allocated_router',
    external_gateway_info: { network_id: externalId },
  } as RouterInput);
  if (isFault(routerId)) return routerId;
  const [router] = await findByIds(trx, 'routers', [routerId]);
  if (!router) throw new Error('the router made in this transaction is not there');
  const plugged = await plugSubnet(context, trx, router, subnetId);
  if (isFault(plugged)) return plugged;
  await keepTopology(trx, { project_id: projectId, network_id: networkId, router_id: routerId });
  return networkId;
}

async function removeTopology(
  context: Context,
  trx: NeutronTrx,
  topology: AutoTopology,
): Promise<Outcome<void>> {
  const [[router], [network]] = [
    await findByIds(trx, 'routers', [topology.router_id]),
    await findByIds(trx, 'networks', [topology.network_id]),
  ];
  if (router) {
    for (const { port } of await interfacesOf(trx, router.id)) {
      const deletion = await unplug(context, trx, router, undefined, port.id);
      if (isFault(deletion)) return deletion;
    }
    const removal = await routers.remove(context, trx, router);
    if (isFault(removal)) return removal;
  }
  const removal = network && (await networks.remove(context, trx, network));
  if (isFault(removal)) return removal;
  await forgetTopology(trx, topology.project_id);
}
