// Import of staged data, and the import methods and stores of this cloud. Staging itself is in
// image-data.ts. https://docs.openstack.org/api-ref/image/v2/#interoperable-image-import
import Type from 'typebox';
import type { Fault } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { Query } from '#platform/http/messages.ts';
import { importStaged } from '../store/uploads.ts';
import type { GlanceParts } from './parts.ts';
import { allowedImage, requestedImage } from './requested-image.ts';

const importMethods = ['glance-direct'];
const store: JsonObject = { id: 'fs', default: 'true', description: 'Files of this cloud' };
const importBody = Type.Object({ method: Type.Object({ name: Type.String() }) });

export function importRoutes(parts: GlanceParts): readonly Route[] {
  return [
    route<{ method: { name: string } }>('POST', '/v2/images/:id/import', {
      policy: null,
      body: importBody,
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const requested = await allowedImage(parts, request, 'modify_image');
        if (isFault(requested)) return requested;
        const { name } = request.body.method;
        if (!importMethods.includes(name))
          return fault(
            'badRequest',
            `Unknown import method name '${name}'. This cloud has: ${importMethods.join(', ')}.`,
          );
        const { image } = requested;
        // The staged file becomes the image's data at once, without copying: the next GET shows
        // active.
        if (await importStaged(parts.database.db, image.id, parts.clock.now()))
          return { status: 202 };
        return fault(
          'conflict',
          `Image needs to be staged before '${name}' method can be used; it is ${image.status}.`,
        );
      },
    }),
    route('GET', '/v2/info/import', {
      policy: null,
      handler: () => ({
        status: 200,
        body: {
          'import-methods': {
            description: 'Import methods available.',
            type: 'array',
            value: [...importMethods],
          },
        },
      }),
    }),
    route('GET', '/v2/info/stores', {
      policy: null,
      handler: () => ({ status: 200, body: { stores: [{ ...store }] } }),
    }),
    route('GET', '/v2/info/stores/detail', {
      policy: 'stores_info_detail',
      handler: () => ({
        status: 200,
        body: { stores: [{ ...store, type: 'file', properties: {} }] },
      }),
    }),
    // Imports finish before their response, so there is never a task to show.
    route('GET', '/v2/images/:id/tasks', {
      policy: null,
      faults: ['notFound'],
      handler: async (request) => {
        const requested = await requestedImage(parts, request);
        return isFault(requested) ? requested : { status: 200, body: { tasks: [] } };
      },
    }),
    route('GET', '/v2/tasks', {
      policy: 'tasks_api_access',
      handler: (request) =>
        refusedTaskQuery(request.query) ?? {
          status: 200,
          body: { tasks: [], first: '/v2/tasks', schema: '/v2/schemas/tasks' },
        },
    }),
  ];
}

/** Values that the filters and sort parameters of the task list may have. api-ref, "List tasks" */
const taskQuery: Readonly<Record<string, RegExp>> = {
  status: /^(pending|processing|success|failure)$/,
  type: /^(import|api_image_import|location_import)$/,
  sort_dir: /^(asc|desc)$/,
  limit: /^\d+$/,
};

function refusedTaskQuery(query: Query): Fault | undefined {
  const [wrong] = Object.entries(taskQuery).filter(([name, words]) =>
    query[name]?.some((value) => !words.test(value)),
  );
  return wrong && fault('badRequest', `Invalid ${wrong[0]} value: ${query[wrong[0]]?.join(', ')}`);
}
