// Which projects may use a private volume type; also finds the type that a request names.
// https://docs.openstack.org/api-ref/block-storage/v3/#volume-type-access-volumes
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { VolumeTypeRow } from '../store/tables.ts';
import { addTypeAccess, findType, projectsOfType, removeTypeAccess } from '../store/types.ts';
import type { Action } from './actions.ts';
import { action, actionRoute } from './actions.ts';
import { idSchema, strict } from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { scopeOf } from './request.ts';
import type { Request } from './request.ts';

const accessBody = Type.Object({ project: idSchema }, strict);

export async function requestedType(
  { database: { db } }: HandlerDeps,
  request: Request,
): Promise<Outcome<VolumeTypeRow>> {
  const id = request.params['id'] ?? '';
  return (
    (await findType(db, id, scopeOf(request))) ??
    fault('notFound', `Volume type ${id} could not be found.`)
  );
}

export function typeAccessRoutes(deps: HandlerDeps): readonly Route[] {
  const { db } = deps.database;
  return [
    route('GET', '/types/:id/os-volume-type-access', {
      policy: 'volume_extension:volume_type_access:get_all_for_type',
      faults: ['notFound'],
      handler: async (request) => {
        const type = await requestedType(deps, request);
        if (isFault(type)) return type;
        if (type.is_public === 1)
          return fault('notFound', 'Access list not available for public volume types.');
        const projects = await projectsOfType(db, type.id);
        return {
          status: 200,
          body: {
            volume_type_access: projects.map((project) => ({
              volume_type_id: type.id,
              project_id: project,
            })),
          },
        };
      },
    }),
    actionRoute<VolumeTypeRow>(
      '/types',
      async (request) => await requestedType(deps, request),
      {
        addProjectAccess: accessAction('addProjectAccess', async ({ id }, project) =>
          (await addTypeAccess(db, id, project))
            ? { status: 202 }
            : fault(
                'conflict',
                `Volume type access for ${id} / ${project} combination already exists.`,
              ),
        ),
        removeProjectAccess: accessAction('removeProjectAccess', async ({ id }, project) =>
          (await removeTypeAccess(db, id, project))
            ? { status: 202 }
            : fault('notFound', `Volume type access not found for ${id} / ${project} combination.`),
        ),
      },
      'volume_extension:volume_type_access:addProjectAccess',
    ),
  ];
}

/**
 * An action that changes which projects have access to a type. For private types only: every
 * project has access to a public one.
 */
const accessAction = (
  name: string,
  change: (type: VolumeTypeRow, project: string) => Promise<Outcome<Reply>>,
): Action<VolumeTypeRow> =>
  action<VolumeTypeRow, { project: string }>({
    policy: `volume_extension:volume_type_access:${name}`,
    body: accessBody,
    run: async (_, type, { project }) =>
      type.is_public === 1
        ? fault('conflict', 'Type access modification is not applicable to public volume type.')
        : await change(type, project),
  });
