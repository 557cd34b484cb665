// No request is answered by a 500: `ask` of api-cloud.ts throws for one. Bodies of POST /servers
// are valid ones with parts changed; queries have known and unknown names with any value.
// `FUZZ_SEED=$RANDOM FUZZ_RUNS=20` uses other values and runs longer; the default seed is fixed, so
// that unrelated changes do not fail at random.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { serverActions } from '#services/nova/api/server-actions/table.ts';
import { createServerBody } from '#services/nova/api/servers/create-schema.ts';
import type { ApiCloud } from './api-cloud.ts';
import { startApiCloud } from './api-cloud.ts';

const times = Number(process.env['FUZZ_RUNS'] ?? 1);
const bounded = (numRuns: number): fc.Parameters<unknown> => ({
  numRuns: numRuns * times,
  interruptAfterTimeLimit: 60_000 * times,
  seed: Number(process.env['FUZZ_SEED'] ?? 1),
});

/** Status of a console request for a simulated guest, which has no screen. */
const screenless = 503;

let cloud: ApiCloud;
before(async () => {
  cloud = await startApiCloud({ cortex: true });
  // Some fuzzed bodies are valid: the quota limits how many servers they create.
  await cloud.sure(cloud.admin, 'PUT', `/compute/v2.1/os-quota-sets/${cloud.alice.projectId}`, {
    quota_set: { instances: 20 },
  });
});
after(async () => await cloud.stop());

const words = fc.constantFrom(
  '',
  '-1',
  '0',
  '42',
  'true',
  'None',
  'constructor',
  '__proto__',
  'toString',
  '../..',
  '%',
  "'; drop table servers; --",
  '\u0000',
  '\ud800',
  '🦊',
  'x'.repeat(300),
  '2026-02-30T25:61:61Z',
  '9'.repeat(30),
  '1e400',
  'in:a,b',
  'gt:',
  '::1',
  '[',
  '(',
  '*',
);
const text = fc.oneof(words, fc.string({ unit: 'binary' }));
const anything: fc.Arbitrary<Json> = fc.oneof(
  text,
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
  fc.maxSafeInteger(),
);

// The names come from the schema, so that new fields are fuzzed without a change here.
const fieldNames = [
  ...new Set(
    createServerBody.flatMap(({ schema }) =>
      Object.keys(
        (schema as unknown as { properties: { server: { properties: object } } }).properties.server
          .properties,
      ),
    ),
  ),
];

