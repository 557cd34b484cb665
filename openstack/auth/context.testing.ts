// An authenticated caller for tests of the HTTP edge.
import type { AuthContext } from './context.ts';

/** A reader of project p1 in the default domain; `change` overrides fields. */
export const testCaller = (change: Partial<AuthContext> = {}): AuthContext => ({
  userId: 'u1',
  userName: 'ann',
  userDomainId: 'default',
  projectId: 'p1',
  projectName: 'demo',
  projectDomainId: 'default',
  domainId: null,
  systemScope: false,
  roles: ['reader'],
  expiresAtMs: Infinity,
  token: '',
  appCredId: null,
  accessRules: null,
  ...change,
});
