// The Nova Agent: executes the conductor's calls on its hypervisor, reports the host's guests and
// resources, and reconciles the host at start. Has no database.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ComputeAgentRpc } from '#contracts/nova/compute-agent-rpc.ts';
import { computeTopic } from '#contracts/nova/compute-agent-rpc.ts';
import type { ConductorRpc } from '#contracts/nova/conductor-rpc.ts';
import { conductorTopic } from '#contracts/nova/conductor-rpc.ts';
import type { GuestArrival } from '#contracts/nova/live-migration.ts';
import type { Serving } from '#platform/bus/bus.ts';
import type { HandlersOf } from '#platform/bus/contract.ts';
import { rpcClient, rpcServer } from '#platform/bus/contract.ts';
import { fencedHandlers } from '#platform/bus/fenced-handlers.ts';
import type { Ids } from '#platform/ids.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import { createTroubleLog } from '#platform/trouble-log.ts';
import { createGuestBuilds } from './build-guest.ts';
import type { NovaAgentDeps } from './deps.ts';
import { createDeviceMender } from './mend-devices.ts';
import { createGuestMigrations } from './migrate-guests.ts';
import { reconcile } from './reconcile.ts';
import { createGuestReporter } from './report-guests.ts';
import { reportResources } from './report-resources.ts';
import { uploadRoot } from './upload-root.ts';

export interface NovaAgent {
  /**
   * Registers the host, reconciles it and serves its topic. unavailable: the hypervisor or the
   * control plane does not answer; call it again.
   */
  start(): Promise<Outcome<void>>;
  tasks: readonly Task[];
  /** Reports that the agent stops, and waits for calls in progress; guests keep running. */
  stop(): Promise<void>;
}

// Placement is compared at this interval even if nothing has changed on the host, to restore what
// somebody has removed there.
const reportAgainMs = 5 * 60_000;
const stopTimeoutMs = 2_000;

const nothing = async (work: Promise<Outcome<void>>): Promise<Outcome<null>> => {
  const outcome = await work;
  return isFault(outcome) ? outcome : null;
};

