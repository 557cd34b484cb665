// Routes of the HA Service for coverage.test.ts: hosts belong to no project, so the routes are for
// administrators and agents.
import type { RouteCases } from './case.ts';

const hypervisor = '/api/hypervisors/:host';

export const ha: RouteCases = {
  mount: '/ha',
  own: {},
  adminsOnly: [
    'POST /api/heartbeats',
    'GET /api/hypervisors',
    `{GET,POST} ${hypervisor}`,
    `GET ${hypervisor}/plan`,
    `POST ${hypervisor}/acknowledge`,
  ],
  nobodys: {
    'a host speaks for itself, with a secret of its own': ['POST /api/hosts/:host/heartbeats'],
  },
};
