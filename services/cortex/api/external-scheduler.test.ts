import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { NovaExternalRequest } from '#contracts/cortex/external-scheduler.ts';
import { createDispatcher } from '#openstack/http/dispatcher.ts';
import { roleTokens } from '#openstack/http/face.testing.ts';
import { systemClock } from '#platform/clock.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { cortexDefaults } from '../deps.ts';
import { Fleet } from '../domain/fleet/fleet.ts';
import { defaultPipelines } from '../domain/pipeline/default-pipelines.ts';
import { Scheduling } from '../domain/scheduling.ts';
import { fleetOf, host } from '../domain/small-fleet.testing.ts';
import {
  createChance,
  syntheticHosts,
  syntheticRequest,
} from '../domain/synthetic-fleet.testing.ts';
import { cortexFace } from './role.ts';

interface Surroundings {
  isReady?: boolean;
  schedulersNeedToken?: boolean;
  /** Called when Cortex re-reads the fleet; a test changes the fleet here. */
  onRefresh?: () => void;
  /** Filled with server and first host of each decision passed to `noteDecision`. */
  noted?: string[];
}

function startCortex(
  fleet: Fleet,
  { isReady = true, schedulersNeedToken = false, onRefresh, noted = [] }: Surroundings = {},
) {
  const config = { ...cortexDefaults, schedulersNeedToken };
  const scheduling = new Scheduling(fleet, config);
  for (const [name, spec] of Object.entries(defaultPipelines))
    assert.ok(!isFault(scheduling.setPipeline(name, spec)));
  const follower = {
    isReady: () => isReady,
    settled: async () => undefined,
    refresh: async () => onRefresh?.(),
  };
  const role = cortexFace({
    scheduling,
    config,
    clock: systemClock,
    follower,
    balance: {
      servers: async () => [],
      serverGroups: async () => [],
      migratedSince: async () => [],
    },
    noteDecision: ({ decision }, [best]) => noted.push(`${decision.request.serverId} ${best}`),
    announceChanges: async () => undefined,
  });
  const dispatcher = createDispatcher(role.http, {
    tokens: roleTokens,
    clock: systemClock,
    ids: systemIds,
    log: silentLog,
    identityUrl: 'http://id',
  });
  return async (
    method: HttpMethod,
    target: string,
    body: unknown = null,
    token?: string,
  ): Promise<{ status: number; body: any }> => {
    const [path = '', query = ''] = target.split('?');
    const { status, body: answer } = await dispatcher.handle({
      method,
      path: `/scheduler${path}`,
      query,
      origin: 'http://cortex',
      // plain data, as after a transfer over a socket
      body: body === null ? null : { json: JSON.parse(JSON.stringify(body)) as Json },
      headers: token === undefined ? {} : { 'x-auth-token': token },
    });
    return { status, body: answer };
  };
}

const external = '/nova/external';
const withHosts = (
  request: NovaExternalRequest,
  names: readonly string[],
): NovaExternalRequest => ({
  ...request,
  hosts: names.map((name) => ({ host: name, hypervisor_hostname: `${name}.example` })),
  weights: Object.fromEntries(names.map((name, index) => [name, index / 10])),
});
const simple = (specs: Record<string, string> = {}, hints = {}): NovaExternalRequest => ({
  spec: {
    'nova_object.data': {
      instance_uuid: 'server',
      project_id: 'project',
      scheduler_hints: hints,
      flavor: {
        'nova_object.data': { name: 'f', vcpus: 1, memory_mb: 1_024, extra_specs: specs },
      },
    },
  },
  context: {},
  hosts: [],
  weights: {},
});

