// A domain-scoped token is valid only in its domain: in services without domains, the roles admin
// and service of such a token allow no more than a token without roles.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuthContext } from '#openstack/auth/context.ts';
import { createPolicy } from '#openstack/policy/policy.ts';
import { policies as cinder } from '#services/cinder/api/policies.ts';
import { policies as glance } from '#services/glance/api/policies.ts';
import { policies as neutron } from '#services/neutron/api/policies.ts';
import { policies as nova } from '#services/nova/api/policies.ts';
import { policies as placement } from '#services/placement/api/policies.ts';

const tokenOf = (roles: string[], scope: Partial<AuthContext>): AuthContext => ({
  userId: 'u',
  userName: 'u',
  userDomainId: 'd',
  projectId: null,
  projectName: null,
  projectDomainId: null,
  domainId: null,
  systemScope: false,
  roles,
  expiresAtMs: Infinity,
  token: 't',
  appCredId: null,
  accessRules: null,
  ...scope,
});
const foreign = {
  project_id: 'p',
  user_id: 'other',
  owner: 'p',
  member_id: 'm',
  visibility: 'private',
};

describe('a token of a domain', () => {
  for (const [name, rules] of Object.entries({ cinder, glance, neutron, nova, placement })) {
    it(`opens nothing in ${name} by the roles admin and service`, () => {
      const policy = createPolicy(rules);
      const [mighty, bare, project] = [
        tokenOf(['admin', 'service'], { domainId: 'd' }),
        tokenOf([], { domainId: 'd' }),
        tokenOf(['admin'], { projectId: 'a', projectName: 'a', projectDomainId: 'd' }),
      ];
      const names = [...policy.rules().keys()];
      assert.deepEqual(
        names.filter(
          (rule) => policy.allows(rule, mighty, foreign) !== policy.allows(rule, bare, foreign),
        ),
        [],
      );
      const closed = names.filter(
        (rule) => !policy.allows(rule, bare, foreign) && policy.allows(rule, project, foreign),
      );
      assert.ok(closed.length > 10, 'which an administrator of a project can do');
    });
  }
});