export function createNovaAgent(deps: NovaAgentDeps & { ids: Ids }): NovaAgent {
  const { hypervisor, bus, config, log, ids } = deps;
  const conductor = rpcClient<ConductorRpc>(bus, conductorTopic);
  const builds = createGuestBuilds(deps);
  const migrations = createGuestMigrations(deps);
  const mendDevices = createDeviceMender(deps);
  const heartbeatMs = 10_000;
  const troubles = createTroubleLog(log.child({ host: config.host }));
  const reporter = createGuestReporter(deps, conductor, troubles, () => ids.requestId());
  let serving: Serving | undefined;
  let reported = { facts: '', untilMs: 0 };

  const handlers: HandlersOf<ComputeAgentRpc> = {
    buildGuest: async ({ spec }, { deadlineMs }) =>
      await builds.run(spec, deadlineMs, async () => await hypervisor.create(spec)),
    prepareMove: async ({ spec }, { deadlineMs }) =>
      await builds.run(spec, deadlineMs, async () => undefined),
    placeGuest: async ({ spec, start }, { deadlineMs }) =>
      await builds.place(spec, deadlineMs, start),
    offerDisks: async ({ uuid, flat, forMs }) => await hypervisor.offerDisks(uuid, { flat, forMs }),
    withdrawDisks: async ({ uuid }) => await nothing(hypervisor.withdrawDisks(uuid)),
    fetchDisks: async ({ spec, offer }, { deadlineMs }) =>
      await builds.fetch(spec, offer, deadlineMs),
    breakLocks: async ({ spec, host }) => await nothing(hypervisor.breakLocks(spec, host)),
    abandonBuild: async ({ uuid }) => {
      builds.abandon(uuid);
      return null;
    },
    rebuildGuest: async ({ spec, start }, { deadlineMs }) =>
      await builds.run(spec, deadlineMs, async () => await hypervisor.rebuild(spec, start)),
    rescueGuest: async ({ uuid, spec }, { deadlineMs }) =>
      await builds.run(spec, deadlineMs, async () => await hypervisor.rescue(uuid, spec)),
    unrescueGuest: async ({ uuid }) => await nothing(hypervisor.unrescue(uuid)),
    startGuest: async ({ uuid }) => await nothing(hypervisor.start(uuid)),
    stopGuest: async ({ uuid, timeoutMs }) => await nothing(hypervisor.stop(uuid, timeoutMs)),
    rebootGuest: async ({ uuid, kind, timeoutMs }) =>
      await nothing(hypervisor.reboot(uuid, kind, timeoutMs)),
    pauseGuest: async ({ uuid }) => await nothing(hypervisor.pause(uuid)),
    unpauseGuest: async ({ uuid }) => await nothing(hypervisor.unpause(uuid)),
    suspendGuest: async ({ uuid }) => await nothing(hypervisor.suspend(uuid)),
    resumeGuest: async ({ uuid }) => await nothing(hypervisor.resume(uuid)),
    attachNic: async ({ uuid, nic }) => await nothing(hypervisor.attachNic(uuid, nic)),
    detachNic: async ({ uuid, portId }) => await nothing(hypervisor.detachNic(uuid, portId)),
    attachVolume: async ({ uuid, volume }) => await nothing(hypervisor.attachVolume(uuid, volume)),
    detachVolume: async ({ uuid, volumeId }) => {
      const outcome = await hypervisor.detachVolume(uuid, volumeId);
      return isFault(outcome) && outcome.kind !== 'notFound' ? outcome : null;
    },
    resizeVolume: async ({ uuid, volumeId, sizeGib }) =>
      await nothing(hypervisor.resizeVolume(uuid, volumeId, sizeGib)),
    snapshotVolume: async ({ uuid, volumeId, next }) =>
      await nothing(hypervisor.snapshotVolume(uuid, volumeId, next)),
    uploadRoot: async (wanted) => await uploadRoot(deps, wanted),
    destroyGuest: async ({ uuid }) => {
      builds.abandon(uuid);
      return await nothing(hypervisor.destroy(uuid));
    },
    guestDeparture: async ({ uuid }) => wrap('departure', await hypervisor.departure(uuid)),
    prepareArrival: async ({ spec, departure }, { deadlineMs }) => {
      const destination: { arrival?: GuestArrival } = {};
      const prepared = await builds.run(spec, deadlineMs, async () => {
        const arrival = await hypervisor.prepareArrival(spec, departure);
        if (isFault(arrival)) return arrival;
        destination.arrival = arrival;
      });
      if (isFault(prepared)) return prepared;
      return destination.arrival
        ? { arrival: destination.arrival }
        : fault('timeout', 'Nobody waits for it.');
    },
    abandonArrival: async ({ uuid }) => {
      builds.abandon(uuid);
      return await nothing(hypervisor.abandonArrival(uuid));
    },
    migrateGuest: async ({ uuid, terms, waitMs }) => await migrations.run(uuid, terms, waitMs),
    abortMigration: async ({ uuid }) => await nothing(migrations.abort(uuid)),
    completeMigration: async ({ uuid, postCopy }) =>
      await nothing(hypervisor.completeMigration(uuid, { postCopy })),
    isDeparting: async ({ uuid }) => {
      const progress = await hypervisor.migrationProgress(uuid);
      if (isFault(progress) && (progress.kind === 'notFound' || progress.kind === 'conflict'))
        return { departing: false };
      return isFault(progress) ? progress : { departing: progress !== null };
    },
    arrivalState: async ({ uuid }) => wrap('state', await hypervisor.arrivalState(uuid)),
    settleArrival: async ({ uuid }) => await nothing(hypervisor.settleArrival(uuid)),
    forgetDeparted: async ({ uuid }) => await nothing(hypervisor.forgetDeparted(uuid)),
    pciAddresses: async ({ uuid }) => wrap('addresses', await hypervisor.pciAddresses(uuid)),
    guestState: async ({ uuid }) => wrap('state', await hypervisor.state(uuid)),
    consoleLog: async ({ uuid, maxBytes }) =>
      wrap('text', await hypervisor.consoleLog(uuid, maxBytes)),
    vncConsole: async ({ uuid }) => await hypervisor.vncSocket(uuid),
    diagnostics: async ({ uuid }) => wrap('diagnostics', await hypervisor.diagnostics(uuid)),
    facts: async () => wrap('facts', await hypervisor.facts()),
  };

  /**
   * Sends a heartbeat with the host's facts to the conductor. Compares inventory and traits at
   * Placement if the facts have changed, or `reportAgainMs` has passed.
   */
  async function report(starting: boolean): Promise<Outcome<void>> {
    const facts = await hypervisor.facts();
    if (isFault(facts)) return facts;
    const answer = await conductor.call(
      'reportHost',
      {
        host: config.host,
        facts,
        version: config.version,
        starting,
        startsDisabled: config.startsDisabled,
      },
      { timeoutMs: 15_000, requestId: ids.requestId() },
    );
    if (isFault(answer)) return answer;
    const { freeDiskGib: _moving, ...fixed } = facts;
    const now = JSON.stringify({ ...fixed, reserved: config.reserved() });
    if (now === reported.facts && deps.clock.now() < reported.untilMs) return undefined;
    const reportResult = await reportResources(deps, answer.nodeUuid, facts);
    if (!isFault(reportResult))
      reported = { facts: now, untilMs: deps.clock.now() + reportAgainMs };
    return reportResult;
  }

  return {
    async start() {
      const registered = await report(true);
      if (isFault(registered)) return registered;
      if (!(await reconcile(deps, conductor, ids.requestId(), config)))
        return fault('unavailable', `What should run on ${config.host} is not known yet.`);
      const { topic, handlers: rows } = rpcServer<ComputeAgentRpc>(
        computeTopic(config.host),
        handlers,
      );
      serving ??= bus.serve(topic, fencedHandlers(rows), { concurrency: 16 });
      await reporter.all(ids.requestId());
      log.info({ host: config.host }, 'nova agent ready');
      return undefined;
    },
    tasks: [
      {
        name: 'nova-agent.report-host',
        everyMs: heartbeatMs,
        scope: 'every',
        run: async () => {
          troubles.note('report-host', await report(false), 'host not reported');
        },
      },
      {
        name: 'nova-agent.sync-power-states',
        everyMs: config.syncEveryMs,
        scope: 'every',
        run: async () => {
          const requestId = ids.requestId();
          // Stops or destroys guests that should not run here, e.g. of a deleted server. Never
          // starts guests: one that ended stays off.
          const expected = await reconcile(deps, conductor, requestId, { resumeGuests: false });
          if (expected) await mendDevices(expected);
          await reporter.all(requestId);
        },
      },
      {
        name: 'nova-agent.collect-garbage',
        everyMs: config.garbageEveryMs,
        scope: 'every',
        run: async () => {
          const used = await conductor.call(
            'imagesInUse',
            { host: config.host },
            { timeoutMs: 30_000, requestId: ids.requestId() },
          );
          if (isFault(used)) return;
          const garbage = await hypervisor.collectGarbage(
            new Set(used.imageIds),
            config.keepImagesMs,
          );
          troubles.note('collect-garbage', garbage, 'garbage not collected');
          if (!isFault(garbage) && garbage.length > 0)
            log.info({ host: config.host, removed: garbage }, 'garbage collected');
        },
      },
    ],
    async stop() {
      reporter.close();
      if (serving)
        await conductor.call(
          'agentStops',
          { host: config.host },
          { timeoutMs: stopTimeoutMs, requestId: ids.requestId() },
        );
      await serving?.close();
      await hypervisor.close();
    },
  };
}

function wrap<K extends string, T>(key: K, outcome: Outcome<T>): Outcome<Record<K, T>> {
  // A cast, because TypeScript widens a computed key to string.
  return isFault(outcome) ? outcome : ({ [key]: outcome } as Record<K, T>);
}
