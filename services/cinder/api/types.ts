// Volume types, their extra specs, and which projects may use private ones.
// https://docs.openstack.org/api-ref/block-storage/v3/#volume-types-types
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { VolumeTypeRow } from '../store/tables.ts';
import {
  changeType,
  defaultTypeName,
  deleteType,
  extraSpecsOf,
  findTypeByIdOrName,
  insertType,
} from '../store/types.ts';
import {
  booleanSchema,
  descriptionSchema,
  extraSpecsSchema,
  orNull,
  strict,
} from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { Request } from './request.ts';
import { requestedType } from './type-access.ts';
import { requestedTypes } from './type-list.ts';

interface Wanted {
  name?: string | null;
  description?: string | null;
  extra_specs?: Record<string, string> | null;
  'os-volume-type-access:is_public'?: boolean | string;
  is_public?: boolean | string;
}
const name = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' });
const createBody = Type.Object(
  {
    volume_type: Type.Object(
      {
        name,
        description: descriptionSchema,
        extra_specs: Type.Optional(orNull(extraSpecsSchema)),
        'os-volume-type-access:is_public': Type.Optional(booleanSchema),
      },
      strict,
    ),
  },
  strict,
);
const updateBody = Type.Object(
  {
    volume_type: Type.Object(
      {
        name: Type.Optional(orNull(name)),
        description: descriptionSchema,
        is_public: Type.Optional(booleanSchema),
      },
      strict,
    ),
  },
  strict,
);
const anySpecs = { policy: 'volume_extension:types_extra_specs:index' };
/** Extra specs that tenants may read too: cinder.api.extra_specs, user visible. */
const userVisible = new Set(['RESKEY:availability_zones', 'multiattach', 'replication_enabled']);

function typeView(request: Request, type: VolumeTypeRow): JsonObject {
  const all = extraSpecsOf(type);
  const specs = request.allows(anySpecs.policy)
    ? all
    : Object.fromEntries(Object.entries(all).filter(([key]) => userVisible.has(key)));
  return {
    id: type.id,
    name: type.name,
    description: type.description,
    is_public: type.is_public === 1,
    'os-volume-type-access:is_public': type.is_public === 1,
    extra_specs: specs,
  };
}

export function typeRoutes(deps: HandlerDeps): readonly Route[] {
  const { db } = deps.database;
  const { ids, clock, log } = deps;
  const read = 'volume_extension:type_get';
  return [
    route('GET', '/types', {
      policy: 'volume_extension:type_get_all',
      faults: ['notFound'],
      handler: async (request) => {
        const types = await requestedTypes(deps, request);
        return isFault(types)
          ? types
          : { status: 200, body: { volume_types: types.map((type) => typeView(request, type)) } };
      },
    }),
    route<{ volume_type: Wanted }>('POST', '/types', {
      policy: 'volume_extension:type_create',
      body: createBody,
      faults: ['conflict'],
      handler: async (request) => {
        const wanted = request.body.volume_type;
        const row: VolumeTypeRow = {
          id: ids.uuid(),
          name: (wanted.name ?? '').trim(),
          description: wanted.description ?? null,
          extra_specs_json: JSON.stringify(wanted.extra_specs ?? {}),
          created_at_ms: clock.now(),
          is_public: booleanOf(wanted['os-volume-type-access:is_public'] ?? true) === false ? 0 : 1,
        };
        return (await insertType(db, row))
          ? { status: 200, body: { volume_type: typeView(request, row) } }
          : fault('conflict', `Volume Type ${row.name} already exists.`);
      },
    }),
    route('GET', '/types/default', {
      policy: read,
      faults: ['notFound'],
      handler: async (request) => {
        const type = await findTypeByIdOrName(db, defaultTypeName, null);
        return type
          ? { status: 200, body: { volume_type: typeView(request, type) } }
          : fault('notFound', 'Default volume type can not be found.');
      },
    }),
    route('GET', '/types/:id', {
      policy: read,
      faults: ['notFound'],
      handler: async (request) => {
        const type = await requestedType(deps, request);
        return isFault(type)
          ? type
          : { status: 200, body: { volume_type: typeView(request, type) } };
      },
    }),
    route<{ volume_type: Wanted }>('PUT', '/types/:id', {
      policy: 'volume_extension:type_update',
      body: updateBody,
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const type = await requestedType(deps, request);
        if (isFault(type)) return type;
        const { name: newName, description, is_public } = request.body.volume_type;
        const change = {
          ...(newName ? { name: newName.trim() } : {}),
          ...(description == null ? {} : { description }),
          ...(is_public === undefined ? {} : { is_public: booleanOf(is_public) ? 1 : 0 }),
        };
        if (Object.keys(change).length === 0)
          return fault(
            'badRequest',
            'Specify volume type name, description, is_public or a combination thereof.',
          );
        if (type.name === defaultTypeName && 'name' in change)
          return fault('badRequest', 'The default volume type cannot be renamed.');
        if (!(await changeType(db, type.id, change)))
          return fault('conflict', `Volume Type ${newName} already exists.`);
        const now = await requestedType(deps, request);
        if (isFault(now)) return now;
        const { 'os-volume-type-access:is_public': _access, ...view } = typeView(request, now);
        return { status: 200, body: { volume_type: view } };
      },
    }),
    route('DELETE', '/types/:id', {
      policy: 'volume_extension:type_delete',
      faults: ['notFound'],
      handler: async (request) => {
        const type = await requestedType(deps, request);
        if (isFault(type)) return type;
        if (type.name === defaultTypeName)
          return fault(
            'badRequest',
            'Target volume type is the default one, which cannot be deleted.',
          );
        const refusal = (await deleteType(db, type.id))
          ? undefined
          : fault('badRequest', `Target volume type is still in use: volumes of it exist.`);
        log.info(
          { type: type.id, req: request.id, refused: refusal !== undefined },
          'volume type deleted',
        );
        return refusal ?? { status: 202 };
      },
    }),
    // Volume encryption is not implemented, so that no type has any.
    route('GET', '/types/:id/encryption', {
      policy: read,
      faults: ['notFound'],
      handler: async (request) => {
        const type = await requestedType(deps, request);
        return isFault(type) ? type : { status: 200, body: {} };
      },
    }),
    route('POST', '/types/:id/encryption', {
      policy: 'volume_extension:volume_type_encryption:any',
      faults: ['notFound', 'notImplemented'],
      handler: async (request) => {
        const type = await requestedType(deps, request);
        return isFault(type)
          ? type
          : fault('notImplemented', 'Volume encryption is not offered by this cloud.');
      },
    }),
  ];
}
