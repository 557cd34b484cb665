// The services of the control plane and of compute hosts: whether they are up, and whether they are
// enabled for new servers. For administrators.
// https://docs.openstack.org/api-ref/compute/#compute-services-os-services
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import { booleanOf, booleanSchema } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { isoMicroseconds } from '#platform/clock.ts';
import type { NovaDeps } from '../deps.ts';
import { isUp } from '../domain/service-state.ts';
import {
  changeService,
  computeBinary,
  deleteService,
  findNode,
  findService,
  listServices,
  zonesByHost,
} from '../store/hosts.ts';
import type { ServiceChange, ServiceKey } from '../store/hosts.ts';
import type { ServiceRow } from '../store/tables.ts';
import { first, strictQueriesSince, unknownQuery } from './request.ts';

/** The availability zone shown for services other than nova-compute. */
export const internalZone = 'internal';

interface ActionBody {
  host: string;
  binary: string;
  disabled_reason?: string;
  forced_down?: boolean | string;
}
interface UpdateBody {
  status?: 'enabled' | 'disabled';
  disabled_reason?: string;
  forced_down?: boolean | string;
}

const strict = { additionalProperties: false };
const reason = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' });
const actionBody = Type.Object(
  {
    host: Type.String({ minLength: 1, maxLength: 255 }),
    binary: Type.String({ minLength: 1, maxLength: 255 }),
    disabled_reason: Type.Optional(reason),
    forced_down: Type.Optional(booleanSchema),
  },
  strict,
);
const updateBody = Type.Object(
  {
    status: Type.Optional(Type.Union([Type.Literal('enabled'), Type.Literal('disabled')])),
    disabled_reason: Type.Optional(reason),
    forced_down: Type.Optional(booleanSchema),
  },
  strict,
);
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const path = '/v2.1/os-services';
const policy = (name: string): string => `os_compute_api:os-services:${name}`;
const isTrue = (value: boolean | string | undefined): boolean => booleanOf(String(value)) ?? false;

export function serviceRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;
  const { clock } = deps;
  return [
    route('GET', path, {
      policy: policy('list'),
      handler: async (request) => {
        const unknown =
          request.version < strictQueriesSince
            ? undefined
            : unknownQuery(request, ['binary', 'host']);
        if (unknown) return unknown;
        const [binary, host] = [first(request, 'binary'), first(request, 'host')];
        const services = await listServices(db, {
          ...(binary !== undefined && { binary }),
          ...(host !== undefined && { host }),
        });
        const view = await viewer(deps, request.version);
        return { status: 200, body: { services: services.map(view) } };
      },
    }),
    // Until 2.52 the last segment of the path (`enable`, `disable`, ...) is the action.
    route<ActionBody>('PUT', `${path}/:id`, {
      until: 52,
      policy: policy('update'),
      body: actionBody,
      faults: ['notFound'],
      handler: async (request) => await act(deps, request),
    }),
    route<UpdateBody>('PUT', `${path}/:id`, {
      since: 53,
      policy: policy('update'),
      body: updateBody,
      faults: ['notFound'],
      handler: async (request) => {
        const service = await requested(deps, request);
        if (isFault(service)) return service;
        const change = changeOf(request.body);
        if (isFault(change)) return change;
        if (service.binary !== computeBinary)
          return fault(
            'badRequest',
            `Updating a ${service.binary} service is not supported. Only nova-compute services can be updated.`,
          );
        const now = await changeService(db, { uuid: service.uuid }, change, clock.now());
        return {
          status: 200,
          body: { service: (await viewer(deps, request.version))(now ?? service) },
        };
      },
    }),
    route('DELETE', `${path}/:id`, {
      policy: policy('delete'),
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const service = await requested(deps, request);
        if (isFault(service)) return service;
        const node =
          service.binary === computeBinary ? await findNode(db, service.host) : undefined;
        if (!(await deleteService(db, service)))
          return fault(
            'conflict',
            'Unable to delete compute service that is hosting instances. Migrate or delete the instances first.',
          );
        // Nova's rows are deleted first: a resource provider that is left at Placement without a
        // node is never scheduled to, so a failure here is harmless.
        const deletion =
          node &&
          (await placementClient(deps, { token: null, requestId: request.id }).deleteProvider(
            node.uuid,
          ));
        if (isFault(deletion))
          deps.log.warn(
            { host: service.host, node: node?.uuid, req: request.id, reason: deletion.message },
            'the resource provider of a deleted host is left in placement',
          );
        return { status: 204 };
      },
    }),
  ];
}

