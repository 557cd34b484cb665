// Notifications: failures of hosts, processes and servers that external monitors report. They are
// further evidence for the engine: a notification alone never gets a host fenced.
import Type from 'typebox';
import type { TSchema } from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { asJson, type Json } from '#contracts/common/json.ts';
import type { NotificationType } from '#contracts/ha/masakari.ts';
import { notificationTypes } from '#contracts/ha/masakari.ts';
import { timeMsOf } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { bodyChecker } from '#openstack/http/schema.ts';
import type { HaApiDeps } from '../../deps.ts';
import { listMoves } from '../../store/moves.ts';
import {
  createNotification,
  findNotification,
  listNotifications,
} from '../../store/notifications.ts';
import { segmentOf } from '../../store/segments.ts';
import type { NotificationRow } from '../../store/tables.ts';
import { first, pageOf, sortKeys } from './lists.ts';
import { notificationView, vmoveView } from './views.ts';

/**
 * A repeated notification within this time is refused. masakari:
 * duplicate_notification_detection_interval.
 */
const sameForMs = 180_000;

const strict = { additionalProperties: false } as const;
const event = Type.Union([Type.Literal('STARTED'), Type.Literal('STOPPED')]);
const word = Type.String({ minLength: 1, maxLength: 255 });
const payloads: Readonly<Record<NotificationType, TSchema>> = {
  COMPUTE_HOST: Type.Object(
    {
      event,
      host_status: Type.Optional(Type.Union([Type.Literal('NORMAL'), Type.Literal('UNKNOWN')])),
      cluster_status: Type.Optional(Type.Union([Type.Literal('ONLINE'), Type.Literal('OFFLINE')])),
    },
    strict,
  ),
  PROCESS: Type.Object(
    { event, process_name: Type.String({ minLength: 1, maxLength: 4096 }) },
    strict,
  ),
  VM: Type.Object(
    {
      event: word,
      vir_domain_event: word,
      instance_uuid: Type.String({
        pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
      }),
    },
    strict,
  ),
};
const checkers = Object.fromEntries(
  Object.entries(payloads).map(([type, schema]) => [type, bodyChecker(schema)]),
) as Record<NotificationType, ReturnType<typeof bodyChecker>>; // it has the keys of `payloads`
const createBody = Type.Object(
  {
    notification: Type.Object(
      {
        type: Type.Union(notificationTypes.map((type) => Type.Literal(type))),
        hostname: word,
        generated_time: Type.String({ maxLength: 64 }),
        payload: Type.Object({}),
      },
      strict,
    ),
  },
  strict,
);

interface CreateBody {
  notification: {
    type: NotificationType;
    hostname: string;
    generated_time: string;
    payload: Record<string, Json>;
  };
}

const path = '/v1/notifications';
const policy = (what: string): string => `os_masakari_api:notifications:${what}`;

const ownKeys = {
  ...sortKeys,
  generated_time: ({ generated_at_ms: at }: NotificationRow) => at,
  type: (row: NotificationRow) => row.type,
  payload: (row: NotificationRow) => row.payload,
  status: (row: NotificationRow) => row.status,
  source_host_uuid: (row: NotificationRow) => row.host_uuid,
};

