// Routes for failover segments: groups of hosts that replace each other after a failure.
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { recoveryMethods, type RecoveryMethod } from '#contracts/ha/masakari.ts';
import { booleanOf, booleanSchema } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, BodySchema, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { HaApiDeps } from '../../deps.ts';
import { areInUse } from '../../store/notifications.ts';
import {
  changeSegment,
  createSegment,
  deleteSegment,
  findSegment,
  listSegmentHosts,
  listSegments,
} from '../../store/segments.ts';
import type { HaDb, SegmentRow } from '../../store/tables.ts';
import { first, flagOf, pageOf, sortKeys } from './lists.ts';
import { segmentView } from './views.ts';

const strict = { additionalProperties: false } as const;
const name = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' });
const fields = {
  name,
  description: Type.Union([Type.String({ maxLength: 255 }), Type.Null()]),
  recovery_method: Type.Union(recoveryMethods.map((method) => Type.Literal(method))),
  service_type: name,
};
const optional = {
  name: Type.Optional(fields.name),
  description: Type.Optional(fields.description),
  recovery_method: Type.Optional(fields.recovery_method),
  service_type: Type.Optional(fields.service_type),
};
const enabled = { enabled: Type.Optional(booleanSchema) };
const bodyOf = (segment: Parameters<typeof Type.Object>[0], options: object): BodySchema => [
  {
    from: 0,
    schema: Type.Object({ segment: Type.Object(segment, { ...strict, ...options }) }, strict),
  },
  {
    from: 2,
    schema: Type.Object(
      { segment: Type.Object({ ...segment, ...enabled }, { ...strict, ...options }) },
      strict,
    ),
  },
];
const createBody = bodyOf({ ...fields, description: optional.description }, {});
const updateBody = bodyOf(optional, { minProperties: 1 });

interface SegmentBody {
  segment: {
    name?: string;
    description?: string | null;
    recovery_method?: RecoveryMethod;
    service_type?: string;
    enabled?: boolean | string;
  };
}

const path = '/v1/segments';
const policy = (what: string): string => `os_masakari_api:segments:${what}`;
const nameTaken = (segment: string) =>
  fault('conflict', `Failover segment with name ${segment} already exists.`);

/** Reads the segment `:segment`. */
export async function requestedSegment(
  db: HaDb,
  request: ApiRequest<unknown>,
): Promise<Outcome<SegmentRow>> {
  const id = request.params['segment'] ?? '';
  return (await findSegment(db, id)) ?? fault('notFound', `No segment with id ${id}.`);
}

const ownKeys = {
  ...sortKeys,
  name: (row: SegmentRow) => row.name,
  description: (row: SegmentRow) => row.description,
  recovery_method: (row: SegmentRow) => row.recovery_method,
  service_type: (row: SegmentRow) => row.service_type,
};

export function segmentRoutes({ database, clock, ids }: HaApiDeps): readonly Route[] {
  const { db } = database;
  /**
   * As `requestedSegment`, for changes. conflict: a notification about one of its hosts is open.
   */
  const changeable = async (request: ApiRequest<unknown>): Promise<Outcome<SegmentRow>> => {
    const row = await requestedSegment(db, request);
    if (isFault(row)) return row;
    const { uuid } = row;
    const hosts = await listSegmentHosts(db, uuid);
    if (
      await areInUse(
        db,
        hosts.map((host) => host.uuid),
      )
    )
      return fault(
        'conflict',
        `Failover segment ${uuid} can't be updated as it is in-use to process notifications.`,
      );
    return row;
  };
  return [
    route('GET', path, {
      policy: policy('index'),
      async handler(request) {
        const isEnabled = flagOf(request, 'enabled');
        if (isFault(isEnabled)) return isEnabled;
        const [method, type] = [first(request, 'recovery_method'), first(request, 'service_type')];
        if (method !== undefined && !recoveryMethods.includes(method as RecoveryMethod))
          return fault('badRequest', `Invalid value for recovery_method: ${method}`);
        const rows = (await listSegments(db)).filter(
          (row) =>
            (isEnabled === undefined || (row.enabled === 1) === isEnabled) &&
            (method === undefined || row.recovery_method === method) &&
            (type === undefined || row.service_type === type),
        );
        const page = pageOf(request, rows, ownKeys);
        if (isFault(page)) return page;
        const segments = page.map((row) => segmentView(row, request.version));
        return { status: 200, body: { segments } };
      },
    }),
    route<SegmentBody>('POST', path, {
      policy: policy('create'),
      body: createBody,
      faults: ['conflict'],
      async handler({ body: { segment: input }, version }) {
        const row = await createSegment(db, {
          uuid: ids.uuid(),
          name: input.name ?? '',
          description: input.description ?? null,
          recovery_method: input.recovery_method ?? 'auto',
          service_type: input.service_type ?? '',
          enabled: booleanOf(input.enabled ?? true) ? 1 : 0,
          created_at_ms: clock.now(),
        });
        if (!row) return nameTaken(input.name ?? '');
        return { status: 201, body: { segment: segmentView(row, version) } };
      },
    }),
    route('GET', `${path}/:segment`, {
      policy: policy('detail'),
      faults: ['notFound'],
      async handler(request) {
        const row = await requestedSegment(db, request);
        if (isFault(row)) return row;
        return { status: 200, body: { segment: segmentView(row, request.version) } };
      },
    }),
    route<SegmentBody>('PUT', `${path}/:segment`, {
      policy: policy('update'),
      body: updateBody,
      faults: ['notFound', 'conflict'],
      async handler(request) {
        const row = await changeable(request);
        if (isFault(row)) return row;
        const { enabled: isEnabled, ...input } = request.body.segment;
        const change: Partial<SegmentRow> = {
          ...input,
          ...(isEnabled === undefined ? {} : { enabled: booleanOf(isEnabled) ? 1 : 0 }),
          updated_at_ms: clock.now(),
        };
        if (!(await changeSegment(db, row.uuid, change))) return nameTaken(input.name ?? '');
        const changed = { ...row, ...change };
        return { status: 200, body: { segment: segmentView(changed, request.version) } };
      },
    }),
    route('DELETE', `${path}/:segment`, {
      policy: policy('delete'),
      faults: ['notFound', 'conflict'],
      async handler(request) {
        const row = await changeable(request);
        if (isFault(row)) return row;
        await deleteSegment(db, row.uuid);
        return { status: 204 };
      },
    }),
  ];
}
