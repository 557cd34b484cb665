// The audit finds each kind of difference between Nova's interfaces, Neutron's ports and guests,
// and finds nothing where all agree.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ObservedPorts } from './audit-ports.ts';
import { comparePorts } from './audit-ports.ts';
import { auditedPort, auditedServer } from './audited-objects.testing.ts';

const right = (): ObservedPorts => ({
  nova: {
    groups: [],
    moves: [],
    servers: [auditedServer()],
    interfaces: [{ serverId: 's1', portId: 'p1' }],
    nodes: [],
    sagas: [],
    volumes: [],
  },
  neutron: {
    ports: [auditedPort()],
  },
  guests: new Map([['s1', ['p1']]]),
});

const wrong: Readonly<Record<string, (observed: ObservedPorts) => void>> = {
  'port without a server': ({ nova }) => {
    nova.servers.length = 0;
    nova.interfaces.length = 0;
  },
  'port without an interface': (observed) => {
    observed.nova.interfaces.length = 0;
    observed.guests = new Map();
  },
  'port bound elsewhere': ({ neutron }) => neutron.ports.forEach((port) => (port.host = 'h2')),
  'interface without a port': ({ neutron }) => (neutron.ports.length = 0),
  'interfaces differ': (observed) => (observed.guests = new Map([['s1', []]])),
};

describe('the audit of ports', () => {
  it('finds nothing where all agree', () => assert.deepEqual(comparePorts(right()), []));
  for (const [what, break_] of Object.entries(wrong)) {
    it(`finds a ${what}`, () => {
      const observed = right();
      break_(observed);
      assert.deepEqual(
        comparePorts(observed).map((difference) => difference.what),
        [what],
      );
    });
  }
  it('leaves a server at work alone', () => {
    const observed = right();
    observed.nova.servers.forEach((server) => (server.taskState = 'spawning'));
    observed.guests = new Map();
    assert.deepEqual(comparePorts(observed), []);
  });
});
