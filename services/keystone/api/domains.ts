// /v3/domains. A domain is stored as a project with is_domain = 1.
import { Type, type Static } from 'typebox';
import { fault, type Outcome } from '#contracts/common/fault.ts';
import { route, type Reply, type Route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import {
  deleteDomain,
  findDomain,
  insertProject,
  listProjects,
  tagsOf,
  updateProject,
} from '../store/projects.ts';
import type { ProjectRow } from '../store/tables.ts';
import { nameOf, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { deniedByImmutable } from './options.ts';
import { denied, enabledFilter, notFound, duplicateEntry } from './permit.ts';
import { changedFields, newFields, projectAttributes } from './project-fields.ts';
import { domainView } from './project-view.ts';
import { queryValue, created, noContent, listed, shown } from './replies.ts';

/** `explicit_domain_id` sets the new domain's id and is not stored as an attribute. */
const notKept = ['explicit_domain_id'];
const createBody = wrapped('domain', {
  name: nameOf(64),
  explicit_domain_id: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })),
  ...projectAttributes,
});
const updateBody = wrapped(
  'domain',
  { name: Type.Optional(nameOf(64)), ...projectAttributes },
  { minProperties: 1 },
);

export function domainRoutes(k: Keystone): Route[] {
  const tagsFor = async (row: ProjectRow): Promise<string[]> =>
    (await tagsOf(k.db, [row.id])).get(row.id) ?? [];

  return [
    route('GET', '/v3/domains', {
      policy: 'identity:list_domains',
      async handler(request) {
        const own = request.allows('admin_or_system_reader')
          ? undefined
          : (request.auth.domainId ?? '');
        const rows = await listProjects(k.db, {
          is_domain: 1,
          id: own,
          name: queryValue(request, 'name'),
          enabled: enabledFilter(request),
        });
        const byDomain = await tagsOf(
          k.db,
          rows.map((row) => row.id),
        );
        return listed(
          request,
          'domains',
          rows.map((row) => domainView(request, row, byDomain.get(row.id) ?? [])),
          ['name', 'enabled'],
        );
      },
    }),
    route<Static<typeof createBody>>('POST', '/v3/domains', {
      policy: 'identity:create_domain',
      body: createBody,
      faults: ['conflict'],
      async handler(request) {
        const { domain } = request.body;
        const row: ProjectRow = {
          id: domain.explicit_domain_id ?? k.ids.hex(),
          domain_id: '',
          parent_id: null,
          is_domain: 1,
          ...newFields(domain, notKept),
        };
        if (!(await insertProject(k.db, row, domain.tags ?? [])))
          return duplicateEntry('domain', row.name);
        return created('domain', domainView(request, row, domain.tags ?? []));
      },
    }),
    route('GET', '/v3/domains/:domain_id', {
      policy: 'identity:get_domain',
      objectPolicy: true,
      faults: ['notFound'],
      async handler(request) {
        const id = request.params['domain_id'] ?? '';
        const refusal = denied(request, 'identity:get_domain', { domain_id: id });
        if (refusal) return refusal;
        const row = await findDomain(k.db, id);
        return row
          ? shown('domain', domainView(request, row, await tagsFor(row)))
          : notFound('domain', id);
      },
    }),
    route<Static<typeof updateBody>>('PATCH', '/v3/domains/:domain_id', {
      policy: 'identity:update_domain',
      body: updateBody,
      faults: ['notFound', 'conflict'],
      async handler(request): Promise<Outcome<Reply>> {
        const id = request.params['domain_id'] ?? '';
        const { domain } = request.body;
        const row = await findDomain(k.db, id);
        if (!row) return notFound('domain', id);
        const wrong = deniedByImmutable('domain', row, domain);
        if (wrong) return wrong;
        if (id === 'default' && domain.enabled === false)
          return fault('forbidden', 'The default domain cannot be disabled.');
        const changes = changedFields(row, domain, notKept);
        if (!(await updateProject(k.db, row.id, changes, domain.tags)))
          return duplicateEntry('domain', changes.name ?? row.name);
        return shown('domain', domainView(request, { ...row, ...changes }, await tagsFor(row)));
      },
    }),
    route('DELETE', '/v3/domains/:domain_id', {
      policy: 'identity:delete_domain',
      faults: ['notFound'],
      async handler(request) {
        const id = request.params['domain_id'] ?? '';
        const row = await findDomain(k.db, id);
        if (!row) return notFound('domain', id);
        if (id === 'default') return fault('forbidden', 'The default domain cannot be deleted.');
        const wrong = deniedByImmutable('domain', row);
        if (wrong) return wrong;
        if (row.enabled)
          return fault(
            'forbidden',
            'Cannot delete a domain that is enabled, please disable it first.',
          );
        await transaction(k.db, (trx) => deleteDomain(trx, id));
        return noContent;
      },
    }),
  ];
}
