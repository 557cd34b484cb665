// The tag routes, the same for all kinds of objects.
// https://docs.openstack.org/api-ref/network/v2/#standard-attributes-tag-extension
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { changeRow, findVisible } from '../store/objects.ts';
import { write } from '../store/write.ts';
import type { NeutronParts } from './parts.ts';
import type { AnyResource } from './resource.ts';
import { contextOf, findToChange, missing, writeFaults } from './resource.ts';

const maxTags = 1000;
export const tagsOf = (column: string): string[] => column.split(',').filter((tag) => tag !== '');
const isTag = (value: Json): value is string =>
  typeof value === 'string' && value.length >= 1 && value.length <= 255 && !value.includes(',');
const noTag = (tag: Json) =>
  fault(
    'badRequest',
    `Invalid input for tags. Reason: ${JSON.stringify(tag)} is not a tag: 1 to 255 characters without a comma.`,
  );

export function tagRoutes(
  parts: NeutronParts,
  resource: AnyResource,
  one: string,
  idOf: (request: ApiRequest) => string,
): readonly Route[] {
  const { collection } = resource;
  const path = `${one}/tags`;
  const has = async (request: ApiRequest): Promise<Outcome<string[]>> => {
    const row = await findVisible(
      parts.database.db,
      resource.listing,
      idOf(request),
      contextOf(parts, request).scope,
    );
    return row ? tagsOf(row.tags) : missing(resource, idOf(request));
  };
  const change = (
    method: HttpMethod,
    at: string,
    rule: string,
    next: (request: ApiRequest, tags: string[]) => Outcome<string[]>,
    reply: (tags: string[]) => Reply,
  ): Route =>
    route(method, at, {
      policy: rule,
      faults: writeFaults,
      handler: async (request) => {
        const context = contextOf(parts, request);
        const tags = await write(parts.database.db, async (trx): Promise<Outcome<string[]>> => {
          const row = await findToChange(context, trx, resource, idOf(request), rule);
          if (isFault(row)) return row;
          const wanted = next(request, tagsOf(row.tags));
          if (isFault(wanted)) return wanted;
          const column = wanted.length > 0 ? `,${wanted.join(',')},` : '';
          if (column !== row.tags)
            await changeRow(trx, resource.listing.table, row.id, { tags: column }, context.nowMs);
          return wanted;
        });
        return isFault(tags) ? tags : reply(tags);
      },
    });
  const noContent = (): Reply => ({ status: 204 });
  const tagOf = (request: ApiRequest): string => request.params['tag'] ?? '';
  const unknown = (tag: string) =>
    fault('notFound', `Tag ${tag} could not be found.`, { type: 'TagNotFound' });
  return [
    route('GET', path, {
      policy: `get_${collection}_tags`,
      faults: ['notFound'],
      handler: async (request) => {
        const tags = await has(request);
        return isFault(tags) ? tags : { status: 200, body: { tags } };
      },
    }),
    change(
      'PUT',
      path,
      `update_${collection}_tags`,
      ({ body }) => {
        const tags =
          typeof body === 'object' && body !== null && !Array.isArray(body)
            ? body['tags']
            : undefined;
        if (!Array.isArray(tags))
          return fault('badRequest', 'Invalid tags body: it must be {"tags": [...]}.');
        const wrong = tags.find((tag) => !isTag(tag));
        if (wrong !== undefined) return noTag(wrong);
        const wanted = [...new Set(tags.filter(isTag))];
        return wanted.length > maxTags ? fault('badRequest', `More than ${maxTags} tags.`) : wanted;
      },
      (tags) => ({ status: 200, body: { tags } }),
    ),
    change('DELETE', path, `delete_${collection}_tags`, () => [], noContent),
    route('GET', `${path}/:tag`, {
      policy: `get_${collection}_tags`,
      faults: ['notFound'],
      handler: async (request) => {
        const tags = await has(request);
        return isFault(tags)
          ? tags
          : tags.includes(tagOf(request))
            ? { status: 204 }
            : unknown(tagOf(request));
      },
    }),
    change(
      'PUT',
      `${path}/:tag`,
      `update_${collection}_tags`,
      (request, tags) => {
        const tag = tagOf(request);
        if (!isTag(tag)) return noTag(tag);
        return tags.includes(tag)
          ? tags
          : tags.length >= maxTags
            ? fault('badRequest', `More than ${maxTags} tags.`)
            : [...tags, tag];
      },
      () => ({ status: 201 }),
    ),
    change(
      'DELETE',
      `${path}/:tag`,
      `delete_${collection}_tags`,
      (request, tags) =>
        tags.includes(tagOf(request))
          ? tags.filter((tag) => tag !== tagOf(request))
          : unknown(tagOf(request)),
      noContent,
    ),
  ];
}
