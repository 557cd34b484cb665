// Host aggregates, and through their metadata the availability zones. For administrators.
// https://docs.openstack.org/api-ref/compute/#host-aggregates-os-aggregates
import Type from 'typebox';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { isoMicroseconds } from '#platform/clock.ts';
import type { NovaDeps } from '../deps.ts';
import {
  addHost,
  changeAggregate,
  deleteAggregate,
  findAggregate,
  insertAggregate,
  listAggregates,
  removeHost,
  zoneKey,
} from '../store/aggregates.ts';
import type { Aggregate, AggregateRefusal } from '../store/aggregates.ts';
import { nameSchema } from './servers/create-schema.ts';

const strict = { additionalProperties: false };
// No colon: in a server create request `availability_zone: "zone:host"` names zone and host.
const zoneSchema = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^(?! )[^:\\u0000-\\u001f\\u007f]*(?<! )$',
});
const createBody = Type.Object(
  {
    aggregate: Type.Object(
      { name: nameSchema, availability_zone: Type.Optional(Type.Union([zoneSchema, Type.Null()])) },
      strict,
    ),
  },
  strict,
);
const updateBody = Type.Object(
  {
    aggregate: Type.Object(
      { name: Type.Optional(nameSchema), availability_zone: Type.Optional(zoneSchema) },
      { ...strict, minProperties: 1 },
    ),
  },
  strict,
);
const hostBody = Type.Object(
  { host: Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._-]*$' }) },
  strict,
);
const metadata = Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }),
  Type.Union([Type.String({ maxLength: 255 }), Type.Null()]),
  { ...strict, maxProperties: 128 },
);
const actionBody = Type.Object(
  {
    add_host: Type.Optional(hostBody),
    remove_host: Type.Optional(hostBody),
    set_metadata: Type.Optional(Type.Object({ metadata }, strict)),
  },
  { ...strict, minProperties: 1, maxProperties: 1 },
);

interface ActionBody {
  add_host?: { host: string };
  remove_host?: { host: string };
  set_metadata?: { metadata: Record<string, string | null> };
}

const path = '/v2.1/os-aggregates';
const policy = (name: string): string => `os_compute_api:os-aggregates:${name}`;
const idOf = (request: ApiRequest<unknown>): number =>
  /^\d{1,15}$/.test(request.params['id'] ?? '') ? Number(request.params['id']) : -1;

