// Each kind of difference that the audit finds, from a consistent cloud with one thing changed; and
// it finds nothing in a consistent cloud.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NeutronAudit } from '#contracts/neutron/audit.ts';
import type { AuditServer } from '#contracts/nova/audit.ts';
import type { HostAudit, Observed } from './audit.ts';
import { compare } from './audit.ts';
import { auditedPort, auditedServer } from './audited-objects.testing.ts';

const server = (change: Partial<AuditServer> = {}): AuditServer =>
  auditedServer({ resources: { VCPU: 1, MEMORY_MB: 128 }, ...change });
const host = (change: Partial<HostAudit> = {}): HostAudit => ({
  host: 'h1',
  guests: [{ uuid: 's1', state: 'running', ports: ['p1'], volumes: [] }],
  guestFolders: ['s1'],
  brokenOverlays: [],
  processes: ['s1'],
  ...change,
});
const empty = (name: string, change: Partial<HostAudit> = {}): HostAudit => ({
  host: name,
  guests: [],
  guestFolders: [],
  brokenOverlays: [],
  processes: null,
  ...change,
});
const claimOf = (consumer: string, provider = 'n1') => [
  { consumer, provider, resourceClass: 'VCPU', used: 1 },
  { consumer, provider, resourceClass: 'MEMORY_MB', used: 128 },
];

const network = (change: Partial<NeutronAudit> = {}): { neutron: NeutronAudit } => ({
  neutron: {
    ports: [auditedPort()],
    inconsistencies: [],
    sdn: { inserted: 0, updated: 0, deleted: 0, pending: 0 },
    ...change,
  },
});

/** The audit's view of a consistent cloud with one server on h1, and the changes of the test. */
const order = (
  change: {
    server?: Partial<AuditServer>;
    host?: Partial<HostAudit>;
    observed?: Partial<Observed>;
  } = {},
): Observed => ({
  nova: {
    groups: [],
    moves: [],
    interfaces: [{ serverId: 's1', portId: 'p1' }],
    volumes: [],
    servers: [server(change.server)],
    nodes: [
      { uuid: 'n1', host: 'h1' },
      { uuid: 'n2', host: 'h2' },
    ],
    sagas: [],
  },
  images: [],
  ...network(),
  cinder: {
    volumes: [],
    snapshots: [],
    attachments: [],
    stuck: [],
    backends: {},
    backups: { missing: [], unknown: [] },
  },
  placement: {
    providers: [
      { uuid: 'n1', name: 'h1' },
      { uuid: 'n2', name: 'h2' },
    ],
    allocations: claimOf('s1'),
  },
  hosts: [host(change.host), empty('h2')],
  unreachable: [],
  cloudRuns: true,
  ...change.observed,
});
const without = { guests: [], guestFolders: [], processes: [] };
const noClaims = { placement: { providers: order().placement.providers, allocations: [] } };

const found = (observed: Observed): string[] => compare(observed).map(({ what }) => what);

