// A flavor's extra specs: properties beyond its size, such as traits, that its servers require of a
// host.
// https://docs.openstack.org/api-ref/compute/#flavors-extra-specs
import Type from 'typebox';
import { extraSpecRoutes } from '#openstack/http/extra-spec-routes.ts';
import type { Route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { checkExtraSpecs } from '../domain/extra-specs.ts';
import { changeExtraSpecs, extraSpecsOf } from '../store/flavors.ts';
import type { FlavorRow } from '../store/tables.ts';
import { requestedFlavor } from './flavors.ts';

const specs = (count: { maxProperties?: number }) =>
  Type.Record(
    Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }),
    Type.Union([Type.String({ maxLength: 255 }), Type.Number()]),
    { additionalProperties: false, minProperties: 1, maxProperties: 128, ...count },
  );
const checkedSince = 86;

export const flavorExtraSpecRoutes = (deps: NovaDeps): readonly Route[] =>
  extraSpecRoutes<FlavorRow, Record<string, string | number>>({
    path: '/v2.1/flavors/:id/os-extra_specs',
    ownerKind: 'Flavor',
    policy: (name) => `os_compute_api:os-flavor-extra-specs:${name}`,
    createBody: Type.Object({ extra_specs: specs({}) }, { additionalProperties: false }),
    itemBody: specs({ maxProperties: 1 }),
    deletedStatus: 200,
    accept(request, sent) {
      const texts = Object.fromEntries(
        Object.entries(sent).map(([key, value]) => [key, String(value)]),
      );
      return (request.version >= checkedSince ? checkExtraSpecs(texts) : undefined) ?? texts;
    },
    requested: async (request) => await requestedFlavor(deps, request),
    specsOf: extraSpecsOf,
    change: async ({ flavor_id }, next) =>
      await changeExtraSpecs(deps.database.db, flavor_id, next),
  });