const missing = (id: string) => fault('notFound', `Service ${id} could not be found.`);

async function requested(
  { database: { db } }: NovaDeps,
  request: ApiRequest<unknown>,
): Promise<Outcome<ServiceRow>> {
  const id = request.params['id'] ?? '';
  if (request.version >= 53 && !uuid.test(id)) return fault('badRequest', `Invalid uuid ${id}`);
  if (request.version < 53 && !/^\d{1,15}$/.test(id))
    return fault('badRequest', `Invalid service id ${id}: it must be a whole number.`);
  return (
    (await findService(db, request.version >= 53 ? { uuid: id } : { id: Number(id) })) ??
    missing(id)
  );
}

/**
 * Translates the body of 2.53 and later. badRequest: its fields contradict each other, or nothing
 * is set.
 */
function changeOf(body: UpdateBody): Outcome<ServiceChange> {
  const { status, disabled_reason: why, forced_down: forced } = body;
  if (status === undefined && forced === undefined)
    return fault(
      'badRequest',
      'No updates were requested. Fields status or forced_down should be specified.',
    );
  if (why !== undefined && status !== 'disabled')
    return fault('badRequest', "Specifying disabled_reason requires that status is 'disabled'.");
  return {
    ...(status !== undefined && {
      disabled: status === 'disabled' ? 1 : 0,
      disabled_reason: why ?? null,
    }),
    ...(forced !== undefined && { forced_down: isTrue(forced) ? 1 : 0 }),
  };
}

async function act(
  { database: { db }, clock }: NovaDeps,
  request: ApiRequest<ActionBody>,
): Promise<Outcome<Reply>> {
  const { host, binary, disabled_reason: why, forced_down: forced } = request.body;
  const key: ServiceKey = { host, binary };
  const changed = async (change: ServiceChange, view: JsonObject): Promise<Outcome<Reply>> =>
    (await changeService(db, key, change, clock.now()))
      ? { status: 200, body: { service: { host, binary, ...view } } }
      : fault('notFound', `Host '${host}' is not mapped to any ${binary} service.`);
  const action = request.params['id'] ?? '';
  if (why !== undefined && action !== 'disable-log-reason')
    return fault(
      'badRequest',
      "Additional properties are not allowed ('disabled_reason' was unexpected).",
    );
  if (forced !== undefined && action !== 'force-down')
    return fault(
      'badRequest',
      "Additional properties are not allowed ('forced_down' was unexpected).",
    );
  switch (action) {
    case 'enable':
      return await changed({ disabled: 0, disabled_reason: null }, { status: 'enabled' });
    case 'disable':
      return await changed({ disabled: 1, disabled_reason: null }, { status: 'disabled' });
    case 'disable-log-reason':
      if (why === undefined) return fault('badRequest', 'Missing disabled reason field');
      return await changed(
        { disabled: 1, disabled_reason: why },
        { status: 'disabled', disabled_reason: why },
      );
    case 'force-down':
      if (request.version < 11) return fault('notFound', 'Unknown action');
      if (forced === undefined) return fault('badRequest', 'Missing forced_down field');
      return await changed(
        { forced_down: isTrue(forced) ? 1 : 0 },
        { forced_down: isTrue(forced) },
      );
    default:
      return fault('notFound', 'Unknown action');
  }
}

/** A function that shows a service in this microversion; availability zones are read only once. */
async function viewer(
  { database: { db }, config, clock }: NovaDeps,
  version: number,
): Promise<(service: ServiceRow) => JsonObject> {
  const zones = await zonesByHost(db);
  return (service) => {
    const view: JsonObject = {
      id: version >= 53 ? service.uuid : service.id,
      binary: service.binary,
      host: service.host,
      zone:
        service.binary === computeBinary
          ? (zones.get(service.host) ?? config.defaultZone)
          : internalZone,
      status: service.disabled === 1 ? 'disabled' : 'enabled',
      state: isUp(service, clock.now(), config) ? 'up' : 'down',
      updated_at: isoMicroseconds(service.last_seen_ms).slice(0, -1),
      disabled_reason: service.disabled_reason,
    };
    if (version >= 11) view['forced_down'] = service.forced_down === 1;
    return view;
  };
}
