// Routers and their gateway. Interfaces and extra routes: router-actions.ts.
// https://docs.openstack.org/api-ref/network/v2/#routers-routers
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { checkRoutes } from '../domain/router.ts';
import type { Route } from '../domain/subnet.ts';
import { addressesOf } from '../store/ipam.ts';
import { changeRow, deleteRow, insertRow } from '../store/objects.ts';
import { chargeQuota } from '../store/quotas.ts';
import { interfacesOf, routerListing, subnetsByIds } from '../store/routers.ts';
import { markChanged } from '../store/sdn-journal.ts';
import { standardRow } from '../store/standard.ts';
import type { RouterRow } from '../store/tables.ts';
import type { NeutronDb, NeutronTrx } from '../store/write.ts';
import type { Parser } from './attributes.ts';
import {
  boolean,
  cidr,
  dict,
  ip,
  listOf,
  notAllowed,
  orNull,
  standardAttributes,
  text,
  uuid,
} from './attributes.ts';
import type { Context, Resource } from './resource.ts';
import { plainChanges } from './resource.ts';
import type { GatewayInfo } from './router-gateway.ts';
import { clearGateway, setGateway } from './router-gateway.ts';
import { standardView } from './standard-view.ts';

export interface RouterInput {
  project_id: string;
  name: string;
  description: string;
  admin_state_up: boolean;
  external_gateway_info: GatewayInfo | null;
  routes: Route[] | null;
  availability_zone_hints: string[];
}

export const routeList = listOf(
  dict({ destination: cidr, nexthop: ip }, ['destination', 'nexthop']),
  { unique: true },
);
const gatewayInfo = orNull(
  dict({
    network_id: orNull(uuid),
    enable_snat: boolean,
    external_fixed_ips: listOf(dict({ subnet_id: uuid, ip_address: ip })),
  }),
);
/** OVN routes on every host anyway, so `distributed` and `ha` can only be false. */
const off: Parser = (value) => {
  const read = boolean(value);
  return 'reason' in read || read.value === false
    ? read
    : {
        reason:
          'routers of this cloud are neither distributed nor HA in the sense of the L3 agent.',
      };
};

export const routers: Resource<'routers', RouterInput> = {
  singular: 'router',
  collection: 'routers',
  attributes: {
    ...standardAttributes,
    admin_state_up: { post: true, put: true, parse: boolean, default: true },
    external_gateway_info: {
      post: true,
      put: true,
      unfiltered: true,
      parse: gatewayInfo,
      default: null,
    },
    routes: { put: true, parse: orNull(routeList) },
    availability_zone_hints: { post: true, parse: listOf(text(255)), default: [] },
    availability_zones: {},
    status: {},
    distributed: { post: true, put: true, guarded: true, hidden: true, parse: off, default: false },
    ha: { post: true, put: true, guarded: true, hidden: true, parse: off, default: false },
  },
  listing: routerListing,
  notFound: { type: 'RouterNotFound', noun: 'Router' },
  views: async (db, rows) => {
    const gateways = await addressesOf(
      db,
      rows.flatMap(({ gateway_port_id }) => gateway_port_id ?? []),
    );
    return rows.map((row): JsonObject => ({
      ...standardView(row),
      name: row.name,
      admin_state_up: row.admin_state_up === 1,
      status: 'ACTIVE',
      distributed: false,
      ha: false,
      routes: JSON.parse(row.routes_json) as JsonObject[],
      availability_zone_hints: JSON.parse(row.availability_zone_hints_json) as string[],
      availability_zones: [],
      external_gateway_info:
        row.gateway_network_id === null
          ? null
          : {
              network_id: row.gateway_network_id,
              enable_snat: row.enable_snat === 1,
              external_fixed_ips: (gateways.get(row.gateway_port_id ?? '') ?? []).map(
                ({ subnet_id, ip_address }) => ({ subnet_id, ip_address }),
              ),
            },
    }));
  },
  create: createRouter,
  change: async (context, trx, row, input) => {
    const { external_gateway_info: info } = input;
    const gateway =
      info === undefined ? undefined : await changeGateway(context, trx, row, info, 'update');
    if (isFault(gateway)) return gateway;
    const routes =
      input.routes === undefined ? undefined : await routesFor(trx, row, input.routes ?? []);
    if (isFault(routes)) return routes;
    await changeRow(
      trx,
      'routers',
      row.id,
      {
        ...plainChanges({ ...input }, ['name', 'description', 'admin_state_up']),
        ...(routes ? { routes_json: JSON.stringify(routes) } : {}),
      },
      context.nowMs,
    );
    return await markChanged(trx, [{ kind: 'router', id: row.id }]);
  },
  remove: async (_context, trx, row) => {
    if ((await interfacesOf(trx, row.id)).length > 0)
      return fault('conflict', `Router ${row.id} still has ports`, { type: 'RouterInUse' });
    const cleared = await clearGateway(trx, row);
    if (isFault(cleared)) return cleared;
    await deleteRow(trx, 'routers', row.id);
    return await markChanged(trx, [{ kind: 'router', id: row.id }]);
  },
};