describe("Nova's external scheduler", () => {
  test('answers 1,000 requests with hosts of the request and nothing else', async () => {
    const chance = createChance(7);
    const facts = syntheticHosts(200, chance);
    const fleet = new Fleet();
    for (const one of facts) fleet.apply(one);
    const ask = startCortex(fleet);
    let [placed, refused] = [0, 0];
    for (let index = 0; index < 1_000; index += 1) {
      const names = facts.filter(() => chance.happens(0.3)).map(({ name }) => name);
      if (chance.happens(0.1)) names.push('not-known-to-cortex');
      const request = withHosts(syntheticRequest(index, facts, chance), names);
      const wrong = chance.below(20);
      if (wrong === 0) request.weights['stranger'] = 1;
      if (wrong === 1) delete request.weights[names[0] ?? ''];
      const { status, body } = await ask('POST', external, request);
      if (wrong <= 1) {
        refused += 1;
        assert.equal(status, 400);
        assert.equal(
          body.error.message,
          wrong === 0 ? 'weight assigned to unknown host' : 'missing weight for host',
        );
        continue;
      }
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(Object.keys(body), ['hosts']);
      for (const name of body.hosts as string[])
        assert.ok(names.includes(name) && fleet.positionOf(name) !== undefined, name);
      assert.equal(new Set(body.hosts).size, body.hosts.length);
      placed += body.hosts.length > 0 ? 1 : 0;
    }
    assert.ok(placed > 500 && refused > 50, `${placed} placed, ${refused} refused`);
  });

  test('takes POST alone', async () => {
    const ask = startCortex(fleetOf(host('a')));
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE'] as const) {
      const { status, body } = await ask(method, external);
      assert.deepEqual([status, body.error.message], [405, 'invalid request method']);
    }
  });

  test('refuses what is no request, and a pipeline that is not there', async () => {
    const ask = startCortex(fleetOf(host('a')));
    for (const body of [null, {}, { ...simple(), spec: {} }, { ...simple(), hosts: 'a' }, [1]])
      assert.equal((await ask('POST', external, body ?? [])).status, 400, JSON.stringify(body));
    const vmware = simple({ 'capabilities:hypervisor_type': 'VMware vCenter Server' });
    assert.equal((await ask('POST', external, vmware)).status, 400);
    const named = { ...simple(), pipeline: 'nothing' };
    const { status, body } = await ask('POST', external, named);
    assert.deepEqual([status, body.error.message], [400, 'pipeline nothing not found']);
  });

  test('decides nothing before it knows the fleet, so that Nova goes on by itself', async () => {
    const ask = startCortex(new Fleet(), { isReady: false });
    assert.equal((await ask('POST', external, withHosts(simple(), ['a']))).status, 503);
  });

  test('says that there is no host only after a fresh look', async () => {
    const fleet = new Fleet();
    const ask = startCortex(fleet, { onRefresh: () => fleet.apply(host('new')) });
    const { body } = await ask('POST', external, withHosts(simple(), ['new']));
    assert.deepEqual(body, { hosts: ['new'] });
  });

  test('tells once of each decision, but not of questions', async () => {
    const [fleet, noted]: [Fleet, string[]] = [new Fleet(), []];
    const ask = startCortex(fleet, { onRefresh: () => fleet.apply(host('new')), noted });
    for (const options of [{}, { read_only: true }, { skip_history: true }])
      await ask('POST', external, { ...withHosts(simple(), ['new']), options });
    assert.deepEqual(noted, ['server new'], 'decided twice, since the first look found no host');
  });

  test('has a pipeline where the flavor names no type of hypervisor', async () => {
    const ask = startCortex(fleetOf(host('a'), host('b', { memoryGib: [100, 256] })));
    const { body } = await ask('POST', external, withHosts(simple(), ['a', 'b', 'c']));
    assert.deepEqual(body, { hosts: ['a', 'b'] });
    const hana = simple({
      'capabilities:hypervisor_type': 'qemu',
      'trait:CUSTOM_HANA_EXCLUSIVE_HOST': 'required',
    });
    assert.deepEqual((await ask('POST', external, withHosts(hana, ['a', 'b']))).body, {
      hosts: [],
    });
  });

  test('sends evacuated servers to different hosts first, each to the same one again', async () => {
    const ask = startCortex(
      fleetOf(...Array.from({ length: 6 }, (_, at) => host(`h${at}`, { memoryGib: [at, 256] }))),
    );
    const first = async (server: string): Promise<string> => {
      const request = {
        ...withHosts(
          simple({}, { _nova_check_type: ['evacuate'] }),
          Array.from({ length: 6 }, (_, at) => `h${at}`),
        ),
        options: { read_only: true },
      };
      request.spec['nova_object.data'].instance_uuid = server;
      const { body } = await ask('POST', external, request);
      assert.deepEqual(body.hosts.slice(3), ['h3', 'h4', 'h5']);
      return body.hosts[0] as string;
    };
    const firsts = await Promise.all(Array.from({ length: 40 }, (_, at) => first(`server${at}`)));
    assert.deepEqual([...new Set(firsts)].sort(), ['h0', 'h1', 'h2']);
    assert.equal(await first('server0'), firsts[0]);
  });

  test('bounds the answer by max_candidates', async () => {
    const ask = startCortex(fleetOf(host('a'), host('b'), host('c')));
    const request = { ...withHosts(simple(), ['a', 'b', 'c']), options: { max_candidates: 2 } };
    assert.equal((await ask('POST', external, request)).body.hosts.length, 2);
  });

  test('may be closed to all but services', async () => {
    const ask = startCortex(fleetOf(host('a')), { schedulersNeedToken: true });
    const request = withHosts(simple(), ['a']);
    assert.equal((await ask('POST', external, request)).status, 401);
    assert.equal((await ask('POST', external, request, 'member')).status, 403);
    assert.equal((await ask('POST', external, request, 'admin')).status, 200);
    assert.equal((await ask('GET', external, null, 'admin')).status, 405);
  });
});

