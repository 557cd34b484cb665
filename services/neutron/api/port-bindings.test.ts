// Further bindings of a port, which live migration prepares; for operators and other services only.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Loose } from '#openstack/http/api.testing.ts';
import { readFacts } from '../store/sdn-facts.ts';
import { startNeutron } from './neutron-api.testing.ts';

const neutron = await startNeutron();
const { ask, sure } = neutron;
after(async () => await neutron.close());

const server = '00000000-0000-4000-8000-00000000000a';
async function portAt(host: string, owner = 'compute:nova'): Promise<Loose> {
  const { id } = await sure('member', 'POST', 'networks', { network: {} });
  return await sure('admin', 'POST', 'ports', {
    port: { network_id: id, device_id: server, device_owner: owner, 'binding:host_id': host },
  });
}
const bind = async ({ id }: Loose, host: string, more: Loose = {}) =>
  await ask('admin', 'POST', `ports/${id}/bindings`, { binding: { host, ...more } });
const bindings = async ({ id }: Loose): Promise<Loose[]> =>
  (await ask('admin', 'GET', `ports/${id}/bindings`)).body.bindings;
const hostsOf = async (port: Loose): Promise<string[]> =>
  (await bindings(port)).map(({ host, status }) => `${host} ${status}`);
const wanted = async ({ id }: Loose): Promise<string[]> => {
  const none = new Set<string>();
  const subjects = { network: none, subnet: none, router: none, floating_ip: none };
  const { ports } = await readFacts(neutron.deps.database.db, {
    ...subjects,
    security_group: none,
    port: new Set([id]),
  });
  return ports.flatMap(({ host, furtherHosts }) => [host, ...furtherHosts]);
};

describe('the bindings of a port', () => {
  it('begin with the one where it is plugged in', async () => {
    const port = await portAt('h1');
    assert.deepEqual(
      (await bindings(port)).map(({ vif_details, ...rest }) => [rest, vif_details.bridge_name]),
      [
        [
          {
            host: 'h1',
            vif_type: 'ovs',
            vnic_type: 'normal',
            profile: {},
            status: 'ACTIVE',
            project_id: port.project_id,
          },
          'br-int',
        ],
      ],
    );
    assert.deepEqual(await bindings(await portAt('')), []);
  });

  it('move a port: bound on both hosts, activated on one, removed from the other', async () => {
    const port = await portAt('h1');
    const creation = await bind(port, 'h2', { profile: { why: 'a move' } });
    assert.equal(creation.status, 201);
    assert.equal(creation.body.binding.status, 'INACTIVE');
    assert.deepEqual(creation.body.binding.profile, { why: 'a move' });
    assert.deepEqual(await wanted(port), ['h1', 'h2']);
    assert.deepEqual(await hostsOf(port), ['h1 ACTIVE', 'h2 INACTIVE']);
    const shown = await ask('admin', 'GET', `ports/${port.id}`);
    assert.equal(shown.body.port['binding:host_id'], 'h1');

    const before = shown.body.port.revision_number;
    const activated = await ask('admin', 'PUT', `ports/${port.id}/bindings/h2/activate`, {});
    assert.equal(activated.status, 200, JSON.stringify(activated.body));
    assert.equal(activated.body.binding.status, 'ACTIVE');
    assert.deepEqual(await hostsOf(port), ['h2 ACTIVE', 'h1 INACTIVE']);
    assert.deepEqual(await wanted(port), ['h2'], 'the network delivers to the new host alone');
    const moved = (await ask('admin', 'GET', `ports/${port.id}`)).body.port;
    assert.equal(moved['binding:host_id'], 'h2');
    assert.deepEqual(moved['binding:profile'], { why: 'a move' });
    assert.ok(moved.revision_number > before);

    assert.equal((await ask('admin', 'DELETE', `ports/${port.id}/bindings/h1`)).status, 204);
    assert.deepEqual(await hostsOf(port), ['h2 ACTIVE']);
  });

  it('are changed and given up', async () => {
    const port = await portAt('h1');
    await bind(port, 'h2');
    const path = `ports/${port.id}/bindings/h2`;
    const changed = await ask('admin', 'PUT', path, { binding: { profile: { a: 1 } } });
    assert.deepEqual(changed.body.binding.profile, { a: 1 });
    assert.equal((await ask('admin', 'PUT', path, { binding: { host: 'h3' } })).status, 400);
    assert.equal((await ask('admin', 'DELETE', path)).status, 204);
    assert.deepEqual(await wanted(port), ['h1']);
    assert.equal((await ask('admin', 'DELETE', `ports/${port.id}/bindings/h1`)).status, 204);
    assert.equal(
      (await ask('admin', 'GET', `ports/${port.id}`)).body.port['binding:vif_type'],
      'unbound',
    );
    assert.equal((await bind(port, 'h3')).body.binding.status, 'ACTIVE', 'the first is active');
  });

  it('end with the port, and with its place on any host', async () => {
    const port = await portAt('h1');
    await bind(port, 'h2');
    await sure('admin', 'PUT', `ports/${port.id}`, { port: { 'binding:host_id': 'h2' } });
    assert.deepEqual(await hostsOf(port), ['h2 ACTIVE']);
    await bind(port, 'h3');
    await sure('admin', 'PUT', `ports/${port.id}`, { port: { 'binding:host_id': '' } });
    assert.deepEqual(await hostsOf(port), []);
    await bind(port, 'h4');
    await bind(port, 'h5');
    assert.equal((await ask('admin', 'DELETE', `ports/${port.id}`)).status, 204);
    const left = await neutron.deps.database.db.selectFrom('port_bindings').selectAll().execute();
    assert.deepEqual(
      left.filter(({ port_id }) => port_id === port.id),
      [],
    );
  });

  it('are refused as upstream does', async () => {
    const port = await portAt('h1');
    await bind(port, 'h2');
    const refusal = async (answer: Promise<{ status: number; body: Loose }>) => {
      const { status, body } = await answer;
      return `${status} ${body.NeutronError.type}`;
    };
    const at = `ports/${port.id}/bindings`;
    assert.equal(await refusal(bind(port, 'h2')), '409 PortBindingAlreadyExists');
    assert.equal(await refusal(bind(port, 'h1')), '409 PortBindingAlreadyExists');
    assert.equal(
      await refusal(ask('admin', 'PUT', `${at}/h1/activate`, {})),
      '409 PortBindingAlreadyActive',
    );
    for (const [method, path] of [
      ['PUT', `${at}/h9/activate`],
      ['DELETE', `${at}/h9`],
      ['GET', `${at}/h9`],
    ] as const)
      assert.equal(await refusal(ask('admin', method, path, {})), '404 PortBindingNotFound', path);
    assert.equal(await refusal(bind({ id: server }, 'h1')), '404 PortNotFound');
    assert.equal(
      await refusal(bind(await portAt('h1', 'network:dhcp'), 'h2')),
      '409 UnsupportedPortDeviceOwner',
    );
    assert.equal((await ask('admin', 'POST', at, { binding: {} })).status, 400);
    assert.equal((await ask('admin', 'POST', at, { binding: { host: 'h3', x: 1 } })).status, 400);
    assert.equal((await ask('admin', 'POST', at, {})).status, 400);
    assert.equal((await ask('member', 'GET', at)).status, 403);
    assert.equal((await ask('member', 'PUT', `${at}/h2/activate`, {})).status, 403);
  });
});
