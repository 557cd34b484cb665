// Cortex's routes, where it is enabled: for services and admins only.
import type { RouteCases } from './case.ts';

export const cortex: RouteCases = {
  mount: '/scheduler',
  own: {},
  adminsOnly: ['POST /{nova,cinder}/external', 'GET /decisions/:server_id', 'POST /rebalance'],
  nobodys: {},
};
