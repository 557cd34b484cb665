// The Neutron Agent over a host network in memory: which guest a request comes from, what is sent
// to Nova, and what is reported.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { createSimHostNetwork, type SimHostNetwork } from '#adapters/sim/sim-host-network.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { neutronTopic } from '#contracts/neutron/agent-rpc.ts';
import { linkLocal } from '#contracts/neutron/link-local.ts';
import type { HttpCall } from '#openstack/http/client.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { Secret, silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { LocalGuest, LocalNetwork } from '#ports/host-network.ts';
import { guestAt } from './identify-guest.ts';
import { createNeutronAgent, type NeutronAgent } from './neutron-agent.ts';

const guest: LocalGuest = {
  portId: 'p1',
  mac: 'fa:16:3e:00:00:05',
  ips: ['10.0.0.5', '127.0.0.1', 'fd00::5'],
  instanceId: 'server-1',
  projectId: 'project-1',
};
const network = (change: Partial<LocalNetwork> = {}): LocalNetwork => ({
  id: 'n1',
  metadataPort: { id: 'd', mac: 'fa:16:3e:00:00:02', cidrs: ['10.0.0.2/24'] },
  guests: [guest],
  ...change,
});

describe('looking up a guest', () => {
  it('is found by any address of its port, in any spelling of IPv4 and IPv6', () => {
    for (const address of ['10.0.0.5', '::ffff:10.0.0.5', 'fd00::5', `${linkLocal(guest.mac)}%md0`])
      assert.equal(guestAt(address, [guest])?.portId, 'p1', address);
    assert.equal(linkLocal('fa:16:3e:12:34:56'), 'fe80::f816:3eff:fe12:3456');
  });
  it('is not found by an address that its port does not have', () => {
    for (const address of ['10.0.0.6', '::1', '', '10.0.0.50'])
      assert.equal(guestAt(address, [guest]), null, address);
  });
});

