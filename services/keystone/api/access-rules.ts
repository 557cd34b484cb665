// /v3/users/{id}/access_rules: rules to which application credentials can be restricted.
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import { accessRulesOf, deleteAccessRule, findAccessRule } from '../store/access-rules.ts';
import { applicationCredentialsOf } from '../store/application-credentials.ts';
import type { AccessRuleRow } from '../store/tables.ts';
import type { Keystone } from './keystone.ts';
import { deniedToLent, deniedToTrustee } from './lent-rights.ts';
import { denied, notFound } from './permit.ts';
import { noContent, listed, shown, urlOf } from './replies.ts';

// Keystone wrote the column as a JSON array of ids.
export const idsIn = (json: string): string[] => JSON.parse(json) as string[];

export function accessRuleRoutes(k: Keystone): Route[] {
  const view = (
    request: ApiRequest<unknown>,
    { id, user_id: userId, service, method, path }: AccessRuleRow,
  ): JsonObject => ({
    id,
    service,
    method,
    path,
    links: { self: urlOf(request, `users/${userId}/access_rules/${id}`) } as Json,
  });
  async function find(
    request: ApiRequest<unknown>,
    policy: string,
  ): Promise<Outcome<AccessRuleRow>> {
    const { user_id: userId = '', id = '' } = request.params;
    const refusal =
      denied(request, policy, { user_id: userId }) ?? (await deniedToTrustee(k, request));
    if (refusal) return refusal;
    return (await findAccessRule(k.db, userId, id)) ?? notFound('access rule', id);
  }
  return [
    route('GET', '/v3/users/:user_id/access_rules', {
      policy: 'identity:list_access_rules',
      async handler(request) {
        const userId = request.params['user_id'] ?? '';
        const refusal =
          denied(request, 'identity:list_access_rules', { user_id: userId }) ??
          (await deniedToTrustee(k, request));
        if (refusal) return refusal;
        const rows = await accessRulesOf(k.db, userId);
        return listed(
          request,
          'access_rules',
          rows.map((row) => view(request, row)),
          ['service', 'path', 'method'],
        );
      },
    }),
    route('GET', '/v3/users/:user_id/access_rules/:id', {
      policy: 'identity:get_access_rule',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:get_access_rule');
        return isFault(row) ? row : shown('access_rule', view(request, row));
      },
    }),
    route('DELETE', '/v3/users/:user_id/access_rules/:id', {
      policy: 'identity:delete_access_rule',
      faults: ['notFound'],
      async handler(request) {
        const row =
          (await deniedToLent(k, request)) ?? (await find(request, 'identity:delete_access_rule'));
        if (isFault(row)) return row;
        const credentials = await applicationCredentialsOf(k.db, row.user_id);
        if (
          credentials.some(
            ({ access_rules: rules }) => rules !== null && idsIn(rules).includes(row.id),
          )
        )
          return fault('forbidden', 'The access rule is in use by an application credential.');
        await deleteAccessRule(k.db, row.id);
        return noContent;
      },
    }),
  ];
}
