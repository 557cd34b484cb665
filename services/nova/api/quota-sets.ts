// Quota sets of projects and users, the default quota class, and usage.
// https://docs.openstack.org/api-ref/compute/#quota-sets-os-quota-sets and
// #quota-class-sets-os-quota-class-sets
import Type from 'typebox';
import type { TSchema } from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { booleanOf, booleanSchema } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { NovaDeps } from '../deps.ts';
import {
  checkLimits,
  quotaClassWords,
  quotaDocument,
  quotaSetWords,
  resourcesIn,
} from '../domain/quota-set.ts';
import type { QuotaWords } from '../domain/quota-set.ts';
import { unlimited } from '../domain/quota.ts';
import type { QuotaLimits, QuotaResource } from '../domain/quota.ts';
import { countKeypairs } from '../store/keypairs.ts';
import {
  classKey,
  classLimits,
  clearQuotas,
  defaultClass,
  quotaLimits,
  quotaUsage,
  setQuotas,
} from '../store/quotas.ts';
import { countServerGroups } from '../store/server-groups.ts';
import type { NovaDb } from '../store/servers.ts';
import { checkProject } from './check-project.ts';
import { numberSchema } from './field-schemas.ts';
import { first } from './request.ts';

type Limit = number | string;
type SetBody = { quota_set: Partial<Record<QuotaResource, Limit>> & { force?: boolean | string } };
type ClassBody = { quota_class_set: Partial<Record<QuotaResource, Limit>> };

const strict = { additionalProperties: false };
const limits = (version: number, words: QuotaWords): Record<string, TSchema> => {
  const { own, networks } = resourcesIn(version, words);
  return Object.fromEntries(
    [...own, ...networks].map((name) => [name, Type.Optional(numberSchema(-1))]),
  );
};
const setBody = [0, 36, 57].map((from) => ({
  from,
  schema: Type.Object(
    {
      quota_set: Type.Object(
        {
          ...limits(from, quotaSetWords),
          tenant_id: Type.Optional(Type.Any()),
          force: Type.Optional(booleanSchema),
        },
        strict,
      ),
    },
    strict,
  ),
}));
// Server group quotas could already be set before 2.50, which first showed them.
const classBody = [0, 50, 57].map((from) => ({
  from,
  schema: Type.Object(
    {
      quota_class_set: Type.Object(
        { ...limits(from, { ...quotaClassWords, groupsSince: 0 }), id: Type.Optional(Type.Any()) },
        { ...strict, minProperties: 1 },
      ),
    },
    strict,
  ),
}));

/** Length limit: class names are stored in the same column as project ids. */
const maxClassName = 50;
const path = '/v2.1/os-quota-sets/:id';
const api = (name: string): string => `os_compute_api:${name}`;

