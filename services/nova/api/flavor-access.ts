// Which projects may use a private flavor.
// https://docs.openstack.org/api-ref/compute/#flavors-access
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { addFlavorAccess, flavorProjects, removeFlavorAccess } from '../store/flavors.ts';
import { checkProject } from './check-project.ts';
import { requestedFlavor } from './flavors.ts';

type ActionBody =
  | { addTenantAccess: { tenant: string } }
  | { removeTenantAccess: { tenant: string } };
const tenant = Type.Object(
  { tenant: Type.String({ minLength: 1, maxLength: 255 }) },
  { additionalProperties: false },
);
const actionBody = Type.Object(
  { addTenantAccess: Type.Optional(tenant), removeTenantAccess: Type.Optional(tenant) },
  { additionalProperties: false, minProperties: 1, maxProperties: 1 },
);

export function flavorAccessRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;
  const accesses = async (flavorId: string): Promise<Json> => ({
    flavor_access: (await flavorProjects(db, flavorId)).map((projectId) => ({
      flavor_id: flavorId,
      tenant_id: projectId,
    })),
  });
  return [
    route('GET', '/v2.1/flavors/:id/os-flavor-access', {
      policy: 'os_compute_api:os-flavor-access',
      faults: ['notFound'],
      handler: async (request) => {
        const flavor = await requestedFlavor(deps, request);
        if (isFault(flavor)) return flavor;
        if (flavor.is_public === 1)
          return fault('notFound', 'Access list not available for public flavors.');
        return { status: 200, body: await accesses(flavor.flavor_id) };
      },
    }),
    route<ActionBody>('POST', '/v2.1/flavors/:id/action', {
      policy: 'os_compute_api:os-flavor-access',
      body: actionBody,
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const { body } = request;
        const adds = 'addTenantAccess' in body;
        const rule = `os_compute_api:os-flavor-access:${adds ? 'add' : 'remove'}_tenant_access`;
        if (!request.allows(rule))
          return fault('forbidden', `Policy doesn't allow ${rule} to be performed.`);
        const projectId = adds ? body.addTenantAccess.tenant : body.removeTenantAccess.tenant;
        const flavor = await requestedFlavor(deps, request);
        if (isFault(flavor)) return flavor;
        const id = flavor.flavor_id;
        if (adds) {
          const unknown = await checkProject(deps, request, projectId);
          if (unknown) return unknown;
          if (flavor.is_public === 1)
            return fault('conflict', 'Can not add access to a public flavor.');
          if (!(await addFlavorAccess(db, id, projectId)))
            return fault(
              'conflict',
              `Flavor access already exists for flavor ${id} and project ${projectId} combination.`,
            );
        } else if (!(await removeFlavorAccess(db, id, projectId))) {
          return fault('notFound', `Flavor access not found for ${id} / ${projectId} combination.`);
        }
        return { status: 200, body: await accesses(id) };
      },
    }),
  ];
}