describe('the audit', () => {
  it('finds nothing where all is in order', () => {
    assert.deepEqual(compare(order()), []);
    assert.deepEqual(
      compare(
        order({
          server: { vmState: 'stopped' },
          host: {
            guests: [{ uuid: 's1', state: 'shutoff', ports: ['p1'], volumes: [] }],
            processes: [],
          },
        }),
      ),
      [],
    );
    assert.deepEqual(
      compare(
        order({
          server: { vmState: 'suspended' },
          host: {
            guests: [{ uuid: 's1', state: 'suspended', ports: ['p1'], volumes: [] }],
            processes: [],
          },
        }),
      ),
      [],
    );
  });

  it('says nothing of what is under way', () => {
    const building = order({
      server: { vmState: 'building', taskState: 'spawning' },
      host: { guests: [], processes: ['s1'] },
      observed: noClaims,
    });
    building.nova.sagas.push({
      id: 'g',
      name: 'nova.build-server',
      lockKey: 'server:s1',
      phase: 'forward',
      ageMs: 5,
    });
    assert.deepEqual(compare(building), []);
  });

  it('says nothing of what OVN has yet to hear, or where it cannot be asked', () => {
    assert.deepEqual(
      compare(
        order({ observed: network({ sdn: { inserted: 2, updated: 0, deleted: 0, pending: 2 } }) }),
      ),
      [],
    );
    assert.deepEqual(compare(order({ observed: network({ sdn: 'OVN is away' }) })), []);
  });

  it('says nothing of what is on a host that cannot be asked, and nothing of the host where the whole cloud was stopped', () => {
    assert.deepEqual(
      compare(order({ observed: { hosts: [empty('h2')], unreachable: ['h1'], cloudRuns: false } })),
      [],
    );
  });

  const cases: readonly [what: string, observed: Observed, names: RegExp][] = [
    [
      'host is off',
      order({ observed: { hosts: [empty('h2')], unreachable: ['h1'] } }),
      /^h1 does not answer/,
    ],
    ['server on an unknown host', order({ observed: { hosts: [empty('h2')] } }), /s1 .*h1/],
    ['server without a guest', order({ host: without }), /s1 is active.*h1/],
    ['state differs', order({ server: { vmState: 'stopped' } }), /s1 is stopped.* running/],
    [
      'claim without a server',
      order({
        observed: {
          placement: {
            providers: order().placement.providers,
            allocations: [...claimOf('s1'), ...claimOf('s9')],
          },
        },
      }),
      /s9/,
    ],
    [
      'claim without a host',
      order({
        server: { vmState: 'error', host: null, nodeUuid: null },
        host: without,
        observed: network({ ports: [auditedPort({ host: '' })] }),
      }),
      /s1 is on no host/,
    ],
    [
      'claim differs',
      order({
        observed: {
          placement: {
            providers: order().placement.providers,
            allocations: claimOf('s1').slice(1),
          },
        },
      }),
      /s1 .*VCPU/,
    ],
    [
      'claim differs',
      order({
        observed: {
          placement: { providers: order().placement.providers, allocations: claimOf('s1', 'n2') },
        },
      }),
      /n2/,
    ],
    ['claim differs', order({ observed: noClaims }), /placement has \[\]/],
    [
      'host without a provider',
      order({
        observed: {
          placement: { providers: [{ uuid: 'n1', name: 'h1' }], allocations: claimOf('s1') },
        },
      }),
      /h2 \(n2\)/,
    ],
    [
      'guest without a server',
      order({
        observed: {
          hosts: [
            host(),
            empty('h2', { guests: [{ uuid: 's9', state: 'shutoff', ports: [], volumes: [] }] }),
          ],
        },
      }),
      /h2 has guest s9, which is no server/,
    ],
    [
      'guest without a server',
      order({
        observed: {
          hosts: [
            host(),
            empty('h2', { guests: [{ uuid: 's1', state: 'shutoff', ports: ['p1'], volumes: [] }] }),
          ],
        },
      }),
      /a server of h1/,
    ],
    [
      'disk without a guest',
      order({ host: { guestFolders: ['s1', 's9'] } }),
      /h1 keeps the folder of s9/,
    ],
    ['broken overlay', order({ host: { brokenOverlays: ['/x/disk'] } }), /\/x\/disk/],
    ['process without a guest', order({ host: { processes: ['s1', 's9'] } }), /s9/],
    [
      'guest runs twice',
      order({ host: { processes: ['s1', 's1'] } }),
      /more than one emulator for s1/,
    ],
    ['stuck task', order({ server: { taskState: 'powering-off' } }), /s1 is powering-off/],
    [
      'network tables differ',
      order({ observed: network({ inconsistencies: ['address 10.0.0.2 belongs to no port'] }) }),
      /10\.0\.0\.2/,
    ],
    [
      'OVN differs',
      order({ observed: network({ sdn: { inserted: 2, updated: 0, deleted: 1, pending: 0 } }) }),
      /2 rows are missing/,
    ],
    [
      'image differs',
      order({ observed: { images: ['image i1 has lost its file'] } }),
      /image i1 has lost its file/,
    ],
  ];
  for (const [what, observed, names] of cases) {
    it(`finds: ${what} (${names.source})`, () => {
      const differences = compare(observed);
      assert.deepEqual(
        differences.map((difference) => difference.what),
        [what],
      );
      assert.match(differences[0]?.detail ?? '', names);
    });
  }

  it('finds a guest that runs on two hosts, beside the stray that it is', () => {
    assert.deepEqual(
      found(
        order({
          observed: {
            hosts: [
              host(),
              empty('h2', {
                guests: [{ uuid: 's1', state: 'running', ports: ['p1'], volumes: [] }],
              }),
            ],
          },
        }),
      ).sort(),
      ['guest runs twice', 'guest without a server'],
    );
  });

  it('asks nothing of an error, except its claim', () => {
    assert.deepEqual(compare(order({ server: { vmState: 'error' }, host: without })), []);
    assert.deepEqual(
      found(order({ server: { vmState: 'error' }, host: without, observed: noClaims })),
      ['claim differs'],
    );
  });

  it('has a case for every kind of difference in its source', async () => {
    const source = await import('node:fs/promises').then(
      async ({ readFile }) => await readFile(new URL('audit.ts', import.meta.url), 'utf8'),
    );
    const kinds = new Set([...source.matchAll(/what: '([^']+)'/g)].map((match) => match[1]));
    assert.ok(kinds.size > 10);
    assert.deepEqual(
      [...kinds].filter((kind) => !cases.some(([what]) => what === kind)),
      [],
    );
  });
});