export function quotaSetRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;

  /**
   * The project id of the path. forbidden: policy `rule` denies the caller access to it;
   * badRequest: no such project.
   */
  async function project(request: ApiRequest<unknown>, rule: string): Promise<Outcome<string>> {
    const id = request.params['id'] ?? '';
    if (!request.allows(rule, { project_id: id }))
      return fault('forbidden', `Policy doesn't allow ${rule} to be performed.`);
    return id === request.auth.projectId ? id : ((await checkProject(deps, request, id)) ?? id);
  }
  const document = (
    request: ApiRequest<unknown>,
    of: (resource: QuotaResource | 'network') => Json,
  ): JsonObject => quotaDocument(request.version, quotaSetWords, of);
  const limitsOnly = (request: ApiRequest<unknown>, now: QuotaLimits): JsonObject =>
    document(request, (resource) => (resource === 'network' ? unlimited : now[resource]));

  return [
    route('GET', path, {
      policy: null,
      handler: async (request) => {
        const id = await project(request, api('os-quota-sets:show'));
        if (isFault(id)) return id;
        return {
          status: 200,
          body: {
            quota_set: {
              id,
              ...limitsOnly(request, await quotaLimits(db, id, first(request, 'user_id'))),
            },
          },
        };
      },
    }),
    route('GET', `${path}/defaults`, {
      policy: api('os-quota-sets:defaults'),
      handler: async (request) => {
        const id = await project(request, api('os-quota-sets:defaults'));
        if (isFault(id)) return id;
        return {
          status: 200,
          body: { quota_set: { id, ...limitsOnly(request, await quotaLimits(db, defaultClass)) } },
        };
      },
    }),
    route('GET', `${path}/detail`, {
      policy: null,
      handler: async (request) => {
        const id = await project(request, api('os-quota-sets:detail'));
        if (isFault(id)) return id;
        const userId = first(request, 'user_id');
        const [now, used] = [await quotaLimits(db, id, userId), await usage(db, id, userId)];
        return {
          status: 200,
          body: {
            quota_set: {
              id,
              ...document(request, (resource) => ({
                limit: resource === 'network' ? unlimited : now[resource],
                in_use: resource === 'network' ? 0 : (used[resource] ?? 0),
                reserved: 0,
              })),
            },
          },
        };
      },
    }),
    route<SetBody>('PUT', path, {
      policy: api('os-quota-sets:update'),
      body: setBody,
      handler: async (request) => {
        const id = await project(request, api('os-quota-sets:update'));
        if (isFault(id)) return id;
        const userId = first(request, 'user_id');
        const wanted = ownLimits(request.body.quota_set, request.version, quotaSetWords);
        const force = booleanOf(String(request.body.quota_set.force ?? false)) ?? false;
        const wrong = await transaction(db, async (trx) => {
          const facts = {
            used: await usage(trx, id, userId),
            project: userId === undefined ? null : await quotaLimits(trx, id),
            force,
          };
          const refusal = checkLimits(wanted, facts);
          if (!refusal) await setQuotas(trx, id, userId ?? '', wanted);
          return refusal;
        });
        return (
          wrong ?? {
            status: 200,
            body: { quota_set: limitsOnly(request, await quotaLimits(db, id, userId)) },
          }
        );
      },
    }),
    route('DELETE', path, {
      policy: api('os-quota-sets:delete'),
      handler: async (request) => {
        await clearQuotas(db, request.params['id'] ?? '', first(request, 'user_id'));
        deps.log.info(
          { project: request.params['id'], req: request.id },
          'quotas back to their defaults',
        );
        return { status: 202 };
      },
    }),
    route('GET', '/v2.1/os-quota-class-sets/:id', {
      policy: api('os-quota-class-sets:show'),
      handler: async (request) => ({
        status: 200,
        body: {
          quota_class_set: {
            id: request.params['id'],
            ...classDocument(request, await classLimits(db, request.params['id'] ?? '')),
          },
        },
      }),
    }),
    route<ClassBody>('PUT', '/v2.1/os-quota-class-sets/:id', {
      policy: api('os-quota-class-sets:update'),
      body: classBody,
      handler: async (request) => {
        const name = request.params['id'] ?? '';
        if (name.length > maxClassName)
          return fault(
            'badRequest',
            `Invalid quota class name: it has more than ${maxClassName} characters.`,
          );
        await setQuotas(
          db,
          classKey(name),
          '',
          ownLimits(request.body.quota_class_set, request.version, {
            ...quotaClassWords,
            groupsSince: 0,
          }),
        );
        return {
          status: 200,
          body: { quota_class_set: classDocument(request, await classLimits(db, name)) },
        };
      },
    }),
  ];
}

const classDocument = (request: ApiRequest<unknown>, now: QuotaLimits): JsonObject =>
  quotaDocument(request.version, quotaClassWords, (resource): Json =>
    resource === 'network' ? unlimited : now[resource],
  );

function ownLimits(
  input: Partial<Record<QuotaResource, Limit>>,
  version: number,
  words: QuotaWords,
): Partial<QuotaLimits> {
  return Object.fromEntries(
    resourcesIn(version, words).own.flatMap((resource) =>
      input[resource] === undefined ? [] : [[resource, Number(input[resource])]],
    ),
  );
}

/** Keypairs are counted per user; without a user Nova reports 0. */
async function usage(
  db: NovaDb,
  projectId: string,
  userId: string | undefined,
): Promise<Partial<QuotaLimits>> {
  return {
    ...(await quotaUsage(db, projectId, userId)),
    server_groups: await countServerGroups(db, projectId, userId),
    ...(userId !== undefined && { key_pairs: await countKeypairs(db, userId) }),
  };
}
