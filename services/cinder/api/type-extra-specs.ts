// A type's extra specs: what its volumes need of a backend.
// https://docs.openstack.org/api-ref/block-storage/v3/#show-all-extra-specifications-for-volume-type
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { Metadata } from '../store/rows.ts';
import { changeExtraSpecs, extraSpecsOf } from '../store/types.ts';
import { extraSpecsSchema, strict } from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { Request } from './request.ts';
import { requestedType } from './type-access.ts';

const path = '/types/:id/extra_specs';
const policy = (name: string): string => `volume_extension:types_extra_specs:${name}`;
const faults = ['notFound'] as const;
const missing = (request: Request) =>
  fault(
    'notFound',
    `Volume Type ${request.params['id']} has no extra specs with key ${request.params['key']}.`,
  );

export function typeExtraSpecRoutes(deps: HandlerDeps): readonly Route[] {
  const {
    database: { db },
  } = deps;
  return [
    route({
      method: 'GET',
      path,
      policy: policy('index'),
      faults,
      handler: async (request) => {
        const type = await requestedType(deps, request);
        return isFault(type) ? type : { status: 200, body: { extra_specs: extraSpecsOf(type) } };
      },
    }),
    route<{ extra_specs: Metadata }>({
      method: 'POST',
      path,
      policy: policy('create'),
      faults,
      body: Type.Object({ extra_specs: extraSpecsSchema }, strict),
      handler: async (request) => {
        const type = await requestedType(deps, request);
        if (isFault(type)) return type;
        await changeExtraSpecs(db, type.id, (now) => ({ ...now, ...request.body.extra_specs }));
        return { status: 200, body: { extra_specs: request.body.extra_specs } };
      },
    }),
    route({
      method: 'GET',
      path: `${path}/:key`,
      policy: policy('show'),
      faults,
      handler: async (request) => {
        const type = await requestedType(deps, request);
        if (isFault(type)) return type;
        const key = request.params['key'] ?? '';
        const specs = extraSpecsOf(type);
        return Object.hasOwn(specs, key)
          ? { status: 200, body: { [key]: specs[key] } }
          : missing(request);
      },
    }),
    route<Metadata>({
      method: 'PUT',
      path: `${path}/:key`,
      policy: policy('update'),
      faults,
      body: extraSpecsSchema,
      handler: async (request) => {
        const key = request.params['key'] ?? '';
        if (!Object.hasOwn(request.body, key))
          return fault('badRequest', 'Request body and URI mismatch');
        if (Object.keys(request.body).length > 1)
          return fault('badRequest', 'Request body contains too many items');
        const type = await requestedType(deps, request);
        if (isFault(type)) return type;
        await changeExtraSpecs(db, type.id, (now) => ({ ...now, ...request.body }));
        return { status: 200, body: request.body };
      },
    }),
    route({
      method: 'DELETE',
      path: `${path}/:key`,
      policy: policy('delete'),
      faults,
      handler: async (request) => {
        const type = await requestedType(deps, request);
        if (isFault(type)) return type;
        const key = request.params['key'] ?? '';
        const changed = await changeExtraSpecs(db, type.id, ({ [key]: removed, ...rest }) =>
          removed === undefined ? undefined : rest,
        );
        return changed ? { status: 202 } : missing(request);
      },
    }),
  ];
}
