// Cinder's services: operators list, disable and enable them.
// https://docs.openstack.org/api-ref/block-storage/v3/#services-os-services
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { serviceHostOf } from '../domain/pick-pool.ts';
import { changeService, listServices } from '../store/services.ts';
import type { ServiceRow } from '../store/tables.ts';
import { orNull, strict } from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { allPools } from './pools.ts';
import { first } from './request.ts';
import type { Request } from './request.ts';
import { timeText } from './times.ts';

const text = Type.String({ minLength: 1, maxLength: 255 });
const serviceBody = Type.Object(
  { host: text, binary: Type.Optional(text), service: Type.Optional(text) },
  strict,
);
const disableBody = Type.Object(
  {
    host: text,
    binary: Type.Optional(text),
    service: Type.Optional(text),
    disabled_reason: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
  },
  strict,
);
type Named = { host: string; binary?: string; service?: string; disabled_reason?: string | null };
const clusterSince = 7;
const backendStateSince = 49;

/** Whether the service's last heartbeat is recent enough. */
export const isUp = ({ clock, config }: HandlerDeps, row: ServiceRow): boolean =>
  clock.now() - row.heartbeat_at_ms < config.serviceDownMs;

/** The time of the last heartbeat; null: there was none. */
export const lastHeartbeatAt = (row: ServiceRow): string | null =>
  row.heartbeat_at_ms === 0 ? null : timeText(row.heartbeat_at_ms);

export function serviceRoutes(deps: HandlerDeps): readonly Route[] {
  const { db } = deps.database;
  const { log } = deps;
  // Whether a backend answers now decides its state, rather than its last heartbeat. If
  // cinder-scheduler cannot be asked, the heartbeat decides.
  const answering = async (request: Request): Promise<ReadonlyMap<string, boolean>> => {
    const pools = await allPools(deps, request);
    return new Map(
      isFault(pools) ? [] : pools.map(({ host, answers }) => [serviceHostOf(host), answers]),
    );
  };
  const view = (request: Request, row: ServiceRow, up: boolean) => ({
    binary: row.binary,
    host: row.host,
    zone: row.zone,
    status: row.disabled === 1 ? 'disabled' : 'enabled',
    state: up ? 'up' : 'down',
    updated_at: lastHeartbeatAt(row),
    disabled_reason: row.disabled_reason,
    ...(row.binary === 'cinder-volume'
      ? { frozen: false, replication_status: 'disabled', active_backend_id: null }
      : {}),
    ...(request.version >= clusterSince ? { cluster: null } : {}),
    ...(request.version >= backendStateSince && row.binary === 'cinder-volume'
      ? { backend_state: up ? 'up' : 'down' }
      : {}),
  });
  const change = async (input: Named, to: { disabled: 0 | 1; disabled_reason: string | null }) => {
    const binary = input.binary ?? input.service ?? '';
    if (!(await changeService(db, { binary, host: input.host }, to)))
      return fault('notFound', `Service ${binary} could not be found on host ${input.host}.`);
    log.warn({ binary, host: input.host, ...to }, 'an operator changed a service');
    const status = to.disabled === 1 ? 'disabled' : 'enabled';
    return {
      status: 200,
      body: {
        host: input.host,
        service: binary,
        binary,
        disabled: to.disabled === 1,
        status,
        ...(to.disabled_reason === null ? {} : { disabled_reason: to.disabled_reason }),
      },
    };
  };
  const manage = {
    policy: 'volume_extension:services:update',
    faults: ['notFound'],
  } as const;
  return [
    route('GET', '/os-services', {
      policy: 'volume_extension:services:index',
      handler: async (request) => {
        const [host, binary] = [
          first(request, 'host'),
          first(request, 'binary') ?? first(request, 'service'),
        ];
        const rows = (await listServices(db)).filter(
          (row) =>
            (host === undefined || row.host === host || row.host.startsWith(`${host}@`)) &&
            (binary === undefined || row.binary === binary),
        );
        const now = await answering(request);
        return {
          status: 200,
          body: {
            services: rows.map((row) => view(request, row, now.get(row.host) ?? isUp(deps, row))),
          },
        };
      },
    }),
    route<Named>('PUT', '/os-services/enable', {
      ...manage,
      body: serviceBody,
      handler: async ({ body }) => await change(body, { disabled: 0, disabled_reason: null }),
    }),
    route<Named>('PUT', '/os-services/disable', {
      ...manage,
      body: disableBody,
      handler: async ({ body }) => await change(body, { disabled: 1, disabled_reason: null }),
    }),
    route<Named>('PUT', '/os-services/disable-log-reason', {
      ...manage,
      body: disableBody,
      handler: async ({ body }) =>
        body.disabled_reason?.trim()
          ? await change(body, { disabled: 1, disabled_reason: body.disabled_reason })
          : fault('badRequest', 'Disabled reason contains invalid characters or is too long.'),
    }),
    // Freezing a host is not implemented; an unknown host is refused first.
    ...(['freeze', 'thaw'] as const).map((what) =>
      route<{ host: string }>('PUT', `/os-services/${what}`, {
        ...manage,
        faults: ['notImplemented'],
        body: Type.Object({ host: text }),
        handler: async ({ body }) =>
          (await listServices(db)).some(({ host }) => host === body.host)
            ? fault('notImplemented', `To ${what} a host is not offered by this cloud.`)
            : fault('badRequest', `Host ${body.host} could not be found.`),
      }),
    ),
  ];
}