async function createRouter(
  context: Context,
  trx: NeutronTrx,
  input: RouterInput,
): Promise<Outcome<string>> {
  const {
    parts: { config, ids },
    nowMs,
  } = context;
  const unknownZone = input.availability_zone_hints.find((zone) => zone !== config.defaultZone);
  if (unknownZone !== undefined)
    return fault('notFound', `AvailabilityZone ${unknownZone} could not be found.`, {
      type: 'AvailabilityZoneNotFound',
    });
  const over = await chargeQuota(trx, config.quotas, 'router', input.project_id, 1);
  if (isFault(over)) return over;
  const row: RouterRow = {
    ...standardRow(ids.uuid(), nowMs, input),
    admin_state_up: Number(input.admin_state_up),
    gateway_port_id: null,
    gateway_network_id: null,
    enable_snat: 1,
    routes_json: '[]',
    availability_zone_hints_json: JSON.stringify(input.availability_zone_hints),
  };
  await insertRow(trx, 'routers', row);
  const gateway = await changeGateway(context, trx, row, input.external_gateway_info, 'create');
  if (isFault(gateway)) return gateway;
  await markChanged(trx, [{ kind: 'router', id: row.id }]);
  return row.id;
}

async function changeGateway(
  context: Context,
  trx: NeutronTrx,
  row: RouterRow,
  info: GatewayInfo | null,
  verb: 'create' | 'update',
): Promise<Outcome<void>> {
  for (const name of ['enable_snat', 'external_fixed_ips'] as const) {
    const rule = `${verb}_router:external_gateway_info:${name}`;
    if (info?.[name] !== undefined && !context.request.allows(rule)) return notAllowed(rule);
  }
  const networkId = info?.network_id;
  if (networkId == null) {
    if (info && Object.keys(info).some((key) => key !== 'network_id'))
      return fault(
        'badRequest',
        "Invalid input for external_gateway_info. Reason: Validation of dictionary's keys failed. Expected keys: network_id.",
      );
    return await clearGateway(trx, row);
  }
  return await setGateway(context, trx, row, { ...info, network_id: networkId });
}

/** Checks extra routes against the router's subnets: each next hop must be in one of them. */
export async function routesFor(
  db: NeutronDb,
  row: RouterRow,
  routes: readonly Route[],
): Promise<Outcome<Route[]>> {
  const fixedIps = [
    ...(await interfacesOf(db, row.id)).flatMap((found) => found.fixedIps),
    ...((await addressesOf(db, row.gateway_port_id === null ? [] : [row.gateway_port_id])).get(
      row.gateway_port_id ?? '',
    ) ?? []),
  ];
  return checkRoutes(
    routes,
    row.id,
    await subnetsByIds(
      db,
      fixedIps.map(({ subnet_id }) => subnet_id),
    ),
    fixedIps.map(({ ip_address }) => ip_address),
  );
}
