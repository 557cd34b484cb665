// A small API for tests of the HTTP edge: one route of each kind, and a token validator with three
// tokens.
import { PassThrough, Readable } from 'node:stream';
import Type from 'typebox';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { testCaller } from '../auth/context.testing.ts';
import type { TokenValidator } from '../auth/context.ts';
import type { HttpFace } from './route.ts';
import { route } from './route.ts';

const roles: Readonly<Record<string, string[]>> = {
  reader: ['reader'],
  member: ['member', 'reader'],
  admin: ['admin', 'member', 'reader'],
};

/** Accepts three tokens; each token's text is the name of its role. */
export const roleTokens: TokenValidator = {
  validate: async (token) =>
    roles[token]
      ? testCaller({ roles: roles[token], token })
      : fault('unauthorized', 'no such token'),
};

/** The body of the last request to /v1/boxes, as the same object that its handler received. */
let box: Json = null;

const thing = Type.Object({ name: Type.String({ minLength: 1 }) }, { additionalProperties: false });

export const thingFace: HttpFace = {
  name: 'things',
  serviceType: 'thing',
  mount: '/things',
  requestIdHeader: 'x-things-request-id',
  microversions: { type: 'things', major: 1, min: 0, max: 20 },
  policies: { show: 'role:reader', make: 'role:member', own: 'project_id:%(project_id)s' },
  faultStyle: {
    status: { overQuota: 413 },
    body: (code, { message, kind }) => ({ error: { code, message, kind } }),
  },
  routes: [
    route('GET', '/', {
      auth: 'none',
      policy: null,
      unversioned: true,
      handler: () => ({ status: 300, body: { versions: ['v1'] } }),
    }),
    route('GET', '/v1/things', {
      policy: 'show',
      handler: ({ query, queryString, version, baseUrl, id }) => ({
        status: 200,
        body: { names: [...(query['name'] ?? [])], queryString, version, baseUrl, id },
      }),
    }),
    route('POST', '/v1/things', {
      policy: 'make',
      body: thing,
      maxBodyBytes: 1000,
      faults: ['overQuota'],
      handler: ({ body }) => {
        const { name } = body as { name: string }; // validated by the schema
        if (name === 'one-too-many') return fault('overQuota', 'no room');
        if (name === 'illegal') return fault('gone', 'not among the faults of this route');
        if (name === 'bug') throw new Error('a bug');
        return {
          status: 201,
          body: { name },
          headers: { location: `/things/v1/things/${encodeURIComponent(name)}` },
        };
      },
    }),
    route('GET', '/v1/things/:name', {
      policy: 'show',
      faults: ['notFound'],
      handler: ({ params, auth, allows }) =>
        params['name'] === 'missing'
          ? fault('notFound', 'no such thing')
          : {
              status: 200,
              body: {
                name: params['name'],
                user: auth.userId,
                may: [allows('own'), allows('own', { project_id: 'p2' }), allows('nothing')],
              },
            },
    }),
    route('DELETE', '/v1/things/:name', {
      policy: 'make',
      handler: () => ({ status: 204 }),
    }),
    route('GET', '/v1/newer', {
      policy: 'show',
      since: 5,
      until: 9,
      handler: ({ version }) => ({ status: 200, body: { version } }),
    }),
    route('GET', '/v1/newer', {
      policy: 'show',
      since: 10,
      handler: ({ version }) => ({ status: 200, body: { since: 10, version } }),
    }),
    route('PUT', '/v1/files/*', {
      policy: 'make',
      streams: true,
      handler: async ({ stream, params }) => {
        let size = 0;
        for await (const chunk of stream as AsyncIterable<Buffer>) size += chunk.length;
        return { status: 200, body: { file: params['*'], size } };
      },
    }),
    route('GET', '/v1/files/*', {
      policy: 'show',
      handler: ({ params }) => ({
        status: 200,
        headers: { 'content-type': 'application/octet-stream' },
        body: Readable.from([Buffer.from('bytes of '), Buffer.from(params['*'] ?? '')]),
      }),
    }),
    route('POST', '/v1/boxes', {
      policy: 'make',
      handler: ({ body }) => ({ status: 200, body: (box = body) }),
    }),
    route('GET', '/v1/boxes', {
      policy: 'show',
      handler: () => ({ status: 200, body: box }),
    }),
    route('GET', '/v1/never', {
      policy: 'show',
      handler: async () => await new Promise<never>(() => undefined),
    }),
    route('GET', '/v1/never-whole', {
      policy: 'show',
      handler: () => {
        const body = new PassThrough();
        body.write('the beginning');
        return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body };
      },
    }),
    route('GET', '/v1/careless', {
      auth: 'none',
      policy: null,
      handler: ({ auth }) => ({ status: 200, body: auth.userId }),
    }),
  ],
};
