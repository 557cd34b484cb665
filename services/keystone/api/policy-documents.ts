// /v3/policies: policy documents that operators store here. Keystone itself does not evaluate them.
import { Type, type Static } from 'typebox';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import {
  deletePolicyDocument,
  findPolicyDocument,
  insertPolicyDocument,
  listPolicyDocuments,
  updatePolicyDocument,
} from '../store/policy-documents.ts';
import type { PolicyRow } from '../store/tables.ts';
import { extraOf, nameOf, parsed, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { notFound } from './permit.ts';
import { queryValue, created, listed, shown, urlOf, showRoute, deleteRoute } from './replies.ts';

const columns = ['id', 'type', 'blob'];
const createBody = wrapped('policy', { type: nameOf(255), blob: Type.String() });
const updateBody = wrapped('policy', {
  type: Type.Optional(nameOf(255)),
  blob: Type.Optional(Type.String()),
});

export function policyDocumentRoutes(k: Keystone): Route[] {
  const view = (request: ApiRequest<unknown>, row: PolicyRow): JsonObject => ({
    ...parsed(row.extra),
    id: row.id,
    type: row.type,
    blob: row.blob,
    links: { self: urlOf(request, `policies/${row.id}`) },
  });
  async function find(request: ApiRequest<unknown>): Promise<Outcome<PolicyRow>> {
    const id = request.params['policy_id'] ?? '';
    return (await findPolicyDocument(k.db, id)) ?? notFound('policy', id);
  }
  return [
    route('GET', '/v3/policies', {
      policy: 'identity:list_policies',
      async handler(request) {
        const rows = await listPolicyDocuments(k.db, { type: queryValue(request, 'type') });
        return listed(
          request,
          'policies',
          rows.map((row) => view(request, row)),
          ['type'],
        );
      },
    }),
    route<Static<typeof createBody>>('POST', '/v3/policies', {
      policy: 'identity:create_policy',
      body: createBody,
      async handler(request) {
        const { policy } = request.body;
        const row: PolicyRow = {
          id: k.ids.hex(),
          type: policy.type,
          blob: policy.blob,
          extra: extraOf(policy, columns),
        };
        await insertPolicyDocument(k.db, row);
        return created('policy', view(request, row));
      },
    }),
    showRoute('/v3/policies/:policy_id', 'identity:get_policy', 'policy', find, view),
    route<Static<typeof updateBody>>('PATCH', '/v3/policies/:policy_id', {
      policy: 'identity:update_policy',
      body: updateBody,
      faults: ['notFound'],
      async handler(request) {
        const { policy } = request.body;
        const row = await find(request);
        if (isFault(row)) return row;
        const changes = {
          type: policy.type ?? row.type,
          blob: policy.blob ?? row.blob,
          extra: extraOf(policy, columns, row.extra),
        };
        await updatePolicyDocument(k.db, row.id, changes);
        return shown('policy', view(request, { ...row, ...changes }));
      },
    }),
    deleteRoute(
      '/v3/policies/:policy_id',
      'identity:delete_policy',
      find,
      async (row) => await deletePolicyDocument(k.db, row.id),
    ),
  ];
}
