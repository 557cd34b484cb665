// The external scheduler calls of Nova and Cinder. Answers contain `hosts` only, since Nova's
// schema refuses other fields.
import Type from 'typebox';
import type { TSchema } from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type {
  CinderExternalRequest,
  ExternalAnswer,
  NovaExternalRequest,
} from '#contracts/cortex/external-scheduler.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { orderPools } from '../domain/external/order-pools.ts';
import { refuseFrame } from '../domain/external/refuse-frame.ts';
import { chooseHosts } from './choose-hosts.ts';
import type { CortexParts } from './parts.ts';

// Enough for the names and weights of 20,000 hosts.
const maxBodyBytes = 8 * 1024 * 1024;

const nullable = (schema: TSchema) => Type.Optional(Type.Union([schema, Type.Null()]));
const texts = Type.Array(Type.String());
const object = (fields: Record<string, TSchema>) =>
  Type.Object({ 'nova_object.data': Type.Object(fields) });
const count = Type.Integer({ minimum: 0 });

const frame = {
  context: nullable(Type.Object({})),
  hosts: Type.Array(
    Type.Object({ host: Type.String(), hypervisor_hostname: nullable(Type.String()) }),
  ),
  weights: Type.Record(Type.String(), Type.Number()),
  pipeline: Type.Optional(Type.String()),
  options: Type.Optional(
    Type.Object({
      read_only: Type.Optional(Type.Boolean()),
      skip_inflight: Type.Optional(Type.Boolean()),
      skip_history: Type.Optional(Type.Boolean()),
      batch: Type.Optional(
        Type.Object({
          id: Type.String({ minLength: 1, maxLength: 64 }),
          size: Type.Integer({ minimum: 1, maximum: 1_000 }),
          index: Type.Integer({ minimum: 0, maximum: 999 }),
        }),
      ),
      assume_empty_hosts: Type.Optional(Type.Boolean()),
      lock_reservations: Type.Optional(Type.Boolean()),
      ignored_reservation_types: Type.Optional(texts),
      max_candidates: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
  ),
};

const flavor = object({
  name: nullable(Type.String()),
  vcpus: nullable(count),
  memory_mb: nullable(count),
  root_gb: nullable(count),
  ephemeral_gb: nullable(count),
  swap: nullable(count),
  extra_specs: nullable(Type.Record(Type.String(), Type.String())),
});
const group = object({
  uuid: nullable(Type.String()),
  name: nullable(Type.String()),
  policy: nullable(Type.String()),
  policies: nullable(texts),
  members: nullable(texts),
  hosts: nullable(texts),
  rules: nullable(Type.Record(Type.String(), Type.Union([Type.Number(), Type.String()]))),
  _rules: nullable(Type.Record(Type.String(), Type.Union([Type.Number(), Type.String()]))),
});
/** The fields of a RequestSpec that Cortex reads; others are allowed and ignored. */
const novaBody = Type.Object({
  ...frame,
  spec: object({
    project_id: nullable(Type.String()),
    instance_uuid: nullable(Type.String()),
    availability_zone: nullable(Type.String()),
    num_instances: nullable(count),
    is_bfv: nullable(Type.Boolean()),
    scheduler_hints: nullable(Type.Record(Type.String(), Type.Unknown())),
    ignore_hosts: nullable(texts),
    force_hosts: nullable(texts),
    force_nodes: nullable(texts),
    flavor,
    image: nullable(object({ properties: nullable(object({})) })),
    request_level_params: nullable(
      object({ root_required: nullable(texts), root_forbidden: nullable(texts) }),
    ),
    requested_destination: nullable(
      object({
        host: nullable(Type.String()),
        node: nullable(Type.String()),
        aggregates: nullable(texts),
        forbidden_aggregates: nullable(texts),
      }),
    ),
    instance_group: nullable(group),
  }),
});
const cinderBody = Type.Object({ ...frame, spec: Type.Object({}) });

export function schedulerRoutes(parts: CortexParts): Route[] {
  const { config } = parts;
  const auth = config.schedulersNeedToken ? 'token' : 'none';
  const policy = config.schedulersNeedToken ? 'cortex:schedule' : null;
  return [
    route<NovaExternalRequest>('POST', '/nova/external', {
      auth,
      policy,
      body: novaBody,
      maxBodyBytes,
      async handler({ body, id }) {
        const choice = await chooseHosts(parts, body, id);
        if (isFault(choice)) return choice;
        const answer: ExternalAnswer = { hosts: choice.hosts };
        return { status: 200, body: { ...answer } };
      },
    }),
    route<CinderExternalRequest>('POST', '/cinder/external', {
      auth,
      policy,
      body: cinderBody,
      maxBodyBytes,
      handler: ({ body }) =>
        refuseFrame(body) ?? {
          status: 200,
          body: { ...({ hosts: orderPools(body) } satisfies ExternalAnswer) },
        },
    }),
    ...(config.schedulersNeedToken
      ? []
      : ['/nova/external', '/cinder/external'].flatMap(otherMethods)),
  ];
}

/**
 * Where schedulers need no token, a wrong method must give 405, not a 401 for the missing token.
 */
const otherMethods = (path: string): Route[] =>
  (['GET', 'PUT', 'PATCH', 'DELETE'] as const).map((method) =>
    route(method, path, {
      auth: 'none',
      policy: null,
      handler: () => fault('methodNotAllowed', 'invalid request method', { allow: 'POST' }),
    }),
  );