export function aggregateRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;
  const { clock, ids } = deps;

  /**
   * 200 with the aggregate as it is stored now; or, if `refusal` is given, the fault that explains
   * it.
   */
  async function answer(
    request: ApiRequest<unknown>,
    refusal: AggregateRefusal | undefined,
    host?: string,
  ): Promise<Outcome<Reply>> {
    if (refusal) return faultOf(refusal, request, host);
    const aggregate = await findAggregate(db, idOf(request));
    return aggregate
      ? { status: 200, body: { aggregate: aggregateView(aggregate, request.version) } }
      : faultOf('no such aggregate', request);
  }

  return [
    route('GET', path, {
      policy: policy('index'),
      handler: async (request) => ({
        status: 200,
        body: {
          aggregates: (await listAggregates(db)).map((aggregate) =>
            aggregateView(aggregate, request.version),
          ),
        },
      }),
    }),
    route<{ aggregate: { name: string; availability_zone?: string | null } }>('POST', path, {
      policy: policy('create'),
      body: createBody,
      faults: ['conflict'],
      handler: async (request) => {
        const { name, availability_zone: zone } = request.body.aggregate;
        const aggregate = await insertAggregate(
          db,
          name,
          zone == null ? {} : { [zoneKey]: zone },
          ids,
          clock.now(),
        );
        if (!aggregate) return fault('conflict', `Aggregate ${name} already exists.`);
        const {
          hosts: _hosts,
          metadata: _metadata,
          ...view
        } = aggregateView(aggregate, request.version);
        return { status: 200, body: { aggregate: view } };
      },
    }),
    route('GET', `${path}/:id`, {
      policy: policy('show'),
      faults: ['notFound'],
      handler: async (request) => await answer(request, undefined),
    }),
    route<{ aggregate: { name?: string; availability_zone?: string } }>('PUT', `${path}/:id`, {
      policy: policy('update'),
      body: updateBody,
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const { name, availability_zone: zone } = request.body.aggregate;
        return await answer(
          request,
          await changeAggregate(
            db,
            idOf(request),
            {
              ...(name !== undefined && { name }),
              ...(zone !== undefined && {
                metadata: (now: Record<string, string>) => ({ ...now, [zoneKey]: zone }),
              }),
            },
            clock.now(),
          ),
        );
      },
    }),
    route('DELETE', `${path}/:id`, {
      policy: policy('delete'),
      faults: ['notFound'],
      handler: async (request) => {
        const refusal = await deleteAggregate(db, idOf(request));
        return refusal ? faultOf(refusal, request) : { status: 200 };
      },
    }),
    route<ActionBody>('POST', `${path}/:id/action`, {
      policy: policy('index'),
      body: actionBody,
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const [action = ''] = Object.keys(request.body);
        if (!request.allows(policy(action)))
          return fault('forbidden', `Policy doesn't allow ${policy(action)} to be performed.`);
        const { add_host: add, remove_host: remove, set_metadata: set } = request.body;
        const id = idOf(request);
        if (add) {
          const refusal = await addHost(db, id, add.host, clock.now());
          return refusal === 'other zone'
            ? fault(
                'conflict',
                `Cannot add host to aggregate ${id}. Reason: host ${add.host} is in another availability zone.`,
              )
            : await answer(request, refusal, add.host);
        }
        if (remove)
          return await answer(
            request,
            await removeHost(db, id, remove.host, clock.now()),
            remove.host,
          );
        const wanted = set?.metadata ?? {};
        if (wanted[zoneKey] === '' || wanted[zoneKey]?.includes(':'))
          return fault(
            'badRequest',
            'Invalid input for field/attribute availability_zone. It must be 1 to 255 characters without a colon.',
          );
        return await answer(
          request,
          await changeAggregate(db, id, { metadata: (now) => merged(now, wanted) }, clock.now()),
        );
      },
    }),
  ];
}

/** Merges `wanted` into the metadata `now`; a null value removes its key. */
function merged(
  now: Record<string, string>,
  wanted: Record<string, string | null>,
): Record<string, string> {
  const next = new Map<string, string | null>(Object.entries({ ...now, ...wanted }));
  return Object.fromEntries(
    [...next].filter((entry): entry is [string, string] => entry[1] !== null),
  );
}

function faultOf(refusal: AggregateRefusal, request: ApiRequest<unknown>, host = ''): Fault {
  const id = request.params['id'] ?? '';
  switch (refusal) {
    case 'no such aggregate':
      return fault('notFound', `Aggregate ${id} could not be found.`);
    case 'name taken':
      return fault('conflict', `Aggregate ${id} cannot be renamed: the name is taken.`);
    case 'no such host':
      return fault('notFound', `Compute host ${host} could not be found.`);
    case 'not in':
      return fault('notFound', `Aggregate ${id} has no host ${host}.`);
    case 'already in':
      return fault('conflict', `Aggregate ${id} already has host ${host}.`);
    case 'not empty':
      return fault(
        'badRequest',
        `Cannot perform action 'delete' on aggregate ${id}. Reason: it still has hosts.`,
      );
    case 'other zone':
      return fault(
        'badRequest',
        `Cannot update aggregate ${id}. Reason: one of its hosts is in another availability zone.`,
      );
    case 'zone in use':
      return fault(
        'badRequest',
        `Cannot update aggregate ${id}. Reason: its hosts hold servers, which stay in their availability zone.`,
      );
  }
}

const time = (ms: number | null): string | null =>
  ms === null ? null : isoMicroseconds(ms).slice(0, -1);

function aggregateView(aggregate: Aggregate, version: number): JsonObject {
  const view: JsonObject = {
    id: aggregate.id,
    name: aggregate.name,
    availability_zone: aggregate.metadata[zoneKey] ?? null,
    hosts: aggregate.hosts,
    metadata: aggregate.metadata,
    created_at: time(aggregate.created_at_ms),
    updated_at: time(aggregate.updated_at_ms),
    deleted: false,
    deleted_at: null,
  };
  if (version >= 41) view['uuid'] = aggregate.uuid;
  return view;
}
