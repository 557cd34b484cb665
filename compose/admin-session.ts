// A Keystone session of the cloud's administrator, for components that do not act for a tenant.
import { createServiceSession } from '#openstack/auth/service-session.ts';
import type { ServiceSession } from '#openstack/auth/service-session.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import type { Clock } from '#platform/clock.ts';
import type { Secrets } from './home.ts';

export const adminSession = (
  http: HttpClient,
  clock: Clock,
  { admin }: Pick<Secrets, 'admin'>,
): ServiceSession =>
  createServiceSession({
    http,
    clock,
    user: { name: 'admin', password: admin, project: 'admin' },
  });
