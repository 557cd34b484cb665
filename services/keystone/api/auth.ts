// /v3/auth: issues, shows and revokes tokens; lists the projects and domains that the caller can
// scope to.
import { Type, type Static } from 'typebox';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Reply, type Route } from '#openstack/http/route.ts';
import { reachableBy } from '../store/assignments.ts';
import { catalogFor } from '../store/catalog.ts';
import { tagsOf } from '../store/projects.ts';
import { findUser } from '../store/users.ts';
import type { Keystone } from './keystone.ts';
import { projectView, domainView } from './project-view.ts';
import { listed, urlOf } from './replies.ts';
import { authenticate, type AuthRequest } from './tokens/authenticate.ts';
import type { TokenFacts } from './tokens/token-facts.ts';

const ref = { id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) };
const userRef = { ...ref, domain: Type.Optional(Type.Object(ref)) };
const authBody = Type.Object({
  auth: Type.Object({
    identity: Type.Object({
      methods: Type.Array(Type.String(), { minItems: 1 }),
      password: Type.Optional(
        Type.Object({ user: Type.Object({ ...userRef, password: Type.String() }) }),
      ),
      token: Type.Optional(Type.Object({ id: Type.String() })),
      application_credential: Type.Optional(
        Type.Object({ ...ref, secret: Type.String(), user: Type.Optional(Type.Object(userRef)) }),
      ),
    }),
    scope: Type.Optional(
      Type.Union([
        Type.Literal('unscoped'),
        Type.Object({
          project: Type.Optional(Type.Object(userRef)),
          domain: Type.Optional(Type.Object(ref)),
          system: Type.Optional(Type.Object({ all: Type.Optional(Type.Boolean()) })),
          unscoped: Type.Optional(Type.Object({})),
          'OS-TRUST:trust': Type.Optional(Type.Object({ id: Type.String() })),
        }),
      ]),
    ),
  }),
});

export function tokenRoutes(k: Keystone): Route[] {
  async function answer(
    request: ApiRequest<unknown>,
    facts: TokenFacts,
    token: string,
    status: number,
  ): Promise<Reply> {
    const body = await k.tokens.show(facts, request.query['nocatalog'] === undefined);
    return { status, body, headers: { 'x-subject-token': token, vary: 'X-Auth-Token' } };
  }

  /** The token in X-Subject-Token. notFound: it is not valid, or not any more. */
  async function subject(
    request: ApiRequest<unknown>,
    rule: string,
  ): Promise<Outcome<{ facts: TokenFacts; token: string }>> {
    const token = request.header('x-subject-token');
    if (!token) return fault('badRequest', 'The header X-Subject-Token is required.');
    const facts = await k.tokens.open(token);
    if (isFault(facts)) return fault('notFound', 'Could not find token.');
    if (!request.allows(rule, { user_id: facts.user.id }))
      return fault('forbidden', `You are not authorized to perform the requested action: ${rule}.`);
    return { facts, token };
  }

  return [
    route<Static<typeof authBody>>('POST', '/v3/auth/tokens', {
      auth: 'none',
      policy: null,
      body: authBody,
      faults: ['tooManyRequests'],
      async handler(request) {
        const noToken = (outcome: { message: string }) =>
          fault('unauthorized', outcome.message, { identityUrl: request.baseUrl });
        // validated by the schema
        const payload = await authenticate(k, request.body.auth as AuthRequest, request.source);
        if (isFault(payload)) return payload.kind === 'unauthorized' ? noToken(payload) : payload;
        const facts = await k.tokens.factsOf(payload);
        if (isFault(facts)) return noToken(facts);
        return await answer(request, facts, k.tokens.seal(payload), 201);
      },
    }),
    ...(['GET', 'HEAD'] as const).map((method) =>
      route(method, '/v3/auth/tokens', {
        policy: method === 'GET' ? 'identity:validate_token' : 'identity:check_token',
        objectPolicy: true,
        faults: ['notFound'],
        async handler(request) {
          const tokenSubject = await subject(
            request,
            method === 'GET' ? 'identity:validate_token' : 'identity:check_token',
          );
          return isFault(tokenSubject)
            ? tokenSubject
            : await answer(request, tokenSubject.facts, tokenSubject.token, 200);
        },
      }),
    ),
    route('DELETE', '/v3/auth/tokens', {
      policy: 'identity:revoke_token',
      objectPolicy: true,
      faults: ['notFound'],
      async handler(request) {
        const tokenSubject = await subject(request, 'identity:revoke_token');
        if (isFault(tokenSubject)) return tokenSubject;
        await k.tokens.revoke(tokenSubject.facts.payload);
        return { status: 204 };
      },
    }),
    route('GET', '/v3/auth/catalog', {
      policy: 'identity:get_auth_catalog',
      async handler(request) {
        const { auth } = request;
        if (auth.projectId === null && auth.domainId === null && !auth.systemScope)
          return fault('forbidden', 'A scoped token is required to see the catalog.');
        // plain JSON data
        const catalog = (await catalogFor(k.db, auth.userId, auth.projectId)) as unknown as Json;
        return {
          status: 200,
          body: {
            catalog,
            links: { next: null, self: urlOf(request, 'auth/catalog'), previous: null },
          },
        };
      },
    }),
    ...['/v3/auth/projects', '/v3/users/:user_id/projects'].map((path) =>
      route('GET', path, {
        policy: path.startsWith('/v3/auth')
          ? 'identity:get_auth_projects'
          : 'identity:list_user_projects',
        faults: ['notFound'],
        async handler(request) {
          const userId = request.params['user_id'] ?? request.auth.userId;
          const user = await findUser(k.db, userId);
          const isAllowed =
            path.startsWith('/v3/auth') ||
            request.allows('identity:list_user_projects', {
              user_id: userId,
              domain_id: user?.domain_id,
            });
          if (!isAllowed) return fault('forbidden', 'You may list your own projects only.');
          if (!user) return fault('notFound', `Could not find user: ${userId}.`);
          const { projects } = await reachableBy(k.db, userId);
          const tags = await tagsOf(
            k.db,
            projects.map((project) => project.id),
          );
          const views = projects.map((project) =>
            projectView(request, project, tags.get(project.id) ?? []),
          );
          return listed(
            request,
            'projects',
            views,
            path.startsWith('/v3/auth') ? [] : ['domain_id', 'enabled', 'name'],
          );
        },
      }),
    ),
    route('GET', '/v3/auth/domains', {
      policy: 'identity:get_auth_domains',
      async handler(request) {
        const { domains } = await reachableBy(k.db, request.auth.userId);
        return listed(
          request,
          'domains',
          domains.map((domain) => domainView(request, domain, [])),
        );
      },
    }),
    route('GET', '/v3/auth/system', {
      policy: 'identity:get_auth_system',
      async handler(request) {
        const { system } = await reachableBy(k.db, request.auth.userId);
        const items: JsonObject[] = system ? [{ all: true }] : [];
        return {
          status: 200,
          body: { system: items, links: { self: urlOf(request, 'auth/system') } },
        };
      },
    }),
  ];
}
