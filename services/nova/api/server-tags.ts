// A server's tags (since 2.26): at most 50 strings.
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { NovaDeps } from '../deps.ts';
import { tagsOf, tagsText } from '../domain/server-row.ts';
import type { Server } from '../store/servers.ts';
import { changeServer, findServer, lockServer } from '../store/servers.ts';
import { ofServer, requestedServer } from './request.ts';
import { tagSchema } from './servers/create-schema.ts';

const maxTags = 50;
const maxTagLength = 60;
const path = '/v2.1/servers/:id/tags';
const policy = (name: string): string => `os_compute_api:os-server-tags:${name}`;

export function tagRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;
  const { clock } = deps;

  /**
   * Reads, changes and writes the tags in one transaction under the server's lock, so that no
   * concurrent change is lost.
   */
  async function change<T extends object>(
    request: ApiRequest<unknown>,
    next: (now: string[], server: Server) => Outcome<{ tags: readonly string[]; reply: T }>,
  ): Promise<Outcome<T>> {
    const requested = await requestedServer(deps, request);
    if (isFault(requested)) return requested;
    return await transaction(db, async (trx) => {
      await lockServer(trx, requested.id);
      const server = await findServer(trx, requested.id, null);
      if (!server) return fault('notFound', `Instance ${requested.id} could not be found.`);
      const changed = next(tagsOf(server), server);
      if (isFault(changed)) return changed;
      await changeServer(trx, server.id, { tags: tagsText(changed.tags) }, clock.now());
      return changed.reply;
    });
  }

  const since = 26;
  const missing = (server: Server, tag: string) =>
    fault('notFound', `Instance ${server.id} has no tag '${tag}'`);
  return [
    route('GET', path, {
      since,
      policy: policy('index'),
      faults: ['notFound'],
      handler: ofServer(deps, (_, server) => ({ status: 200, body: { tags: tagsOf(server) } })),
    }),
    route<{ tags: string[] }>('PUT', path, {
      since,
      policy: policy('update_all'),
      faults: ['notFound'],
      body: Type.Object(
        { tags: Type.Array(tagSchema, { maxItems: maxTags }) },
        { additionalProperties: false },
      ),
      handler: async (request) => {
        const tags = [...new Set(request.body.tags)];
        return await change(request, () => ({ tags, reply: { status: 200, body: { tags } } }));
      },
    }),
    route('DELETE', path, {
      since,
      policy: policy('delete_all'),
      faults: ['notFound'],
      handler: async (request) =>
        await change(request, () => ({ tags: [], reply: { status: 204 } })),
    }),
    route('GET', `${path}/:tag`, {
      since,
      policy: policy('show'),
      faults: ['notFound'],
      handler: ofServer(deps, async (request, server) => {
        const tag = request.params['tag'] ?? '';
        return tagsOf(server).includes(tag) ? { status: 204 } : missing(server, tag);
      }),
    }),
    route('PUT', `${path}/:tag`, {
      since,
      policy: policy('update'),
      faults: ['notFound'],
      handler: async (request) => {
        const tag = request.params['tag'] ?? '';
        if (tag === '' || tag.length > maxTagLength || /[,/]/.test(tag))
          return fault(
            'badRequest',
            `Tag '${tag}' is invalid: 1 to ${maxTagLength} characters, no comma or slash.`,
          );
        return await change<Reply>(request, (tags) => {
          if (tags.includes(tag)) return { tags, reply: { status: 204 } };
          if (tags.length >= maxTags)
            return fault(
              'badRequest',
              `The number of tags exceeded the per-server limit ${maxTags}`,
            );
          return {
            tags: [...tags, tag],
            reply: { status: 201, headers: { location: `${request.baseUrl}${request.path}` } },
          };
        });
      },
    }),
    route('DELETE', `${path}/:tag`, {
      since,
      policy: policy('delete'),
      faults: ['notFound'],
      handler: async (request) => {
        const tag = request.params['tag'] ?? '';
        return await change(request, (tags, server) =>
          tags.includes(tag)
            ? { tags: tags.filter((other) => other !== tag), reply: { status: 204 } }
            : missing(server, tag),
        );
      },
    }),
  ];
}
