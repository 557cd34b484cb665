// A flavor's extra specs: what its servers need of a host, beyond size.
// https://docs.openstack.org/api-ref/compute/#flavors-extra-specs
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { checkExtraSpecs } from '../domain/extra-specs.ts';
import { changeExtraSpecs, extraSpecsOf } from '../store/flavors.ts';
import { requestedFlavor } from './flavors.ts';

type Sent = Record<string, string | number>;
const specs = (count: { maxProperties?: number }) =>
  Type.Record(
    Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }),
    Type.Union([Type.String({ maxLength: 255 }), Type.Number()]),
    { additionalProperties: false, minProperties: 1, maxProperties: 128, ...count },
  );
const createBody = Type.Object({ extra_specs: specs({}) }, { additionalProperties: false });
const path = '/v2.1/flavors/:id/os-extra_specs';
const policy = (name: string): string => `os_compute_api:os-flavor-extra-specs:${name}`;
const checkedSince = 86;

const asText = (sent: Sent): Record<string, string> =>
  Object.fromEntries(Object.entries(sent).map(([key, value]) => [key, String(value)]));
const missing = (request: ApiRequest<unknown>) =>
  fault(
    'notFound',
    `Flavor ${request.params['id']} has no extra specs with key ${request.params['key']}.`,
  );

export function flavorExtraSpecRoutes(deps: NovaDeps): readonly Route[] {
  const {
    database: { db },
  } = deps;
  return [
    route({
      method: 'GET',
      path,
      policy: policy('index'),
      faults: ['notFound'],
      handler: async (request) => {
        const flavor = await requestedFlavor(deps, request);
        return isFault(flavor)
          ? flavor
          : { status: 200, body: { extra_specs: extraSpecsOf(flavor) } };
      },
    }),
    route<{ extra_specs: Sent }>({
      method: 'POST',
      path,
      policy: policy('create'),
      body: createBody,
      faults: ['notFound'],
      handler: async (request) => {
        const sent = asText(request.body.extra_specs);
        const wrong = request.version >= checkedSince ? checkExtraSpecs(sent) : undefined;
        if (wrong) return wrong;
        const flavor = await requestedFlavor(deps, request);
        if (isFault(flavor)) return flavor;
        await changeExtraSpecs(db, flavor.flavor_id, (now) => ({ ...now, ...sent }));
        return { status: 200, body: { extra_specs: sent } };
      },
    }),
    route({
      method: 'GET',
      path: `${path}/:key`,
      policy: policy('show'),
      faults: ['notFound'],
      handler: async (request) => {
        const flavor = await requestedFlavor(deps, request);
        if (isFault(flavor)) return flavor;
        const key = request.params['key'] ?? '';
        const all = extraSpecsOf(flavor);
        return Object.hasOwn(all, key)
          ? { status: 200, body: { [key]: all[key] } }
          : missing(request);
      },
    }),
    route<Sent>({
      method: 'PUT',
      path: `${path}/:key`,
      policy: policy('update'),
      body: specs({ maxProperties: 1 }),
      faults: ['notFound'],
      handler: async (request) => {
        const key = request.params['key'] ?? '';
        const sent = asText(request.body);
        if (!Object.hasOwn(sent, key)) return fault('badRequest', 'Request body and URI mismatch');
        const wrong = request.version >= checkedSince ? checkExtraSpecs(sent) : undefined;
        if (wrong) return wrong;
        const flavor = await requestedFlavor(deps, request);
        if (isFault(flavor)) return flavor;
        await changeExtraSpecs(db, flavor.flavor_id, (now) => ({ ...now, ...sent }));
        return { status: 200, body: sent };
      },
    }),
    route({
      method: 'DELETE',
      path: `${path}/:key`,
      policy: policy('delete'),
      faults: ['notFound'],
      handler: async (request) => {
        const flavor = await requestedFlavor(deps, request);
        if (isFault(flavor)) return flavor;
        const key = request.params['key'] ?? '';
        const isChanged = await changeExtraSpecs(db, flavor.flavor_id, (now) => {
          if (!Object.hasOwn(now, key)) return undefined;
          const { [key]: _gone, ...rest } = now;
          return rest;
        });
        return isChanged ? { status: 200 } : missing(request);
      },
    }),
  ];
}
