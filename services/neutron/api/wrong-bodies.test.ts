import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import { neutronAudit } from '../store/audit.ts';
import type { NeutronFixture, Person } from './neutron-api.testing.ts';
import { startNeutron } from './neutron-api.testing.ts';
import { resources } from './resources.ts';
// Whatever a body holds, no answer may be a 500: `ask` throws at one. Attribute names come from the
// attribute tables, so that new attributes are covered. `FUZZ_SEED=$RANDOM FUZZ_RUNS=20` tries
// other values, and more; the seed is fixed by default, so that a run does not fail by chance.
import { seed } from './seed.ts';

const times = Number(process.env['FUZZ_RUNS'] ?? 1);
const runs = {
  numRuns: 250 * times,
  interruptAfterTimeLimit: 30_000 * times,
  seed: Number(process.env['FUZZ_SEED'] ?? 1),
};
const nobody = '00000000-0000-4000-8000-000000000000';

let neutron: NeutronFixture;
const idsByCollection = new Map<string, string>();
before(async () => {
  neutron = await startNeutron({
    config: {
      publicCidr: '172.24.4.0/24',
      quotas: {
        network: 40,
        subnet: 60,
        port: 60,
        router: 30,
        floatingip: 20,
        security_group: 30,
        security_group_rule: 100,
        subnetpool: 30,
      },
    },
  });
  await seed(neutron.deps);
  for (const { collection, singular } of resources) {
    const [first] = await neutron.sure('member', 'GET', collection.replaceAll('_', '-'));
    if (first) idsByCollection.set(singular, first.id);
  }
});
after(async () => await neutron.close());

const words = fc.constantFrom<Json>(
  '',
  '10.0.0.0/24',
  '10.0.0.5',
  '10.77.0.0/16',
  '2001:db8::/64',
  '2001:db8::1',
  '::',
  '0.0.0.0/0',
  '255.255.255.255',
  'fa:16:3e:00:00:01',
  'slaac',
  'dhcpv6-stateful',
  'tcp',
  '6',
  'icmp',
  'ingress',
  'IPv4',
  'IPv6',
  'vlan',
  'flat',
  'physnet1',
  'network:dhcp',
  nobody,
  'h1',
  true,
  false,
  null,
  0,
  1,
  4,
  6,
  24,
  64,
  80,
  -1,
  1e21,
  2 ** 53,
  0.5,
  [],
  {},
  'constructor',
  '\u0000',
  '\ud800',
  '🦊',
  'x'.repeat(300),
);
const objectOf = (names: readonly string[]) =>
  fc.dictionary(fc.constantFrom(...names), words, { maxKeys: 3 }) as fc.Arbitrary<Json>;
const namesInLists = [
  'subnet_id',
  'ip_address',
  'start',
  'end',
  'destination',
  'nexthop',
  'opt_name',
  'opt_value',
  'mac_address',
];
const value: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: words },
  fc.array(words, { maxLength: 3 }),
  objectOf([...namesInLists, 'network_id', 'enable_snat', 'external_fixed_ips', '__proto__x']),
  fc.array(objectOf(namesInLists), { maxLength: 2 }),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
);

/**
 * The required attributes, so that a body passes the first checks and the random values are read.
 */
const whole: Readonly<Record<string, (ids: ReadonlyMap<string, string>) => JsonObject>> = {
  subnet: (ids) => ({
    network_id: ids.get('network') ?? null,
    ip_version: 4,
    cidr: '10.99.0.0/24',
  }),
  port: (ids) => ({ network_id: ids.get('network') ?? null }),
  floatingip: (ids) => ({ floating_network_id: ids.get('network') ?? null }),
  security_group_rule: (ids) => ({
    security_group_id: ids.get('security_group') ?? null,
    direction: 'ingress',
  }),
  subnetpool: () => ({ name: 'p', prefixes: ['10.0.0.0/8'] }),
};
const expected = [200, 201, 204, 400, 403, 404, 409, 412, 503];

for (const resource of resources) {
  const { singular, collection, attributes } = resource;
  describe(`a body for ${collection}`, () => {
    const fields = fc.dictionary(
      fc.oneof(
        { weight: 20, arbitrary: fc.constantFrom(...Object.keys(attributes)) },
        { weight: 1, arbitrary: fc.string() },
      ),
      value,
      { maxKeys: 4 },
    );
    const people = fc.constantFrom<Person>('member', 'admin', 'other');
    it('makes, changes or is refused', async () => {
      await fc.assert(
        fc.asyncProperty(people, fields, fields, async (who, createFields, updateFields) => {
          const path = collection.replaceAll('_', '-');
          const created = await neutron.ask(who, 'POST', path, {
            [singular]: { ...whole[singular]?.(idsByCollection), ...createFields },
          });
          assert.ok(
            expected.includes(created.status),
            `POST ${created.status}: ${JSON.stringify(created.body)}`,
          );
          const id: Loose = created.body?.[singular]?.id ?? idsByCollection.get(singular) ?? nobody;
          if (resource.change) {
            const put = await neutron.ask(who, 'PUT', `${path}/${id}`, {
              [singular]: updateFields,
            });
            assert.ok(
              expected.includes(put.status),
              `PUT ${put.status}: ${JSON.stringify(put.body)}`,
            );
          }
          if (created.status === 201)
            assert.ok(
              [204, 409].includes((await neutron.ask(who, 'DELETE', `${path}/${id}`)).status),
            );
        }),
        runs,
      );
    });
  });
}

it('leaves the tables whole', async () =>
  assert.deepEqual((await neutronAudit(neutron.deps.database.db)).inconsistencies, []));