export function notificationRoutes({ database, clock, ids }: HaApiDeps): readonly Route[] {
  const { db } = database;

  const requested = async (request: ApiRequest<unknown>): Promise<Outcome<NotificationRow>> => {
    const id = request.params['notification'] ?? '';
    return (await findNotification(db, id)) ?? fault('notFound', `No notification with id ${id}.`);
  };
  /** The evacuations of a host notification, in their order. badRequest: not about a host. */
  const vmoves = async (request: ApiRequest<unknown>) => {
    const row = await requested(request);
    if (isFault(row)) return row;
    if (row.type !== 'COMPUTE_HOST')
      return fault('badRequest', `Notification ${row.uuid} of type ${row.type} has no vmoves.`);
    const moves = row.incident_id === null ? [] : await listMoves(db, row.incident_id);
    return moves.map((move, index) => ({ move, view: vmoveView(move, row.uuid, index + 1) }));
  };

  return [
    route('GET', path, {
      policy: policy('index'),
      async handler(request) {
        const since = first(request, 'generated-since') ?? first(request, 'generated_since');
        const sinceMs = since === undefined ? -Infinity : timeMsOf(since);
        if (sinceMs === undefined)
          return fault('badRequest', `Invalid generated-since value: ${since}`);
        const wanted = { host_uuid: 'source_host_uuid', type: 'type', status: 'status' } as const;
        const rows = (await listNotifications(db)).filter(
          (row) =>
            row.generated_at_ms >= sinceMs &&
            Object.entries(wanted).every(([column, filter]) => {
              const value = first(request, filter);
              return value === undefined || row[column as keyof typeof wanted] === value;
            }),
        );
        const page = pageOf(request, rows, ownKeys);
        if (isFault(page)) return page;
        return { status: 200, body: { notifications: page.map(notificationView) } };
      },
    }),
    route<CreateBody>('POST', path, {
      policy: policy('create'),
      body: createBody,
      faults: ['conflict'],
      async handler({ body: { notification: input } }) {
        const wrong = checkers[input.type](input.payload, 0);
        if (wrong) return wrong;
        const generatedAtMs = timeMsOf(input.generated_time);
        if (generatedAtMs === undefined)
          return fault('badRequest', `Invalid generated_time: ${input.generated_time}`);
        const segmentHost = await segmentOf(db, input.hostname);
        if (!segmentHost)
          return fault('badRequest', `Host with name ${input.hostname} could not be found.`);
        if (segmentHost.host.on_maintenance === 1)
          return fault('conflict', `Host ${input.hostname} is already under maintenance.`);
        const now = clock.now();
        const row = await createNotification(
          db,
          {
            uuid: ids.uuid(),
            host_uuid: segmentHost.host.uuid,
            host: input.hostname,
            type: input.type,
            generated_at_ms: generatedAtMs,
            payload: inOrder(input.payload),
            created_at_ms: now,
          },
          now - sameForMs,
        );
        if (!row)
          return fault('conflict', `Duplicate notification received for type: ${input.type}`);
        return { status: 202, body: { notification: notificationView(row) } };
      },
    }),
    route('GET', `${path}/:notification`, {
      policy: policy('detail'),
      faults: ['notFound'],
      async handler(request) {
        const row = await requested(request);
        if (isFault(row)) return row;
        const details =
          request.version >= 1
            ? { recovery_workflow_details: JSON.parse(row.details) as Json } // the engine wrote it
            : {};
        return { status: 200, body: { notification: { ...notificationView(row), ...details } } };
      },
    }),
    route('GET', `${path}/:notification/vmoves`, {
      since: 3,
      policy: 'os_masakari_api:vmoves:index',
      faults: ['notFound'],
      async handler(request) {
        const all = await vmoves(request);
        if (isFault(all)) return all;
        const [type, status] = [first(request, 'type'), first(request, 'status')];
        const shown = all.filter(
          ({ view }) =>
            (type === undefined || view['type'] === type) &&
            (status === undefined || view['status'] === status),
        );
        return { status: 200, body: asJson({ vmoves: shown.map(({ view }) => view) }) };
      },
    }),
    route('GET', `${path}/:notification/vmoves/:vmove`, {
      since: 3,
      policy: 'os_masakari_api:vmoves:detail',
      faults: ['notFound'],
      async handler(request) {
        const all = await vmoves(request);
        if (isFault(all)) return all;
        const id = request.params['vmove'] ?? '';
        const move = all.find(({ move }) => move.uuid === id);
        return move
          ? { status: 200, body: { vmove: move.view } }
          : fault('notFound', `No vmove with id ${id}.`);
      },
    }),
  ];
}

/** Payload as JSON with sorted keys, so that equal payloads are equal texts. */
const inOrder = (payload: Record<string, Json>): string =>
  JSON.stringify(Object.fromEntries(Object.entries(payload).sort(([a], [b]) => (a < b ? -1 : 1))));
