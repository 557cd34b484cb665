// POST, GET, PATCH and DELETE of images.
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { emptyDraft, setField } from '../domain/image-fields.ts';
import type { ImageDraft } from '../domain/image.ts';
import { uuidPattern } from '../domain/image.ts';
import { readListQuery } from '../domain/list-query.ts';
import { patchImage, readPatch } from '../domain/patch-image.ts';
import { changeImage, deleteImage, findImage, insertImage } from '../store/images.ts';
import { listImages } from '../store/list-images.ts';
import type { GlanceParts } from './parts.ts';
import { allowedImage, noImage, requestedImage, targetOf } from './requested-image.ts';
import { imageView } from './views.ts';

const patchTypes = [
  'application/openstack-images-v2.1-json-patch',
  'application/openstack-images-v2.0-json-patch',
  'application/json-patch+json',
];
const patchAttempts = 5;

export function imageRoutes(parts: GlanceParts): readonly Route[] {
  const { db } = parts.database;
  const { clock } = parts;
  return [
    route<JsonObject>('POST', '/v2/images', {
      policy: null,
      body: Type.Record(Type.String(), Type.Unknown()),
      faults: ['conflict'],
      handler: async (request) => await createImage(parts, request),
    }),
    route('GET', '/v2/images', {
      policy: 'get_images',
      faults: ['notFound'],
      // `/v2/images/` requests the image with the empty id: tempest, test_get_image_null_id
      handler: async (request) =>
        request.path.endsWith('/') ? noImage('') : await list(parts, request),
    }),
    route('GET', '/v2/images/:id', {
      policy: null,
      faults: ['notFound'],
      handler: async (request) => {
        const requested = await requestedImage(parts, request);
        return isFault(requested) ? requested : { status: 200, body: imageView(requested.image) };
      },
    }),
    route<Json>('PATCH', '/v2/images/:id', {
      policy: null,
      jsonTypes: patchTypes,
      faults: ['notFound', 'conflict', 'concurrentUpdate'],
      handler: async (request) => await patch(parts, request),
    }),
    route('DELETE', '/v2/images/:id', {
      policy: null,
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const requested = await allowedImage(parts, request, 'delete_image');
        if (isFault(requested)) return requested;
        const { image } = requested;
        if (image.isProtected)
          return fault('forbidden', `Image ${image.id} is protected and cannot be deleted.`);
        if (!(await deleteImage(db, image.id, clock.now())))
          return (await findImage(db, image.id))
            ? fault('conflict', `Image ${image.id} was changed meanwhile.`)
            : noImage(image.id);
        // A running upload notices that its image is deleted and removes its own file; what remains
        // after a crash is removed by tasks/mend-uploads.ts.
        if (image.dataKey !== null && !image.uploading) await parts.store.remove(image.dataKey);
        return { status: 204 };
      },
    }),
  ];
}

async function createImage(
  parts: GlanceParts,
  request: ApiRequest<JsonObject>,
): Promise<Outcome<Reply>> {
  const { id: givenId, ...fields } = request.body;
  if (givenId !== undefined && (typeof givenId !== 'string' || !uuidPattern.test(givenId)))
    return fault('badRequest', "Provided object does not match schema 'image': id must be a UUID.");
  const own = request.auth.projectId;
  let draft: Outcome<ImageDraft> = emptyDraft(own);
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    draft = setField(draft, name, value);
    if (isFault(draft)) return draft;
  }
  const problem =
    refusal(parts, request, draft, emptyDraft(own)) ??
    (request.allows('add_image', targetOf(draft))
      ? undefined
      : fault(
          'forbidden',
          draft.owner === own
            ? 'You are not authorized to complete add_image action.'
            : `You are not permitted to create images owned by '${draft.owner}'.`,
        ));
  if (problem) return problem;
  const id = givenId?.toLowerCase() ?? parts.ids.uuid();
  if (!(await insertImage(parts.database.db, id, draft, parts.clock.now())))
    return fault('conflict', `Image ID ${id} already exists!`);
  const image = await findImage(parts.database.db, id);
  if (!image) return fault('conflict', `Image ${id} was deleted meanwhile.`);
  const href = `${request.baseUrl}/v2/images/${id}`;
  return {
    status: 201,
    body: imageView(image),
    headers: {
      location: href,
      'openstack-image-import-methods': 'glance-direct',
      'openstack-image-store-ids': 'fs',
    },
  };
}

