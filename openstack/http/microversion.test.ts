// Negotiation as specified by the API special interest group:
// https://specs.openstack.org/openstack/api-sig/guidelines/microversion_specification.html
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { negotiate, versionHeaders } from './microversion.ts';

const compute = {
  type: 'compute',
  legacyHeader: 'x-openstack-nova-api-version',
  major: 2,
  min: 1,
  max: 96,
};
const placement = { type: 'placement', major: 1, min: 0, max: 39 };
const ask = (headers: Record<string, string>, range: Parameters<typeof negotiate>[0] = compute) =>
  negotiate(range, (name) => headers[name]);

describe('the microversion of a request', () => {
  it('is the oldest when none is asked for', () => assert.equal(ask({}), 1));
  it('is the newest for "latest"', () =>
    assert.equal(ask({ 'openstack-api-version': 'compute latest' }), 96));
  it('is read from the list of services', () =>
    assert.equal(
      ask({ 'openstack-api-version': 'placement 1.5, compute 2.37 ,identity 3.1' }),
      37,
    ));
  it('is not that of another service', () =>
    assert.equal(ask({ 'openstack-api-version': 'placement 1.5' }), 1));
  it('is read from the older header, the newer one first', () => {
    assert.equal(ask({ 'x-openstack-nova-api-version': '2.37' }), 37);
    assert.equal(
      ask({ 'x-openstack-nova-api-version': '2.37', 'openstack-api-version': 'compute 2.40' }),
      40,
    );
  });

  for (const version of ['2', '2.x', 'v2.1', '2.1.1', '']) {
    it(`cannot be "${version}"`, () => {
      const refusal = ask({ 'openstack-api-version': `compute ${version}` });
      assert.ok(isFault(refusal) && refusal.kind === 'badRequest');
    });
  }

  for (const version of ['2.0', '2.97', '1.5', '3.1']) {
    it(`${version} is out of range, and the range is told`, () => {
      const refusal = ask({ 'openstack-api-version': `compute ${version}` });
      assert.ok(isFault(refusal) && refusal.kind === 'notAcceptable');
      assert.deepEqual(refusal.detail, { max_version: '2.96', min_version: '2.1' });
    });
  }

  it('is told back in every header the service has', () => {
    assert.deepEqual(versionHeaders(placement, 36), {
      'openstack-api-version': 'placement 1.36',
      vary: 'OpenStack-API-Version',
    });
    assert.deepEqual(versionHeaders(compute, 90), {
      'openstack-api-version': 'compute 2.90',
      'x-openstack-nova-api-version': '2.90',
      vary: 'OpenStack-API-Version, X-OpenStack-Nova-API-Version',
    });
  });
});
