// oslo.policy's language as used by Nova, Glance and Keystone. Grammar:
// https://docs.openstack.org/oslo.policy/latest/reference/api/oslo_policy.policy.html
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testCaller } from '../auth/context.testing.ts';
import type { AuthContext } from '../auth/context.ts';
import type { PolicyTarget } from './policy.ts';
import { createPolicy } from './policy.ts';

const who = (change: Partial<AuthContext> = {}): AuthContext =>
  testCaller({ roles: ['member', 'reader'], ...change });
const admin = who({ roles: ['admin', 'member', 'reader'] });
const allows = (rule: string, caller = who(), target: PolicyTarget = {}): boolean =>
  createPolicy({ rule }).allows('rule', caller, target);

describe('a policy rule', () => {
  const cases: readonly [
    rule: string,
    yes: [AuthContext, PolicyTarget?][],
    no: [AuthContext, PolicyTarget?][],
  ][] = [
    ['', [[who()]], []],
    ['@', [[who()]], []],
    ['!', [], [[admin]]],
    ['role:admin', [[admin]], [[who()]]],
    ['role:ADMIN', [[admin]], [[who()]]],
    ['not role:admin', [[who()]], [[admin]]],
    [
      'project_id:%(project_id)s',
      [[who(), { project_id: 'p1' }]],
      [[who(), { project_id: 'p2' }], [who()], [who({ projectId: null }), { project_id: null }]],
    ],
    ['user_id:%(user_id)s', [[who(), { user_id: 'u1' }]], [[who(), { user_id: 'u2' }]]],
    ['tenant:%(tenant_id)s', [[who(), { tenant_id: 'p1' }]], [[who(), { tenant_id: 'p2' }]]],
    ['system_scope:all', [[who({ systemScope: true })]], [[admin]]],
    ['is_admin:True', [[admin]], [[who()]]],
    [
      "'public':%(visibility)s",
      [[who(), { visibility: 'public' }]],
      [[who(), { visibility: 'private' }], [who()]],
    ],
    ["'True':%(shared)s", [[who(), { shared: 'True' }]], [[who(), { shared: 'False' }]]],
    [
      'domain_id:%(target.domain.id)s',
      [[who({ domainId: 'd1' }), { 'target.domain.id': 'd1' }]],
      [[who(), { 'target.domain.id': 'd1' }]],
    ],
    [
      'role:admin or role:reader and project_id:%(project_id)s',
      [
        [admin, { project_id: 'p2' }],
        [who(), { project_id: 'p1' }],
      ],
      [[who(), { project_id: 'p2' }]],
    ],
    [
      '(role:admin or role:reader) and project_id:%(project_id)s',
      [[admin, { project_id: 'p1' }]],
      [[admin, { project_id: 'p2' }]],
    ],
    ['not (role:admin or role:member)', [[who({ roles: ['reader'] })]], [[who()], [admin]]],
    ['colour:blue', [], [[admin]]],
  ];
  for (const [rule, yes, no] of cases) {
    it(`"${rule}" admits ${yes.length} and refuses ${no.length}`, () => {
      for (const [caller, target] of yes)
        assert.ok(allows(rule, caller, target), `${caller.roles.join()} ${JSON.stringify(target)}`);
      for (const [caller, target] of no)
        assert.ok(
          !allows(rule, caller, target),
          `${caller.roles.join()} ${JSON.stringify(target)}`,
        );
    });
  }

  it('stands on other rules, whatever their order', () => {
    const policy = createPolicy({
      show: 'rule:admin_or_owner',
      admin_or_owner: 'role:admin or project_id:%(project_id)s',
    });
    assert.ok(policy.allows('show', admin, { project_id: 'p9' }));
    assert.ok(policy.allows('show', who(), { project_id: 'p1' }));
    assert.ok(!policy.allows('show', who(), { project_id: 'p9' }));
    assert.deepEqual([...policy.rules().keys()], ['show', 'admin_or_owner']);
  });

  it('that nobody wrote refuses everybody', () =>
    assert.ok(!createPolicy({}).allows('nothing', admin, {})));

  for (const [wrong, why] of [
    ['role:admin or', /ends too early/],
    ['(role:admin', /lacks a \)/],
    ['admin', /is no check/],
    ['rule:missing', /unknown rule missing/],
    ['role:admin role:member', /stray/],
  ] as const) {
    it(`"${wrong}" does not start`, () =>
      assert.throws(
        () => createPolicy({ broken: wrong }),
        (error: Error) => error.message.includes('broken') && why.test(error.message),
      ));
  }
});
