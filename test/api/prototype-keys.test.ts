// Names that every JavaScript object has, as keys and names chosen by tenants: each service stores
// and shows them like any other name, and no other user is affected. (A tenant's key `constructor`
// in volume metadata once made the volume summary a 500, for administrators too.)
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import type { ApiCloud, Loose } from './api-cloud.ts';
import { startApiCloud } from './api-cloud.ts';

const names = ['constructor', '__proto__', 'toString', 'valueOf', 'hasOwnProperty'];
/**
 * A map with all these names. Made by JSON.parse, since `{__proto__: …}` in source code would set
 * the prototype.
 */
const hostile = JSON.parse(`{${names.map((name) => `"${name}":"${name}"`).join(',')}}`) as Record<
  string,
  string
>; // cast: a flat object of strings
const keeps = (map: Loose): void => {
  for (const name of names) assert.equal(Object.hasOwn(map, name) ? map[name] : 'nothing', name);
};

let cloud: ApiCloud;
before(async () => void (cloud = await startApiCloud({ cortex: true })));
after(async () => await cloud.stop());

describe('names of every object are names like any other', () => {
  it('in cinder: metadata of volumes and snapshots, their summary, extra specs', async () => {
    const { volume } = await cloud.sure(
      cloud.alice,
      'POST',
      '/volume/v3/volumes',
      { volume: { size: 1, metadata: hostile } },
      59,
    );
    keeps(volume.metadata);
    keeps(
      (
        await cloud.sure(
          cloud.alice,
          'POST',
          `/volume/v3/volumes/${volume.id}/metadata`,
          { metadata: hostile },
          59,
        )
      ).metadata,
    );
    for (const name of names)
      assert.equal(
        (await cloud.sure(cloud.alice, 'GET', `/volume/v3/volumes/${volume.id}/metadata/${name}`))
          .meta[name],
        name,
      );
    const summary = (
      await cloud.sure(
        cloud.admin,
        'GET',
        '/volume/v3/volumes/summary?all_tenants=1',
        undefined,
        59,
      )
    )['volume-summary'];
    for (const name of names) assert.deepEqual(summary.metadata[name], [name]);
    assert.equal(
      (
        await cloud.sure(
          cloud.alice,
          'GET',
          `/volume/v3/volumes?metadata=${encodeURIComponent("{'constructor': 'constructor'}")}`,
        )
      ).volumes.length,
      1,
    );
    const { volume_type: type } = await cloud.sure(cloud.admin, 'POST', '/volume/v3/types', {
      volume_type: { name: 'constructor', extra_specs: hostile },
    });
    keeps(
      (await cloud.sure(cloud.admin, 'GET', `/volume/v3/types/${type.id}/extra_specs`)).extra_specs,
    );
    const { volume: unplaced } = await cloud.sure(cloud.alice, 'POST', '/volume/v3/volumes', {
      volume: { size: 1, volume_type: type.id },
    });
    await eventually(
      async () =>
        (await cloud.sure(cloud.alice, 'GET', `/volume/v3/volumes/${unplaced.id}`)).volume
          .status === 'error',
      { withinMs: 20_000, what: 'no pool has such specs' },
    );
  });

  it("in nova: metadata of servers and aggregates, extra specs, a network's name, hints, quotas", async () => {
    const { flavor } = await cloud.sure(cloud.admin, 'POST', '/compute/v2.1/flavors', {
      flavor: { name: 'toString', vcpus: 1, ram: 64, disk: 1 },
    });
    keeps(
      (
        await cloud.sure(cloud.admin, 'POST', `/compute/v2.1/flavors/${flavor.id}/os-extra_specs`, {
          extra_specs: hostile,
        })
      ).extra_specs,
    );
    const { network } = await cloud.sure(cloud.alice, 'POST', '/network/v2.0/networks', {
      network: { name: 'constructor' },
    });
    await cloud.sure(cloud.alice, 'POST', '/network/v2.0/subnets', {
      subnet: { network_id: network.id, cidr: '10.7.0.0/24', ip_version: 4 },
    });
    const { server } = await cloud.sure(
      cloud.alice,
      'POST',
      '/compute/v2.1/servers',
      {
        server: {
          name: 'constructor',
          flavorRef: '42',
          imageRef: cloud.imageId,
          metadata: hostile,
          networks: [{ uuid: network.id }],
        },
        'os:scheduler_hints': hostile,
      },
      52,
    );
    const show = async (): Promise<Loose> =>
      (await cloud.sure(cloud.alice, 'GET', `/compute/v2.1/servers/${server.id}`)).server;
    await eventually(async () => (await show()).status === 'ACTIVE', {
      withinMs: 20_000,
      what: 'the server is ACTIVE',
    });
    const shown = await show();
    keeps(shown.metadata);
    assert.equal(shown.addresses.constructor.length, 1);
    keeps(
      (
        await cloud.sure(cloud.alice, 'PUT', `/compute/v2.1/servers/${server.id}/metadata`, {
          metadata: hostile,
        })
      ).metadata,
    );
    const { aggregate } = await cloud.sure(cloud.admin, 'POST', '/compute/v2.1/os-aggregates', {
      aggregate: { name: 'constructor' },
    });
    keeps(
      (
        await cloud.sure(
          cloud.admin,
          'POST',
          `/compute/v2.1/os-aggregates/${aggregate.id}/action`,
          { set_metadata: { metadata: hostile } },
        )
      ).aggregate.metadata,
    );
    for (const name of names) {
      const key = await cloud.ask(cloud.alice, 'POST', '/compute/v2.1/os-keypairs', {
        body: { keypair: { name: `key-${name}`, public_key: `${name} AAAA` } },
      });
      assert.equal(key.status, 400, key.text);
      assert.equal(
        (
          await cloud.ask(
            cloud.admin,
            'PUT',
            `/compute/v2.1/os-quota-sets/${cloud.bob.projectId}`,
            { body: { quota_set: JSON.parse(`{"${name}":1}`) as Loose } },
          )
        ).status,
        400,
      );
    }
  });

  it('in glance: properties and filters', async () => {
    const image = await cloud.sure(cloud.alice, 'POST', '/image/v2/images', {
      ...hostile,
      name: 'constructor',
    });
    keeps(image);
    keeps(await cloud.sure(cloud.alice, 'GET', `/image/v2/images/${image.id}`));
    for (const name of names)
      assert.equal(
        (await cloud.sure(cloud.alice, 'GET', `/image/v2/images?${name}=${name}`)).images.length,
        1,
        name,
      );
    const patch = await cloud.ask(cloud.alice, 'PATCH', `/image/v2/images/${image.id}`, {
      raw: JSON.stringify(names.map((name) => ({ op: 'remove', path: `/${name}` }))),
      headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
    });
    assert.equal(patch.status, 200, patch.text);
    for (const name of names) assert.equal(Object.hasOwn(patch.json, name), false);
  });

  it('in keystone: further attributes, filters, options of domains', async () => {
    const { project } = await cloud.sure(cloud.admin, 'POST', '/identity/v3/projects', {
      project: { ...hostile, name: 'constructor', domain_id: 'default' },
    });
    keeps((await cloud.sure(cloud.admin, 'GET', `/identity/v3/projects/${project.id}`)).project);
    for (const name of names) {
      assert.equal(
        (await cloud.ask(cloud.admin, 'GET', `/identity/v3/projects?name__${name}=x&${name}=y`))
          .status,
        200,
      );
      assert.equal(
        (await cloud.ask(cloud.admin, 'GET', `/identity/v3/domains/default/config/${name}/name`))
          .status,
        404,
      );
      assert.equal(
        (
          await cloud.ask(cloud.admin, 'PUT', '/identity/v3/domains/default/config', {
            body: { config: JSON.parse(`{"${name}":{"name":1}}`) as Loose },
          })
        ).status,
        403,
      );
    }
  });

  it('in neutron: attributes, DHCP options, binding profiles, sort keys and fields', async () => {
    const { network } = await cloud.sure(cloud.alice, 'POST', '/network/v2.0/networks', {
      network: { name: 'toString' },
    });
    const options = names.map((name) => ({ opt_name: name, opt_value: name }));
    const { port } = await cloud.sure(cloud.admin, 'POST', '/network/v2.0/ports', {
      port: { network_id: network.id, extra_dhcp_opts: options, 'binding:profile': hostile },
    });
    keeps(port['binding:profile']);
    assert.equal(port.extra_dhcp_opts.length, names.length);
    for (const name of names) {
      assert.equal(
        (await cloud.ask(cloud.alice, 'GET', `/network/v2.0/ports?sort_key=${name}&sort_dir=asc`))
          .status,
        400,
        name,
      );
      assert.ok(
        (await cloud.ask(cloud.alice, 'GET', `/network/v2.0/ports?fields=${name}&${name}=x`))
          .status < 500,
      );
      assert.equal(
        (
          await cloud.ask(cloud.alice, 'POST', '/network/v2.0/networks', {
            body: { network: JSON.parse(`{"${name}":1}`) as Loose },
          })
        ).status,
        400,
      );
    }
  });

  it('in placement: names of parameters are refused where unknown', async () => {
    for (const name of names) {
      const answer = await cloud.ask(
        cloud.admin,
        'GET',
        `/placement/resource_providers?${name}=x`,
        { version: 39 },
      );
      assert.equal(answer.status, 400, name);
    }
  });
});
