// Cortex's routes (where it is enabled) for coverage.test.ts: for services and administrators only.
import type { RouteCases } from './case.ts';

export const cortex: RouteCases = {
  mount: '/scheduler',
  own: {},
  adminsOnly: ['POST /{nova,cinder}/external', 'GET /decisions/:server_id', 'POST /rebalance'],
  nobodys: {},
};
