// GET /v2/schemas/...: JSON schemas of Glance's responses.
import type { JsonObject } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { imageLinks, imageProperties } from '../domain/image-schema.ts';
import { memberStatuses } from '../domain/image.ts';

const image: JsonObject = {
  name: 'image',
  properties: imageProperties,
  additionalProperties: { type: 'string' },
  links: imageLinks,
};
const time = (description: string): JsonObject => ({ type: 'string', description });
const member: JsonObject = {
  name: 'member',
  properties: {
    created_at: time('Date and time of image member creation'),
    image_id: {
      type: 'string',
      description: 'An identifier for the image',
      pattern: (imageProperties['id'] as JsonObject)['pattern'],
    }, // an object in the table above
    member_id: { type: 'string', description: 'An identifier for the image member (tenantId)' },
    updated_at: time('Date and time of last modification of image member'),
    status: {
      type: 'string',
      description: 'The status of this image member',
      enum: [...memberStatuses],
    },
    schema: { type: 'string', readOnly: true },
  },
};
const task: JsonObject = {
  name: 'task',
  properties: {
    id: { type: 'string', description: 'An identifier for the task' },
    type: { type: 'string', enum: ['import', 'api_image_import'] },
    status: { type: 'string', enum: ['pending', 'processing', 'success', 'failure'] },
    owner: { type: 'string' },
    created_at: time('Datetime when this resource was created'),
    updated_at: time('Datetime when this resource was updated'),
    self: { type: 'string', readOnly: true },
    schema: { type: 'string', readOnly: true },
  },
};

/** The schema of a page of such items. */
const collection = (name: string, items: JsonObject): JsonObject => ({
  name,
  properties: {
    [name]: { type: 'array', items },
    first: { type: 'string' },
    next: { type: 'string' },
    schema: { type: 'string' },
  },
  links: [
    { rel: 'first', href: '{first}' },
    { rel: 'next', href: '{next}' },
    { rel: 'describedby', href: '{schema}' },
  ],
});

const members: JsonObject = {
  name: 'members',
  properties: { members: { type: 'array', items: member }, schema: { type: 'string' } },
  links: [{ rel: 'describedby', href: '{schema}' }],
};

export const schemaRoutes: readonly Route[] = Object.entries({
  image,
  images: collection('images', image),
  member,
  members,
  task,
  tasks: collection('tasks', task),
}).map(([name, schema]) =>
  route('GET', `/v2/schemas/${name}`, {
    policy: null,
    handler: () => ({ status: 200, body: structuredClone(schema) }),
  }),
);
