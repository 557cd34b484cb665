// A type's extra specs: the capabilities that its volumes require of a backend.
// https://docs.openstack.org/api-ref/block-storage/v3/#show-all-extra-specifications-for-volume-type
import Type from 'typebox';
import { extraSpecRoutes } from '#openstack/http/extra-spec-routes.ts';
import type { Route } from '#openstack/http/route.ts';
import type { Metadata } from '../store/rows.ts';
import type { VolumeTypeRow } from '../store/tables.ts';
import { changeExtraSpecs, extraSpecsOf } from '../store/types.ts';
import { extraSpecsSchema, strict } from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { requestedType } from './type-access.ts';

export const typeExtraSpecRoutes = (deps: HandlerDeps): readonly Route[] =>
  extraSpecRoutes<VolumeTypeRow, Metadata>({
    path: '/types/:id/extra_specs',
    ownerKind: 'Volume Type',
    policy: (name) => `volume_extension:types_extra_specs:${name}`,
    createBody: Type.Object({ extra_specs: extraSpecsSchema }, strict),
    itemBody: extraSpecsSchema,
    deletedStatus: 202,
    accept: (_, sent) => sent,
    requested: async (request) => await requestedType(deps, request),
    specsOf: extraSpecsOf,
    change: async ({ id }, next) => await changeExtraSpecs(deps.database.db, id, next),
  });