describe('no 500 is answered', () => {
  it('to POST /servers, whatever its body', async () => {
    assert.ok(fieldNames.length > 20);
    const field = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...fieldNames) },
      { weight: 1, arbitrary: text },
    );
    const changes = fc.dictionary(field, anything, { maxKeys: 3 });
    const version = fc.option(fc.integer({ min: 1, max: 96 }), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(
        changes,
        version,
        fc.option(anything, { freq: 10 }),
        async (changed, minor, hints) => {
          const server: JsonObject = {
            name: 'fuzz',
            flavorRef: '42',
            imageRef: cloud.imageId,
            ...((minor ?? 1) >= 37 && { networks: 'none' }),
            ...changed,
          };
          const body: Json = hints === null ? { server } : { server, 'os:scheduler_hints': hints };
          const { status } = await cloud.ask(cloud.alice, 'POST', '/compute/v2.1/servers', {
            body,
            version: minor,
          });
          assert.ok([202, 400, 403].includes(status), String(status));
        },
      ),
      bounded(400),
    );
  });

  it('to a body that is no server at all', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => new TextEncoder().encode(json)),
        ),
        async (bytes) => {
          const { status } = await cloud.ask(cloud.alice, 'POST', '/compute/v2.1/servers', {
            raw: new Uint8Array(bytes),
            headers: { 'content-type': 'application/json' },
          });
          assert.equal(status, 400);
        },
      ),
      bounded(200),
    );
  });

  it('to a server action, whatever its value', async () => {
    const { server } = await cloud.sure(cloud.bob, 'POST', '/compute/v2.1/servers', {
      server: { name: 'acted-on', flavorRef: '42', imageRef: cloud.imageId },
    });
    const keys = fc.constantFrom(
      ...serverActions.map(({ key }) => key).filter((key) => key !== 'forceDelete'),
    );
    await fc.assert(
      fc.asyncProperty(keys, anything, async (key, value) => {
        const { status } = await cloud.ask(
          cloud.bob,
          'POST',
          `/compute/v2.1/servers/${server.id}/action`,
          { body: { [key]: value } },
        );
        assert.ok(status < 500 || status === screenless, `${key}: ${status}`);
      }),
      bounded(200),
    );
  });

  const lists: readonly [path: string, names: readonly string[], version?: number][] = [
    [
      '/compute/v2.1/servers',
      [
        'limit',
        'marker',
        'sort_key',
        'sort_dir',
        'all_tenants',
        'status',
        'name',
        'deleted',
        'changes-since',
        'changes-before',
        'tags',
        'not-tags-any',
        'locked',
        'ip',
        'uuid',
        'host',
        'power_state',
        'image',
        'flavor',
        'vm_state',
      ],
    ],
    [
      '/compute/v2.1/servers/detail',
      [
        'limit',
        'marker',
        'sort_key',
        'status',
        'tags',
        'locked',
        'changes-since',
        'availability_zone',
        'config_drive',
        'progress',
      ],
      96,
    ],
    [
      '/compute/v2.1/flavors/detail',
      ['limit', 'marker', 'sort_key', 'sort_dir', 'is_public', 'minRam', 'minDisk'],
    ],
    ['/compute/v2.1/os-keypairs', ['limit', 'marker', 'user_id'], 35],
    [
      '/compute/v2.1/images/detail',
      [
        'limit',
        'marker',
        'name',
        'status',
        'type',
        'server',
        'minRam',
        'minDisk',
        'changes-since',
        'property-colour',
      ],
    ],
    ['/compute/v2.1/os-volumes', ['limit', 'offset']],
    ['/compute/v2.1/os-security-groups', ['all_tenants']],
    ['/compute/v2.1/os-hosts', ['zone']],
    [
      '/compute/v2.1/os-hypervisors',
      ['limit', 'marker', 'hypervisor_hostname_pattern', 'with_servers'],
      53,
    ],
    ['/compute/v2.1/os-services', ['host', 'binary']],
    ['/compute/v2.1/limits', ['tenant_id', 'reserved']],
    ['/compute/v2.1/os-simple-tenant-usage', ['start', 'end', 'detailed', 'limit', 'marker'], 40],
    [
      '/image/v2/images',
      [
        'limit',
        'marker',
        'sort_key',
        'sort_dir',
        'sort',
        'name',
        'status',
        'visibility',
        'owner',
        'tag',
        'size_min',
        'size_max',
        'created_at',
        'updated_at',
        'os_hidden',
        'protected',
        'member_status',
        'colour',
      ],
    ],
    [
      '/network/v2.0/networks',
      [
        'limit',
        'marker',
        'sort_key',
        'sort_dir',
        'page_reverse',
        'fields',
        'name',
        'shared',
        'router:external',
        'mtu',
        'tags',
        'not-tags-any',
        'subnets',
        'created_at',
        'provider:segmentation_id',
        'revision_number',
      ],
    ],
    [
      '/network/v2.0/ports',
      [
        'limit',
        'marker',
        'sort_key',
        'page_reverse',
        'fields',
        'fixed_ips',
        'security_groups',
        'mac_address',
        'device_id',
        'admin_state_up',
        'allowed_address_pairs',
        'tags-any',
        'binding:profile',
      ],
    ],
    [
      '/network/v2.0/subnets',
      [
        'cidr',
        'gateway_ip',
        'ip_version',
        'shared',
        'dns_nameservers',
        'network_id',
        'enable_dhcp',
        'router:external',
      ],
    ],
    [
      '/network/v2.0/floatingips',
      ['floating_ip_address', 'port_id', 'router_id', 'status', 'fixed_ip_address'],
    ],
    [
      '/network/v2.0/security-group-rules',
      ['protocol', 'port_range_min', 'remote_ip_prefix', 'direction', 'project_id', 'tenant_id'],
    ],
    ['/network/v2.0/network-ip-availabilities', ['network_id', 'ip_version', 'network_name']],
    ['/network/v2.0/agents', ['host', 'alive', 'fields', 'configurations']],
    [
      '/identity/v3/projects',
      [
        'name',
        'domain_id',
        'enabled',
        'parent_id',
        'is_domain',
        'tags',
        'not-tags',
        'name__contains',
      ],
    ],
    [
      '/identity/v3/users',
      ['name', 'domain_id', 'enabled', 'password_expires_at', 'name__startswith'],
    ],
    [
      '/identity/v3/role_assignments',
      ['user.id', 'role.id', 'scope.project.id', 'effective', 'include_names', 'include_subtree'],
    ],
    [
      '/placement/resource_providers',
      ['name', 'uuid', 'resources', 'required', 'member_of', 'in_tree'],
      39,
    ],
    [
      '/placement/allocation_candidates',
      [
        'resources',
        'required',
        'member_of',
        'in_tree',
        'limit',
        'group_policy',
        'resources1',
        'required1',
        'same_subtree',
        'root_required',
      ],
      39,
    ],
    ['/placement/usages', ['project_id', 'user_id', 'consumer_type'], 39],
    ['/placement/traits', ['name', 'associated'], 39],
  ];
  for (const [path, names, version] of lists) {
    it(`to GET ${path}, whatever its query`, async () => {
      const name = fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...names) },
        { weight: 1, arbitrary: words },
      );
      const resources = fc.constantFrom(
        'VCPU:1',
        'VCPU:1,MEMORY_MB:64',
        'VCPU:0',
        'VCPU:99999999999',
        'CUSTOM_:1',
      );
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(name, fc.oneof(text, resources)), { maxLength: 4 }),
          async (pairs) => {
            const query = pairs.map(([key, value]) => `${encode(key)}=${encode(value)}`).join('&');
            const { status, text: answer } = await cloud.ask(
              cloud.admin,
              'GET',
              `${path}?${query}`,
              { version },
            );
            assert.ok(status < 500, `${path}?${query}: ${status} ${answer}`);
          },
        ),
        bounded(150),
      );
    });
  }

  it('to a path with anything in it', async () => {
    const bases = fc.constantFrom(
      '/compute/v2.1/servers/',
      '/compute/v2.1/flavors/',
      '/compute/v2.1/os-keypairs/',
      '/compute/v2.1/os-aggregates/',
      '/compute/v2.1/os-hypervisors/',
      '/compute/v2.1/os-quota-sets/',
      '/image/v2/images/',
      '/identity/v3/users/',
      '/identity/v3/projects/',
      '/placement/resource_providers/',
      '/placement/allocations/',
      '/placement/traits/',
      '/network/v2.0/networks/',
      '/network/v2.0/ports/',
      '/network/v2.0/quotas/',
      '/network/v2.0/extensions/',
    );
    await fc.assert(
      fc.asyncProperty(bases, text, async (base, id) => {
        const { status } = await cloud.ask(
          cloud.admin,
          'GET',
          base + encode(id),
          base.startsWith('/placement') ? { version: 39 } : {},
        );
        assert.ok(status < 500, `${base}${id}: ${status}`);
      }),
      bounded(400),
    );
  });
});

/**
 * Percent-encodes as a client does. Lone surrogates, which no client can send, become the
 * replacement character.
 */
const encode = (value: string): string => encodeURIComponent(value.toWellFormed());