describe("Cinder's external scheduler", () => {
  test("orders Cinder's hosts by Cinder's weights", async () => {
    const ask = startCortex(new Fleet());
    const request = {
      spec: { volume_properties: { size: 1 } },
      context: {},
      hosts: [{ host: 'a@x#p' }, { host: 'b@x#p' }, { host: 'c@x#p' }],
      weights: { 'a@x#p': 1, 'b@x#p': 3, 'c@x#p': 1 },
    };
    const { status, body } = await ask('POST', '/cinder/external', request);
    assert.deepEqual([status, body], [200, { hosts: ['b@x#p', 'a@x#p', 'c@x#p'] }]);
    const wrong = { ...request, weights: { 'a@x#p': 1 } };
    assert.equal((await ask('POST', '/cinder/external', wrong)).status, 400);
    assert.equal((await ask('GET', '/cinder/external')).status, 405);
  });
});

describe('a decision that was made', () => {
  test('is explained to administrators alone', async () => {
    const ask = startCortex(fleetOf(host('a'), host('b', { disabled: true })));
    await ask('POST', external, withHosts(simple(), ['a', 'b']));
    assert.equal((await ask('GET', '/decisions/server', null, 'member')).status, 403);
    assert.equal((await ask('GET', '/decisions/server')).status, 401);
    assert.equal((await ask('GET', '/decisions/other', null, 'admin')).status, 404);
    const { body } = await ask('GET', '/decisions/server?host=b', null, 'admin');
    const [decision] = body.decisions;
    assert.equal(decision.why_not, 'filter_status_conditions: the host is disabled.');
    assert.equal(decision.targets[0].host, 'a');
    assert.equal(decision.intent, 'unknown');
  });

  test('keeps the cause of a failure, though the fleet has changed', async () => {
    const fleet = fleetOf(host('a', { memoryGib: [256, 256] }));
    const ask = startCortex(fleet);
    assert.deepEqual((await ask('POST', external, withHosts(simple(), ['a']))).body, { hosts: [] });
    fleet.apply(host('a'));
    const { body } = await ask('GET', '/decisions/server', null, 'admin');
    assert.equal(body.decisions[0].no_host.cause, 'capacity');
  });
});