describe('the Neutron Agent', () => {
  let net: SimHostNetwork;
  let agent: NeutronAgent;
  let requests: (HttpCall & { asStream?: boolean })[];
  let reports: unknown[];
  let sockets: Server[];
  let answer: () =>
    | ReturnType<typeof fault>
    | { status: number; headers: Record<string, string>; body: string };
  const bus = createInProcessBus({ log: silentLog, clock: systemClock, ids: systemIds });
  const serving = bus.serve(neutronTopic, {
    reportNetwork: async (params) => {
      reports.push(params);
      return { intervalMs: 10_000 };
    },
  });

  beforeEach(async () => {
    [requests, reports, sockets] = [[], [], []];
    answer = () => ({
      status: 200,
      headers: { 'content-type': 'text/plain' },
      body: 'ami-id\nhostname',
    });
    agent = createNeutronAgent({
      openHostNetwork: (listeners) => {
        net = createSimHostNetwork('h1', listeners);
        const { listen } = net;
        net.listen = async (id) => {
          const socket = await listen(id);
          if (!isFault(socket)) sockets.push(socket);
          return socket;
        };
        return net;
      },
      bus,
      clock: systemClock,
      ids: systemIds,
      log: silentLog,
      config: { host: 'h1', version: '1', metadataSecret: new Secret('shared') },
      http: {
        send: async (call) => {
          requests.push(call);
          const reply = answer();
          return isFault(reply) ? reply : { ...reply, stream: undefined };
        },
      },
    });
    assert.ok(!isFault(await agent.start()));
  });
  afterEach(async () => await agent.stop());
  after(async () => await serving.close());
  const listening = async (count = 1): Promise<number> => {
    const address = await eventually(() => sockets.length === count && sockets.at(-1)?.address(), {
      withinMs: 2_000,
      what: 'the endpoint listens',
    });
    return (address as AddressInfo).port; // always so for a TCP socket
  };
  const ask = (
    port: number,
    path: string,
    headers: Record<string, string> = {},
    method = 'GET',
  ): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      http
        .request({ host: '127.0.0.1', port, path, headers, method, agent: false }, (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => (text += chunk.toString()));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        })
        .once('error', reject)
        .end();
    });
  const task = async (name: string): Promise<void> =>
    await agent.tasks.find((each) => each.name === name)?.run(new AbortController().signal);

  it('asks Nova for the guest, signed, and hands on the answer', async () => {
    net.plug([network()]);
    const port = await listening();
    assert.deepEqual(await ask(port, '/latest/meta-data/?x=1'), {
      status: 200,
      text: 'ami-id\nhostname',
    });
    const [call] = requests;
    assert.deepEqual(
      [call?.service, call?.path, call?.method],
      ['metadata', '/latest/meta-data/?x=1', 'GET'],
    );
    assert.deepEqual(call?.headers, {
      'x-instance-id': 'server-1',
      'x-tenant-id': 'project-1',
      'x-forwarded-for': '10.0.0.5',
      'x-instance-id-signature': createHmac('sha256', 'shared').update('server-1').digest('hex'),
    });
  });

  it('lets no guest say who it is, nor step out of the metadata', async () => {
    net.plug([network()]);
    const port = await listening();
    await ask(port, '/', {
      'X-Instance-ID': 'server-2',
      'X-Tenant-ID': 'project-2',
      'X-Instance-ID-Signature': 'aa',
      'X-Forwarded-For': '10.9.9.9',
      'X-Auth-Token': 'token',
    });
    assert.equal(requests[0]?.headers?.['x-instance-id'], 'server-1');
    assert.deepEqual(Object.keys(requests[0]?.headers ?? {}).toSorted(), [
      'x-forwarded-for',
      'x-instance-id',
      'x-instance-id-signature',
      'x-tenant-id',
    ]);
    for (const path of [
      '/../compute/v2.1/servers',
      '/latest/%2e%2E/x',
      '/..',
      '/a/./b',
      '/a\\..\\b',
    ])
      assert.equal((await ask(port, path)).status, 400, path);
    assert.equal((await ask(port, '/', {}, 'POST')).status, 405);
    assert.equal(requests.length, 1);
  });

  it('answers 404 to one it does not know, and says when Nova is away', async () => {
    net.plug([network({ guests: [{ ...guest, ips: ['10.0.0.5'] }] })]);
    const port = await listening();
    assert.equal((await ask(port, '/')).status, 404);
    assert.equal(requests.length, 0);
    net.plug([network()]);
    answer = () => fault('unavailable', 'away');
    assert.equal((await ask(port, '/')).status, 503);
    answer = () => fault('timeout', 'late');
    assert.equal((await ask(port, '/')).status, 504);
  });

  it('opens an endpoint with the first guest of a network and closes it with the last', async () => {
    net.plug([network()]);
    await listening();
    net.plug([]);
    await eventually(() => sockets[0]?.listening === false, {
      withinMs: 2_000,
      what: 'the endpoint closes',
    });
    assert.deepEqual(await net.endpoints(), []);
    net.plug([network()]);
    await listening(2);
  });

  it('removes nothing while nothing is known', async () => {
    net.plug([network()]);
    await listening();
    net.plug(null);
    await task('neutron-agent.keep-endpoints');
    assert.deepEqual(await net.endpoints(), ['n1']);
    assert.equal(sockets[0]?.listening, true);
  });

  it('listens anew after the host lost its endpoints, and tries again what failed', async () => {
    net.plug([network()]);
    await listening();
    net.crash();
    net.power(false);
    await task('neutron-agent.keep-endpoints');
    net.power(true);
    await task('neutron-agent.keep-endpoints');
    const port = await listening(2);
    assert.equal((await ask(port, '/')).status, 200);
  });

  it('reports the host at start and again and again', async () => {
    await task('neutron-agent.report-network');
    assert.equal(reports.length, 2);
    const { host, facts } = reports[0] as {
      host: string;
      facts: { chassis: string; health: object };
    };
    assert.deepEqual(
      [host, facts.chassis, facts.health],
      ['h1', 'h1', { switchAlive: true, controllerConnected: true, tunnels: [] }],
    );
  });
});