async function patch(parts: GlanceParts, request: ApiRequest<Json>): Promise<Outcome<Reply>> {
  const type = request.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== undefined && !patchTypes.includes(type))
    return fault(
      'unsupportedMediaType',
      `The content type ${type} is not supported; send ${patchTypes[0]}.`,
    );
  const changes = readPatch(request.body);
  if (isFault(changes)) return changes;
  // Compare-and-set: if an upload ends or another patch is written between reading and writing, the
  // patch is applied again to the new state.
  for (let attempt = 0; attempt < patchAttempts; attempt += 1) {
    const requested = await allowedImage(parts, request, 'modify_image');
    if (isFault(requested)) return requested;
    const { image } = requested;
    const draft = patchImage(image, changes);
    if (isFault(draft)) return draft;
    const problem = refusal(parts, request, draft, image);
    if (problem) return problem;
    if (await changeImage(parts.database.db, image, draft, parts.clock.now())) {
      const changed = await findImage(parts.database.db, image.id);
      return changed ? { status: 200, body: imageView(changed) } : noImage(image.id);
    }
  }
  return fault('concurrentUpdate', 'The image is being changed by others.');
}

/** The fault if the caller may not give the image these values; `before`: its present state. */
function refusal(
  { config }: GlanceParts,
  request: ApiRequest<unknown>,
  draft: ImageDraft,
  before: ImageDraft,
): Fault | undefined {
  if (draft.visibility !== before.visibility) {
    if (draft.visibility === 'public' && !request.allows('publicize_image', targetOf(before)))
      return fault('forbidden', 'You are not authorized to complete publicize_image action.');
    if (draft.visibility === 'community' && !request.allows('communitize_image', targetOf(before)))
      return fault('forbidden', 'You are not authorized to complete communitize_image action.');
  }
  if (draft.owner !== before.owner && !request.allows('context_is_admin'))
    return fault(
      'forbidden',
      `You are not permitted to make '${draft.owner}' the owner of an image.`,
    );
  if (Object.keys(draft.properties).length > config.maxProperties)
    return fault(
      'tooLarge',
      `The limit has been exceeded on the number of allowed image properties: ${config.maxProperties}.`,
    );
  if (draft.tags.length > config.maxTags)
    return fault(
      'tooLarge',
      `The limit has been exceeded on the number of allowed image tags: ${config.maxTags}.`,
    );
  return undefined;
}

async function list(
  { database: { db }, config }: GlanceParts,
  request: ApiRequest,
): Promise<Outcome<Reply>> {
  const listQuery = readListQuery(request.query, config);
  if (isFault(listQuery)) return listQuery;
  const images = await listImages(
    db,
    { projectId: request.auth.projectId, seesAll: request.allows('context_is_admin') },
    listQuery,
  );
  if (images === 'noMarker')
    return fault('badRequest', `Invalid marker. Image ${listQuery.marker} could not be found.`);
  const others = new URLSearchParams(request.queryString);
  others.delete('marker');
  const first = others.size > 0 ? `/v2/images?${others.toString()}` : '/v2/images';
  const last = images.at(-1);
  const body: JsonObject = { images: images.map(imageView), first, schema: '/v2/schemas/images' };
  if (last && images.length === listQuery.limit) {
    others.append('marker', last.id);
    body['next'] = `/v2/images?${others.toString()}`;
  }
  return { status: 200, body };
}
