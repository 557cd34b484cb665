// Routes for the hosts of a segment.
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { booleanOf, booleanSchema } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { HaApiDeps } from '../../deps.ts';
import { areInUse } from '../../store/notifications.ts';
import {
  changeSegmentHost,
  createSegmentHost,
  deleteSegmentHost,
  findSegmentHost,
  listSegmentHosts,
} from '../../store/segments.ts';
import type { SegmentHostRow, SegmentRow } from '../../store/tables.ts';
import { first, flagOf, pageOf, sortKeys } from './lists.ts';
import { requestedSegment } from './segments.ts';
import { segmentHostView } from './views.ts';

const strict = { additionalProperties: false } as const;
const name = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' });
const attributes = Type.String({ maxLength: 255 });
const flags = {
  reserved: Type.Optional(booleanSchema),
  on_maintenance: Type.Optional(booleanSchema),
};
const bodyOf = (host: ReturnType<typeof Type.Object>) => Type.Object({ host }, strict);
const createBody = bodyOf(
  Type.Object({ name, type: name, control_attributes: attributes, ...flags }, strict),
);
const updateBody = bodyOf(
  Type.Object(
    {
      name: Type.Optional(name),
      type: Type.Optional(name),
      control_attributes: Type.Optional(attributes),
      ...flags,
    },
    { ...strict, minProperties: 1 },
  ),
);

interface HostBody {
  host: {
    name?: string;
    type?: string;
    control_attributes?: string;
    reserved?: boolean | string;
    on_maintenance?: boolean | string;
  };
}

const path = '/v1/segments/:segment/hosts';
const policy = (what: string): string => `os_masakari_api:os-hosts:${what}`;
const nameTaken = (host: string) => fault('conflict', `Host with name ${host} already exists.`);

const ownKeys = {
  ...sortKeys,
  name: (row: SegmentHostRow) => row.name,
  type: (row: SegmentHostRow) => row.type,
  reserved: (row: SegmentHostRow) => row.reserved,
  on_maintenance: (row: SegmentHostRow) => row.on_maintenance,
};

const bit = (flag: boolean | string): number => (booleanOf(flag) ? 1 : 0);

export function segmentHostRoutes(deps: HaApiDeps): readonly Route[] {
  const { database, clock, ids, nova } = deps;
  const { db } = database;

  const requested = async (
    request: ApiRequest<unknown>,
  ): Promise<Outcome<{ segment: SegmentRow; host: SegmentHostRow }>> => {
    const segment = await requestedSegment(db, request);
    if (isFault(segment)) return segment;
    const id = request.params['host'] ?? '';
    const host = await findSegmentHost(db, segment.uuid, id);
    return host ? { segment, host } : fault('notFound', `No host with id ${id}.`);
  };
  /** As `requested`, for changes. conflict: a notification about the host is open. */
  const changeable: typeof requested = async (request) => {
    const segmentHost = await requested(request);
    if (isFault(segmentHost) || !(await areInUse(db, [segmentHost.host.uuid]))) return segmentHost;
    return fault(
      'conflict',
      `Host ${segmentHost.host.uuid} can't be updated as it is in-use to process notifications.`,
    );
  };
  const existing = async (host: string): Promise<Outcome<void>> => {
    const services = await nova.computeServices();
    if (isFault(services)) return services;
    if (!services.some((service) => service.host === host))
      return fault('badRequest', `Compute service with name ${host} could not be found.`);
  };

  return [
    route('GET', path, {
      policy: policy('index'),
      faults: ['notFound'],
      async handler(request) {
        const segment = await requestedSegment(db, request);
        if (isFault(segment)) return segment;
        const [isReserved, isMaintained] = [
          flagOf(request, 'reserved'),
          flagOf(request, 'on_maintenance'),
        ];
        if (isFault(isReserved)) return isReserved;
        if (isFault(isMaintained)) return isMaintained;
        const type = first(request, 'type');
        const rows = (await listSegmentHosts(db, segment.uuid)).filter(
          (row) =>
            (isReserved === undefined || (row.reserved === 1) === isReserved) &&
            (isMaintained === undefined || (row.on_maintenance === 1) === isMaintained) &&
            (type === undefined || row.type === type),
        );
        const page = pageOf(request, rows, ownKeys);
        if (isFault(page)) return page;
        const hosts = page.map((row) => segmentHostView(row, segment, request.version));
        return { status: 200, body: { hosts } };
      },
    }),
    route<HostBody>('POST', path, {
      policy: policy('create'),
      body: createBody,
      faults: ['notFound', 'conflict'],
      async handler(request) {
        const segment = await requestedSegment(db, request);
        if (isFault(segment)) return segment;
        const { host: input } = request.body;
        const unknown = await existing(input.name ?? '');
        if (isFault(unknown)) return unknown;
        const row = await createSegmentHost(db, {
          uuid: ids.uuid(),
          segment_uuid: segment.uuid,
          name: input.name ?? '',
          type: input.type ?? '',
          control_attributes: input.control_attributes ?? '',
          reserved: bit(input.reserved ?? false),
          on_maintenance: bit(input.on_maintenance ?? false),
          created_at_ms: clock.now(),
        });
        if (!row) return nameTaken(input.name ?? '');
        return { status: 201, body: { host: segmentHostView(row, segment, request.version) } };
      },
    }),
    route('GET', `${path}/:host`, {
      policy: policy('detail'),
      faults: ['notFound'],
      async handler(request) {
        const segmentHost = await requested(request);
        if (isFault(segmentHost)) return segmentHost;
        const host = segmentHostView(segmentHost.host, segmentHost.segment, request.version);
        return { status: 200, body: { host } };
      },
    }),
    route<HostBody>('PUT', `${path}/:host`, {
      policy: policy('update'),
      body: updateBody,
      faults: ['notFound', 'conflict'],
      async handler(request) {
        const segmentHost = await changeable(request);
        if (isFault(segmentHost)) return segmentHost;
        const { reserved, on_maintenance: onMaintenance, ...input } = request.body.host;
        if (input.name !== undefined && input.name !== segmentHost.host.name) {
          const unknown = await existing(input.name);
          if (isFault(unknown)) return unknown;
        }
        const change: Partial<SegmentHostRow> = {
          ...input,
          ...(reserved === undefined ? {} : { reserved: bit(reserved), used_by: null }),
          ...(onMaintenance === undefined ? {} : { on_maintenance: bit(onMaintenance) }),
          updated_at_ms: clock.now(),
        };
        if (!(await changeSegmentHost(db, segmentHost.host.uuid, change)))
          return nameTaken(input.name ?? '');
        const changed = { ...segmentHost.host, ...change };
        const host = segmentHostView(changed, segmentHost.segment, request.version);
        return { status: 200, body: { host } };
      },
    }),
    route('DELETE', `${path}/:host`, {
      policy: policy('delete'),
      faults: ['notFound', 'conflict'],
      async handler(request) {
        const segmentHost = await changeable(request);
        if (isFault(segmentHost)) return segmentHost;
        await deleteSegmentHost(db, segmentHost.host.uuid);
        return { status: 204 };
      },
    }),
  ];
}
