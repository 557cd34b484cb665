// /v3/projects/{id}/tags. Included by projects.ts.
import { Type, type Static } from 'typebox';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import { addTag, removeTag, replaceTags, tagsOf } from '../store/projects.ts';
import type { ProjectRow } from '../store/tables.ts';
import { maxTags, tags } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { notFound } from './permit.ts';
import { noContent } from './replies.ts';

const tagsBody = Type.Object({ tags }, { additionalProperties: false });

type FindProject = (request: ApiRequest<unknown>, rule: string) => Promise<Outcome<ProjectRow>>;

/**
 * The routes of a project's tags. `find`: finds the path's project, and checks that the caller may
 * act on it.
 */
export function projectTagRoutes(k: Keystone, find: FindProject): Route[] {
  const tagsFor = async (id: string): Promise<string[]> => (await tagsOf(k.db, [id])).get(id) ?? [];
  return [
    route('GET', '/v3/projects/:project_id/tags', {
      policy: 'identity:list_project_tags',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:list_project_tags');
        return isFault(row)
          ? row
          : {
              status: 200,
              body: {
                tags: await tagsFor(row.id),
                links: { self: `${request.baseUrl}${request.path}`, next: null, previous: null },
              },
            };
      },
    }),
    route<Static<typeof tagsBody>>('PUT', '/v3/projects/:project_id/tags', {
      policy: 'identity:update_project_tags',
      body: tagsBody,
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:update_project_tags');
        if (isFault(row)) return row;
        await transaction(k.db, (trx) => replaceTags(trx, row.id, request.body.tags));
        return {
          status: 200,
          body: {
            tags: await tagsFor(row.id),
            links: { self: `${request.baseUrl}${request.path}`, next: null, previous: null },
          },
        };
      },
    }),
    route('DELETE', '/v3/projects/:project_id/tags', {
      policy: 'identity:delete_project_tags',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:delete_project_tags');
        if (isFault(row)) return row;
        await replaceTags(k.db, row.id, []);
        return noContent;
      },
    }),
    ...(['GET', 'HEAD'] as const).map((method) =>
      route(method, '/v3/projects/:project_id/tags/:tag', {
        policy: 'identity:get_project_tag',
        faults: ['notFound'],
        async handler(request) {
          const row = await find(request, 'identity:get_project_tag');
          if (isFault(row)) return row;
          const name = request.params['tag'] ?? '';
          return (await tagsFor(row.id)).includes(name) ? noContent : notFound('project tag', name);
        },
      }),
    ),
    route('PUT', '/v3/projects/:project_id/tags/:tag', {
      policy: 'identity:create_project_tag',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:create_project_tag');
        if (isFault(row)) return row;
        const name = request.params['tag'] ?? '';
        if (name.length > 255 || /[,/]/.test(name))
          return fault(
            'badRequest',
            'A tag has at most 255 characters and neither comma nor slash.',
          );
        const present = await tagsFor(row.id);
        if (present.includes(name))
          return fault('badRequest', `The project has the tag ${name} already.`);
        if (present.length >= maxTags)
          return fault('badRequest', `A project has at most ${maxTags} tags.`);
        await addTag(k.db, row.id, name);
        return { status: 201, headers: { location: `${request.baseUrl}${request.path}` } };
      },
    }),
    route('DELETE', '/v3/projects/:project_id/tags/:tag', {
      policy: 'identity:delete_project_tag',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:delete_project_tag');
        if (isFault(row)) return row;
        const name = request.params['tag'] ?? '';
        return (await removeTag(k.db, row.id, name)) ? noContent : notFound('project tag', name);
      },
    }),
  ];
}
