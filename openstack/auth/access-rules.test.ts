// Which requests a token with access rules may make.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ruleAllows } from './access-rules.ts';

describe('access rules', () => {
  const rule = (path: string, method = 'GET', service = 'compute') => [{ service, method, path }];
  const cases: readonly [string, boolean, ReturnType<typeof rule> | null, string, string][] = [
    ['no rules: everything', true, null, 'DELETE', '/v2.1/servers/1'],
    ['an empty list: nothing', false, [], 'GET', '/v2.1/servers'],
    ['the same path', true, rule('/v2.1/servers'), 'GET', '/v2.1/servers'],
    ['a slash at the end', true, rule('/v2.1/servers'), 'GET', '/v2.1/servers/'],
    ['another method', false, rule('/v2.1/servers'), 'DELETE', '/v2.1/servers'],
    ['HEAD where GET is allowed', true, rule('/v2.1/servers'), 'HEAD', '/v2.1/servers'],
    ['GET where HEAD is allowed', false, rule('/v2.1/servers', 'HEAD'), 'GET', '/v2.1/servers'],
    ['another service', false, rule('/v2.1/servers', 'GET', 'image'), 'GET', '/v2.1/servers'],
    ['a longer path', false, rule('/v2.1/servers'), 'GET', '/v2.1/servers/1'],
    ['one segment by name', true, rule('/v2.1/servers/{server_id}'), 'GET', '/v2.1/servers/1'],
    ['one segment by star', true, rule('/v2.1/servers/*/tags'), 'GET', '/v2.1/servers/1/tags'],
    ['a star is not two segments', false, rule('/v2.1/servers/*'), 'GET', '/v2.1/servers/1/tags'],
    ['two stars are', true, rule('/v2.1/**'), 'GET', '/v2.1/servers/1/tags'],
    ['a dot is a dot', false, rule('/v2.1/servers'), 'GET', '/v2x1/servers'],
  ];
  for (const [name, expected, rules, method, path] of cases) {
    it(`${expected ? 'allow' : 'refuse'} ${name}`, () =>
      assert.equal(ruleAllows(rules, 'compute', method, path), expected));
  }
});

describe('access rules that are made to be slow', () => {
  it('are held against a path at once: a backtracking pattern takes longer than the sun shines', () => {
    const rules = Array.from({ length: 64 }, (_, index) => ({
      service: 'compute',
      method: 'GET',
      path: `/${'**a'.repeat(16)}b${index}`,
    }));
    const startedAt = process.threadCpuUsage();
    assert.equal(ruleAllows(rules, 'compute', 'GET', `/${'a'.repeat(400)}`), false);
    const { user } = process.threadCpuUsage(startedAt);
    assert.ok(user < 5_000_000, `${user} us`);
    assert.equal(ruleAllows(rules, 'compute', 'GET', `/${'a'.repeat(400)}b7`), true);
  });
  it('match nothing that is longer than any path', () =>
    assert.equal(
      ruleAllows(
        [{ service: 'compute', method: 'GET', path: '/**' }],
        'compute',
        'GET',
        `/${'a'.repeat(600)}`,
      ),
      false,
    ));
});
