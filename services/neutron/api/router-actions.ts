// Actions on a router: add and remove interfaces and extra routes.
// https://docs.openstack.org/api-ref/network/v2/#add-interface-to-router,
// #add-extra-routes-to-router
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest, Route as HttpRoute } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { badRouter, sameRoute } from '../domain/router.ts';
import type { Route } from '../domain/subnet.ts';
import { changeRow, findVisible, setColumns } from '../store/objects.ts';
import { routerListing } from '../store/routers.ts';
import { markChanged } from '../store/sdn-journal.ts';
import type { RouterRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import { write } from '../store/write.ts';
import { uuidPattern } from './attributes.ts';
import type { NeutronParts } from './parts.ts';
import type { Context } from './resource.ts';
import { contextOf, findToChange, missing, writeFaults } from './resource.ts';
import { plugPort, plugSubnet, unplug } from './router-interfaces.ts';
import type { Plugged } from './router-interfaces.ts';
import { routeList, routers, routesFor } from './routers.ts';
import { createViews } from './view-cache.ts';

type Work<R> = (context: Context, trx: NeutronTrx, row: RouterRow) => Promise<Outcome<R>>;

/** An interface is named by its subnet, its port or both; a body with neither is refused. */
function interfaceNamed(
  body: Json,
): Outcome<{ subnetId: string | undefined; portId: string | undefined }> {
  const fields: JsonObject =
    typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {};
  const { subnet_id: subnetId, port_id: portId } = fields;
  if (subnetId == null && portId == null)
    return badRouter('Either subnet_id or port_id must be specified');
  for (const value of [subnetId, portId])
    if (value != null && (typeof value !== 'string' || !uuidPattern.test(value)))
      return badRouter(`Invalid input for an id: ${JSON.stringify(value)} is not a valid UUID`);
  return {
    subnetId: typeof subnetId === 'string' ? subnetId : undefined,
    portId: typeof portId === 'string' ? portId : undefined,
  };
}

export function routerActionRoutes(parts: NeutronParts): readonly HttpRoute[] {
  const { db } = parts.database;
  const path = '/v2.0/routers/:router_id';
  const views = createViews(parts, routers);
  const idOf = (request: ApiRequest): string => request.params['router_id'] ?? '';

  async function act<R>(
    request: ApiRequest,
    rule: string,
    work: Work<R>,
  ): Promise<Outcome<{ row: RouterRow; result: R }>> {
    const context = contextOf(parts, request);
    const outcome = await write(
      db,
      async (trx): Promise<Outcome<{ row: RouterRow; result: R }>> => {
        const row = await findToChange(context, trx, routers, idOf(request), rule);
        if (isFault(row)) return row;
        const result = await work(context, trx, row);
        if (isFault(result)) return result;
        await changeRow(trx, 'routers', row.id, {}, context.nowMs);
        await markChanged(trx, [{ kind: 'router', id: row.id }]);
        return { row, result };
      },
    );
    if (!isFault(outcome)) parts.changed(request.id);
    return outcome;
  }

  const actionRoute = (action: string, handler: HttpRoute['handler']): HttpRoute =>
    route('PUT', `${path}/${action}`, {
      policy: action,
      faults: writeFaults,
      handler,
    });

  const interfaceRoute = (action: 'add_router_interface' | 'remove_router_interface'): HttpRoute =>
    actionRoute(action, async (request) => {
      const named = interfaceNamed(request.body);
      if (isFault(named)) return named;
      const { subnetId, portId } = named;
      const outcome = await act<Plugged>(request, action, async (context, trx, row) => {
        if (action === 'remove_router_interface')
          return await unplug(context, trx, row, subnetId, portId);
        if (subnetId !== undefined && portId !== undefined)
          return badRouter('Cannot specify both subnet-id and port-id');
        return portId === undefined
          ? await plugSubnet(context, trx, row, subnetId ?? '')
          : await plugPort(context, trx, row, portId);
      });
      if (isFault(outcome)) return outcome;
      const {
        row,
        result: { portId: port, networkId, subnetIds },
      } = outcome;
      return {
        status: 200,
        body: {
          id: row.id,
          tenant_id: row.project_id,
          project_id: row.project_id,
          port_id: port,
          network_id: networkId,
          subnet_id: subnetIds[0] ?? null,
          subnet_ids: subnetIds,
        },
      };
    });

  const routesRoute = (
    action: 'add_extraroutes' | 'remove_extraroutes',
    next: (present: readonly Route[], named: readonly Route[]) => Route[],
  ): HttpRoute =>
    actionRoute(action, async (request) => {
      const body: Json = request.body;
      const router =
        typeof body === 'object' && body !== null && !Array.isArray(body)
          ? body['router']
          : undefined;
      const read = routeList(
        typeof router === 'object' && router !== null && !Array.isArray(router)
          ? (router['routes'] ?? null)
          : null,
      );
      if ('reason' in read)
        return fault('badRequest', `Invalid input for routes. Reason: ${read.reason}`);
      const outcome = await act<void>(request, action, async (_context, trx, row) => {
        const routes = await routesFor(
          trx,
          row,
          next(JSON.parse(row.routes_json) as Route[], read.value as Route[]),
        ); // `routeList` checked the types
        if (isFault(routes)) return routes;
        await setColumns(trx, 'routers', row.id, { routes_json: JSON.stringify(routes) });
      });
      if (isFault(outcome)) return outcome;
      const row = await findVisible(db, routerListing, idOf(request), null);
      return row
        ? { status: 200, body: await views.one(request, row) }
        : missing(routers, idOf(request));
    });

  return [
    interfaceRoute('add_router_interface'),
    interfaceRoute('remove_router_interface'),
    routesRoute('add_extraroutes', (present, named) => [
      ...present,
      ...named.filter((added) => !present.some(sameRoute(added))),
    ]),
    routesRoute('remove_extraroutes', (present, named) =>
      present.filter((each) => !named.some(sameRoute(each))),
    ),
  ];
}
