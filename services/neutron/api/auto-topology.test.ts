import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Loose } from '#openstack/http/api.testing.ts';
import { neutronAudit } from '../store/audit.ts';
import { startNeutron } from './neutron-api.testing.ts';
import { seed } from './seed.ts';

const neutron = await startNeutron({ config: { publicCidr: '172.24.4.0/24' } });
const { ask, sure } = neutron;
after(async () => await neutron.close());
const path = 'auto-allocated-topology/project-b';

describe('a network for who asks for no more', () => {
  it('needs what the operator prepares', async () => {
    const answer = await ask('other', 'GET', path);
    assert.deepEqual(
      [answer.status, answer.body.NeutronError.type],
      [409, 'AutoAllocationFailure'],
    );
    await seed(neutron.deps);
    assert.deepEqual(await sure('other', 'GET', `${path}?fields=dry-run`), {
      id: 'dry-run=pass',
      tenant_id: 'project-b',
      project_id: 'project-b',
    });
  });
  it('is made once, with a way out, however many ask at once', async () => {
    const topologies: Loose[] = await Promise.all(
      [1, 2, 3].map(async () => await sure('other', 'GET', path)),
    );
    assert.equal(new Set(topologies.map(({ id }) => id)).size, 1);
    const own: Loose[] = await sure('other', 'GET', 'networks?project_id=project-b');
    assert.deepEqual(
      own.map(({ id }) => id),
      [topologies[0].id],
    );
    const [router] = await sure('other', 'GET', 'routers');
    assert.ok(router.external_gateway_info);
    const [subnet] = await sure('other', 'GET', 'subnets');
    assert.deepEqual(
      [
        subnet.cidr,
        (await sure('other', 'GET', `ports?device_id=${router.id}`))[0].fixed_ips[0].ip_address,
      ],
      ['10.96.0.0/24', subnet.gateway_ip],
    );
  });
  it('is not for another project, and an operator may make it for one', async () => {
    assert.equal((await ask('member', 'GET', path)).status, 403);
    assert.equal(
      (await sure('admin', 'GET', 'auto-allocated-topology/project-c')).project_id,
      'project-c',
    );
  });
  it('is deleted as a whole, unless it is used', async () => {
    const { id } = await sure('other', 'GET', path);
    const port = await sure('other', 'POST', 'ports', { port: { network_id: id } });
    assert.equal((await ask('other', 'DELETE', path)).status, 409);
    assert.equal((await sure('other', 'GET', 'routers')).length, 1, 'nothing was taken apart');
    await sure('other', 'DELETE', `ports/${port.id}`);
    assert.deepEqual(
      [(await ask('other', 'DELETE', path)).status, (await ask('other', 'DELETE', path)).status],
      [204, 204],
    );
    assert.deepEqual(
      [
        await sure('other', 'GET', 'networks?project_id=project-b'),
        await sure('other', 'GET', 'routers'),
      ],
      [[], []],
    );
    assert.deepEqual((await neutronAudit(neutron.deps.database.db)).inconsistencies, []);
  });
});
