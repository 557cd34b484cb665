// /v3/groups and their members.
import { Type, type Static } from 'typebox';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import { route, type ApiRequest, type Reply, type Route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import { type HttpMethod } from '#platform/http/messages.ts';
import { domainOfActor } from '../store/actors.ts';
import {
  addMember,
  deleteGroups,
  findGroup,
  insertGroup,
  isMember,
  listGroups,
  removeMember,
  updateGroup,
  usersInGroup,
} from '../store/groups.ts';
import { findDomain } from '../store/projects.ts';
import type { GroupRow } from '../store/tables.ts';
import { groupView, userView } from './actor-view.ts';
import { extraOf, idText, nameOf, text, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { badExpiryFilter } from './password-expiry-filter.ts';
import { denied, homeDomain, listDomain, notFound, duplicateEntry } from './permit.ts';
import { queryValue, created, noContent, listed, shown } from './replies.ts';

const columns = ['id', 'name', 'domain_id', 'description'];
const createBody = wrapped('group', {
  name: nameOf(64),
  domain_id: Type.Optional(idText),
  description: Type.Optional(text),
});
const updateBody = wrapped(
  'group',
  {
    name: Type.Optional(nameOf(64)),
    domain_id: Type.Optional(idText),
    description: Type.Optional(text),
  },
  { minProperties: 1 },
);

export function groupRoutes(k: Keystone): Route[] {
  async function find(request: ApiRequest<unknown>, rule: string): Promise<Outcome<GroupRow>> {
    const id = request.params['group_id'] ?? '';
    const row = await findGroup(k.db, id);
    return denied(request, rule, { domain_id: row?.domain_id }) ?? row ?? notFound('group', id);
  }

  /** A route on one member of a group; both must exist, otherwise 404. */
  const member = (
    method: HttpMethod,
    rule: string,
    act: (groupId: string, userId: string) => Promise<Outcome<Reply>>,
  ): Route =>
    route(method, '/v3/groups/:group_id/users/:user_id', {
      policy: rule,
      objectPolicy: true,
      faults: ['notFound'],
      async handler(request) {
        const { group_id: groupId = '', user_id: userId = '' } = request.params;
        const groupDomain = await domainOfActor(k.db, 'group', groupId);
        const userDomain = await domainOfActor(k.db, 'user', userId);
        const refusal = denied(request, rule, {
          domain_id: groupDomain,
          member_domain_id: userDomain,
        });
        if (refusal) return refusal;
        if (groupDomain === undefined) return notFound('group', groupId);
        return userDomain === undefined ? notFound('user', userId) : await act(groupId, userId);
      },
    });

  return [
    route('GET', '/v3/groups', {
      policy: 'identity:list_groups',
      async handler(request) {
        const rows = await listGroups(k.db, {
          name: queryValue(request, 'name'),
          domain_id: listDomain(request),
        });
        return listed(
          request,
          'groups',
          rows.map((row) => groupView(request, row)),
          ['domain_id', 'name'],
        );
      },
    }),
    route<Static<typeof createBody>>('POST', '/v3/groups', {
      policy: 'identity:create_group',
      body: createBody,
      faults: ['conflict', 'notFound'],
      async handler(request) {
        const { group } = request.body;
        const domainId = group.domain_id ?? homeDomain(request);
        const refusal = denied(request, 'identity:create_group', { domain_id: domainId });
        if (refusal) return refusal;
        if (!(await findDomain(k.db, domainId))) return notFound('domain', domainId);
        const row: GroupRow = {
          id: k.ids.hex(),
          name: group.name.trim(),
          domain_id: domainId,
          description: group.description ?? '',
          extra: extraOf(group, columns),
        };
        if (!(await insertGroup(k.db, row))) return duplicateEntry('group', row.name);
        return created('group', groupView(request, row));
      },
    }),
    route('GET', '/v3/groups/:group_id', {
      policy: 'identity:get_group',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:get_group');
        return isFault(row) ? row : shown('group', groupView(request, row));
      },
    }),
    route<Static<typeof updateBody>>('PATCH', '/v3/groups/:group_id', {
      policy: 'identity:update_group',
      body: updateBody,
      faults: ['notFound', 'conflict'],
      async handler(request) {
        const { group } = request.body;
        const row = await find(request, 'identity:update_group');
        if (isFault(row)) return row;
        const changes = {
          ...(group.name !== undefined && { name: group.name.trim() }),
          ...(group.description !== undefined && { description: group.description ?? '' }),
          extra: extraOf(group, columns, row.extra),
        };
        if (!(await updateGroup(k.db, row.id, changes)))
          return duplicateEntry('group', changes.name ?? row.name);
        return shown('group', groupView(request, { ...row, ...changes }));
      },
    }),
    route('DELETE', '/v3/groups/:group_id', {
      policy: 'identity:delete_group',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:delete_group');
        if (isFault(row)) return row;
        await transaction(k.db, (trx) => deleteGroups(trx, [row.id]));
        return noContent;
      },
    }),
    route('GET', '/v3/groups/:group_id/users', {
      policy: 'identity:list_users_in_group',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:list_users_in_group');
        if (isFault(row)) return row;
        const users = await usersInGroup(k.db, row.id);
        return (
          badExpiryFilter(request) ??
          listed(
            request,
            'users',
            users.map((user) => userView(request, user)),
            ['domain_id', 'enabled', 'name', 'password_expires_at'],
          )
        );
      },
    }),
    member('PUT', 'identity:add_user_to_group', async (groupId, userId) => {
      await addMember(k.db, groupId, userId);
      return noContent;
    }),
    member('HEAD', 'identity:check_user_in_group', async (groupId, userId) =>
      (await isMember(k.db, groupId, userId)) ? noContent : notFound('user in group', userId),
    ),
    member('GET', 'identity:check_user_in_group', async (groupId, userId) =>
      (await isMember(k.db, groupId, userId)) ? noContent : notFound('user in group', userId),
    ),
    member('DELETE', 'identity:remove_user_from_group', async (groupId, userId) =>
      (await removeMember(k.db, groupId, userId)) ? noContent : notFound('user in group', userId),
    ),
  ];
}
