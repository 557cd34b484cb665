// Routes of masakari's API for coverage.test.ts: segments and hosts belong to no project, so they
// are for administrators.
import type { RouteCases } from './case.ts';

const segment = '/v1/segments/:segment';
const notification = '/v1/notifications/:notification';

export const masakari: RouteCases = {
  mount: '/instance-ha',
  own: {},
  adminsOnly: [
    '{GET,POST} /v1/segments',
    `{GET,PUT,DELETE} ${segment}`,
    `{GET,POST} ${segment}/hosts`,
    `{GET,PUT,DELETE} ${segment}/hosts/:host`,
    '{GET,POST} /v1/notifications',
    `GET ${notification}`,
    `GET ${notification}/vmoves`,
    `GET ${notification}/vmoves/:vmove`,
  ],
  nobodys: { 'the version documents, the same for all': ['GET /', 'GET /v1'] },
};
