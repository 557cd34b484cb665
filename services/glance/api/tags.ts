// Adds and removes a single tag of an image.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { changeImage } from '../store/images.ts';
import type { GlanceParts } from './parts.ts';
import { allowedImage } from './requested-image.ts';

const path = '/v2/images/:id/tags/:tag';
const attempts = 5;

export function tagRoutes(parts: GlanceParts): readonly Route[] {
  return [
    route('PUT', path, {
      policy: null,
      faults: ['notFound', 'concurrentUpdate'],
      handler: async (request) =>
        await changeTags(parts, request, (tags, tag) =>
          tags.includes(tag) ? tags : [...tags, tag],
        ),
    }),
    route('DELETE', path, {
      policy: null,
      faults: ['notFound', 'concurrentUpdate'],
      handler: async (request) =>
        await changeTags(parts, request, (tags, tag) =>
          tags.includes(tag)
            ? tags.filter((other) => other !== tag)
            : fault('notFound', `Tag ${tag} is not one of the image's.`),
        ),
    }),
  ];
}

async function changeTags(
  parts: GlanceParts,
  request: ApiRequest,
  change: (tags: readonly string[], tag: string) => Outcome<readonly string[]>,
): Promise<Outcome<Reply>> {
  const tag = request.params['tag'] ?? '';
  if ([...tag].length > 255) return fault('badRequest', 'A tag has at most 255 characters.');
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const requested = await allowedImage(parts, request, 'modify_image');
    if (isFault(requested)) return requested;
    const { image } = requested;
    const tags = change(image.tags, tag);
    if (isFault(tags)) return tags;
    if (tags.length > parts.config.maxTags)
      return fault(
        'tooLarge',
        `The limit has been exceeded on the number of allowed image tags: ${parts.config.maxTags}.`,
      );
    if (
      tags === image.tags ||
      (await changeImage(parts.database.db, image, { ...image, tags }, parts.clock.now()))
    )
      return { status: 204 };
  }
  return fault('concurrentUpdate', 'The image is being changed by others.');
}
