// Placement's routes for coverage.test.ts: for services and administrators only, except for a
// project's own usages.
import type { RouteCases } from './case.ts';

const provider = '/resource_providers/:uuid';

export const placement: RouteCases = {
  mount: '/placement',
  own: { 'GET /usages': { query: ({ projectId }) => `?project_id=${projectId}`, bob: 403 } },
  adminsOnly: [
    '{GET,POST} /resource_providers',
    `{GET,PUT,DELETE} ${provider}`,
    `{GET,PUT,POST,DELETE} ${provider}/inventories`,
    `{GET,PUT,DELETE} ${provider}/inventories/:class`,
    `{GET,PUT} ${provider}/aggregates`,
    `{GET,PUT,DELETE} ${provider}/traits`,
    `GET ${provider}/{allocations,usages}`,
    'GET /traits',
    '{GET,PUT,DELETE} /traits/:name',
    '{GET,POST} /resource_classes',
    '{GET,PUT,DELETE} /resource_classes/:name',
    '{GET,PUT,DELETE} /allocations/:consumer',
    'POST /allocations',
    'POST /reshaper',
    'GET /allocation_candidates',
  ],
  nobodys: { 'the version document, the same for all': ['GET /'] },
};
