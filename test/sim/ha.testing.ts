// A simulated cloud with HA under a fake clock, for ha.test.ts: real Nova, real HA Service and
// agents, hosts that die, freeze and are cut off. Checked all the time: no guest runs on two hosts.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSecrets } from '#compose/home.ts';
import type { Secrets } from '#compose/home.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { HaState } from '#contracts/ha/host-states.ts';
import type { Heartbeat, HostDetail, HostList } from '#contracts/ha/wire.ts';
import { createServiceSession } from '#openstack/auth/service-session.ts';
import { askService, itself } from '#openstack/clients/call.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import type { Bus } from '#platform/bus/bus.ts';
import { seededIds } from '#platform/ids.ts';
import { createLog, silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import type { FakeClock } from '#platform/testing/fake-clock.ts';
import type { HaConfig } from '#services/ha/deps.ts';
import { makeFilesInstant } from './instant-files.ts';
import { instantPasswords } from './instant-passwords.ts';
import { createInvariants } from './invariants.ts';
import type { SimCloud } from './sim-cloud.ts';
import { startSimCloud } from './sim-cloud.ts';
import type { SimControlOptions } from './sim-control.ts';

export interface HaCloud {
  cloud: SimCloud;
  clock: FakeClock;
  /** Drops the heartbeats of the host's HA Agent, or delivers them again. */
  silence(host: string, isSilent?: boolean): void;
  /** Cuts the host off from the HA Service, its neighbours and the storage; its guests run on. */
  cutOff(host: string, isCut?: boolean): void;
  /** Creates `count` servers on the host. */
  serversOn(host: string, count: number): Promise<string[]>;
  hypervisors(): Promise<HostList['hypervisors']>;
  detail(host: string): Promise<HostDetail>;
  reaches(host: string, state: HaState, withinMs?: number): Promise<void>;
  acknowledge(host: string): Promise<void>;
  hostOf(id: string): Promise<string | null | undefined>;
}

export interface HaCloudOptions {
  hosts?: number;
  processes?: number;
  seed?: number;
  ha?: Partial<HaConfig>;
  /** Changes what an HA Agent reports; `isSilent`: whether a host's own heartbeats are dropped. */
  wrapHeartbeats?(heartbeat: Heartbeat, isSilent: (host: string) => boolean): Heartbeat;
  wrapTasks?: SimControlOptions['wrapTasks'];
}

const reachesWithinMs = 120_000;
const watchEveryMs = 100;

/** Runs `story` in a cloud of its own, and checks all the time that no guest runs twice. */
export async function inHaCloud(
  { hosts = 4, processes = 1, seed = 1, ha = {}, wrapHeartbeats, wrapTasks }: HaCloudOptions,
  story: (haCloud: HaCloud) => Promise<void>,
): Promise<void> {
  const folder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const dir = mkdtempSync(join(folder, 'cobalt-ha-'));
  const filesAsBefore = makeFilesInstant();
  const clock = createFakeClock();
  const invariants = createInvariants(clock);
  const ids = seededIds(seed);
  const cuts: Cuts = { silent: new Set(), deaf: new Set() };
  try {
    const cloud = await startSimCloud({
      dir,
      hosts,
      clock,
      ids,
      log: process.env['HA_LOG'] ? createLog({ level: 'info' }) : silentLog,
      inMemory: true,
      ha: { enabled: true, startGraceMs: 15_000, ...ha },
      wrapAgentHttp: (http) => withoutReports(http, cuts, wrapHeartbeats),
      control: {
        processes,
        longestSkewMs: processes > 1 ? 1_000 : 0,
        keystone: instantPasswords,
        invariants,
        wrapBus: (bus) => withoutCalls(bus, cuts),
        ...(wrapTasks && { wrapTasks }),
      },
    });
    const twice: string[] = [];
    const watch = clock.every(watchEveryMs, () => void twice.push(...cloud.runningTwice()), {
      onError: (error) => assert.fail(String(error)),
    });
    try {
      await story(heldCloud(cloud, clock, cuts, await readSecrets(dir)));
      assert.deepEqual(twice, [], 'guests that ran on two hosts');
      assert.deepEqual(invariants.violations(), []);
    } finally {
      await watch.stop();
      await cloud.stop();
    }
  } finally {
    clock.stop();
    filesAsBefore();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Hosts whose heartbeats are dropped, and hosts whose agents receive no RPC calls. */
interface Cuts {
  silent: Set<string>;
  deaf: Set<string>;
}

const noAnswer = fault('timeout', 'the host does not answer');

const withoutReports = (
  http: HttpClient,
  { silent }: Cuts,
  wrap: NonNullable<HaCloudOptions['wrapHeartbeats']> = (heartbeat) => heartbeat,
): HttpClient => ({
  async send(call) {
    const { host, saw } = (call.service === 'ha' ? call.body : {}) as Partial<Heartbeat>;
    if (host !== undefined && silent.has(host)) return noAnswer;
    if (host === undefined || saw === undefined) return await http.send(call);
    // Casts: a body of `ha` with host and saw is a heartbeat, which is plain JSON.
    const heartbeat = wrap(call.body as unknown as Heartbeat, (each) => silent.has(each));
    return await http.send({ ...call, body: heartbeat as unknown as Json });
  },
});

const withoutCalls = (bus: Bus, { deaf }: Cuts): Bus => ({
  ...bus,
  serve: (...args) => bus.serve(...args),
  cast: async (...args) => await bus.cast(...args),
  fanout: async (...args) => await bus.fanout(...args),
  close: async () => await bus.close(),
  async call(topic, ...rest) {
    const host = /^compute\.(.*)$/.exec(topic)?.[1];
    return host !== undefined && deaf.has(host) ? noAnswer : await bus.call(topic, ...rest);
  },
});

function heldCloud(
  cloud: SimCloud,
  clock: FakeClock,
  { silent, deaf }: Cuts,
  { admin }: Secrets,
): HaCloud {
  const { http } = cloud.control;
  const user = { name: 'admin', password: admin, project: 'admin' };
  const deps = { http, session: createServiceSession({ http, clock, user }) };
  const askHa = askService(deps, itself, {
    service: 'ha',
    root: '/api/hypervisors',
    timeoutMs: 10_000,
    refusal: (status, _body, path) => fault('conflict', `${path}: ${status}`),
  });
  /**
   * Asks the HA Service, again and again: a process that is stopping does not answer. Throws for a
   * conflict.
   */
  const ask = async <T>(method: 'GET' | 'POST', path: string): Promise<T> => {
    const answer = await askHa(method, path);
    if (!isFault(answer)) return answer as T; // cast: the caller names the type
    if (answer.kind === 'conflict') throw new Error(answer.message);
    await clock.sleep(100);
    return await ask(method, path);
  };
  const haCloud: HaCloud = {
    cloud,
    clock,
    silence: (host, isSilent = true) => void (isSilent ? silent.add(host) : silent.delete(host)),
    cutOff(host, isCut = true) {
      haCloud.silence(host, isCut);
      if (isCut) deaf.add(host);
      else deaf.delete(host);
      for (const way of ['network', 'storage'] as const) cloud.witnesses.cut(host, way, isCut);
    },
    async serversOn(host, count) {
      const servers: string[] = [];
      for (let index = 0; index < count; index += 1)
        servers.push(await cloud.createServer(`vm${index}`, { host }));
      await cloud.quiet(60_000, 500);
      return servers;
    },
    hypervisors: async () => (await ask<HostList>('GET', '')).hypervisors,
    detail: async (host) => await ask<HostDetail>('GET', `/${host}`),
    async reaches(host, state, withinMs = reachesWithinMs) {
      await eventually(
        async () =>
          (await haCloud.hypervisors()).some((each) => each.host === host && each.state === state),
        { withinMs, everyMs: 500, what: `${host} is ${state}`, clock },
      ).catch(async (cause: unknown) => {
        throw new Error(JSON.stringify(await haCloud.detail(host), null, 1), { cause });
      });
    },
    acknowledge: async (host) => await ask('POST', `/${host}/acknowledge`),
    hostOf: async (id) => (await cloud.show(id))?.['OS-EXT-SRV-ATTR:host'],
  };
  return haCloud;
}
