// Keeps one local host running, with agents for each of its boots. A host that dies is started
// again, unless HA is on. A host that an operator or its BMC keeps off is left alone until it is
// released.
import { join } from 'node:path';
import { createLibvirtHypervisor } from '#adapters/libvirt/libvirt-hypervisor.ts';
import { createLibvirtNodeFacts } from '#adapters/libvirt/node-facts.ts';
import { createNlmImageLocks } from '#adapters/nfs/nlm-image-locks.ts';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { HostHaAgent } from '#hosts/local/host-ha-agent.ts';
import { filerFacts } from '#hosts/local/local-filer.ts';
import type { LocalHost, LocalHosts } from '#hosts/local/local-hosts.ts';
import type { NetworkFacts } from '#hosts/local/network-facts.ts';
import { hostMounts } from '#hosts/local/nfs-client.ts';
import { managementAddress } from '#hosts/local/underlay.ts';
import { createTroubleLog } from '#platform/trouble-log.ts';
import { haAgentSecret, homePaths } from './home.ts';
import {
  makeNeutronAgent,
  makeNodeAgents,
  makeNovaAgent,
  reportHostOff,
  startAgents,
} from './host-agents.ts';
import type { AgentDeps, HostAgent, RunningAgents } from './host-agents.ts';
import { localHaAgent } from './local-ha-agent.ts';

export interface LocalHostDeps extends AgentDeps {
  hosts: LocalHosts;
  network: NetworkFacts;
  acceleration: 'kvm' | 'tcg';
}

export interface HostKeeper {
  /** Resolves when the agents have registered for the first time, or when the host is kept off. */
  settled: Promise<void>;
  /** Whether agents of this host run at present. */
  hasAgents(): boolean;
  stop(): Promise<void>;
}

const checkEveryMs = 1_000;
const certificateEveryMs = 24 * 3_600_000;
/** A host that does not start is retried after 1 s, doubling up to 30 s. */
const longestPauseMs = 30_000;

export interface LocalHostSpec {
  name: string;
  /** The host's number, from 1. */
  index: number;
  /** The part of this machine's resources that the host has at present. */
  share(): number;
  /** The host's compute service is registered as disabled. */
  startsDisabled: boolean;
}

export function keepLocalHost(deps: LocalHostDeps, host: LocalHostSpec): HostKeeper {
  const { hosts, network, clock } = deps;
  const { name } = host;
  const log = deps.log.child({ host: name });
  const troubles = createTroubleLog(log);
  const stopping = new AbortController();
  const settled = Promise.withResolvers<void>();
  let boot: { initPid: number | null; agents: RunningAgents } | undefined;
  let isSaidOff = false;
  let pauseMs = checkEveryMs;
  let certificateAtMs = 0;

  async function check(): Promise<void> {
    const state = await hosts.state(name);
    troubles.note('state', state, 'the state of the host cannot be read');
    if (isFault(state)) return;
    if (boot && (state.heldOff || state.state !== 'running' || state.initPid !== boot.initPid)) {
      const { agents } = boot;
      boot = undefined;
      if (await endsForLong(state, agents)) return;
    }
    if (boot && clock.now() >= certificateAtMs) {
      certificateAtMs = clock.now() + certificateEveryMs;
      troubles.note(
        'certificate',
        await hosts.renewCertificate(name, { index: host.index, network }),
        "the host's certificate is not renewed",
      );
    }
    if (boot) return;
    if (state.heldOff) {
      if (!isSaidOff) await reportHostOff(name, nodeAgentsOf(deps, state, host), deps);
      isSaidOff = true;
      return settled.resolve();
    }
    const configuration = await hosts.setHaAgent(name, haAgentOf(state));
    troubles.note('HA agent', configuration, 'the host is not told which HA Agent it has');
    const on = await hosts.powerOn(name, { index: host.index, network });
    troubles.note('power on', on, 'host does not come up');
    pauseMs = isFault(on) ? Math.min(pauseMs * 2, longestPauseMs) : checkEveryMs;
    if (isFault(on) || stopping.signal.aborted) return;
    const agents = startAgents(name, agentsOf(deps, on, host), deps);
    void agents.started.then(settled.resolve);
    boot = { initPid: on.initPid, agents };
    isSaidOff = false;
  }

  /**
   * The HA Agent of the host, which the host's init runs within the host, like its other daemons;
   * null while HA is off.
   */
  const haAgentOf = (state: LocalHost): HostHaAgent | null =>
    deps.config.ha.enabled
      ? localHaAgent(state, {
          index: host.index,
          network,
          secret: haAgentSecret(deps.secrets, name),
          selfFencingMs: deps.config.ha.selfFencingMs || null,
        })
      : null;

  /**
   * Handles the end of a host; returns whether the host stays off. With HA, a host that died is not
   * started again here but left to the HA Service: it stays off, like a machine without power,
   * until its BMC or an operator switches it on.
   */
  async function endsForLong({ heldOff }: LocalHost, agents: RunningAgents): Promise<boolean> {
    const staysOff = heldOff || deps.config.ha.enabled;
    log.error(
      { heldOff },
      heldOff
        ? 'host is switched off'
        : staysOff
          ? 'host died; it is left to the HA Service'
          : 'host died; it is started again',
    );
    if (staysOff && !heldOff) troubles.note('hold', await hosts.holdOff(name), 'it may start');
    await agents.stop({ hostEnds: true });
    isSaidOff = true;
    return staysOff;
  }

  async function keep(): Promise<void> {
    while (!stopping.signal.aborted) {
      await check().catch((error: unknown) =>
        log.error({ err: error }, 'the host cannot be looked after; tried again'),
      );
      await clock.sleep(pauseMs, { signal: stopping.signal, unref: true }).catch(() => undefined);
    }
    await boot?.agents.stop();
  }

  const keeping = keep();
  return {
    settled: settled.promise,
    hasAgents: () => boot !== undefined,
    async stop() {
      stopping.abort();
      await keeping;
    },
  };
}

function agentsOf(
  deps: LocalHostDeps,
  host: LocalHost,
  { index, share, startsDisabled }: LocalHostSpec,
) {
  const { network, acceleration, clock } = deps;
  const log = deps.log.child({ component: 'libvirt', host: host.name });
  const imageLocks = createNlmImageLocks(
    { host: host.name, folder: join(host.dataDir, 'image-locks') },
    { log, clock },
  );
  const hypervisor = createLibvirtHypervisor(
    {
      socketPath: host.libvirtSocket,
      stateDir: host.dataDir,
      acceleration,
      hostIp: managementAddress(network, index),
      runDir: join(host.dataDir, 'vnc'),
      userspaceSwitch: network.datapath === 'netdev',
      mounts: hostMounts(host.nfsClient, filerFacts(network)),
      imageLocks,
    },
    {
      log,
      images: createQemuDiskImages({ log, socketFolder: homePaths(deps.homeDir).conversions }),
    },
  );
  return [
    makeNovaAgent(deps, { name: host.name, startsDisabled, share }, hypervisor),
    makeNeutronAgent(deps, host, network),
    ...nodeAgentsOf(deps, host, { index }),
  ];
}

const nodeAgentsOf = (
  { network, acceleration, ...deps }: LocalHostDeps,
  host: LocalHost,
  { index }: Pick<LocalHostSpec, 'index'>,
): HostAgent[] =>
  makeNodeAgents(deps, { name: host.name, address: managementAddress(network, index) }, () =>
    createLibvirtNodeFacts(
      { socketPath: host.libvirtSocket, root: `/proc/${host.initPid}/root`, acceleration },
      { log: deps.log.child({ component: 'libvirt', host: host.name }), clock: deps.clock },
    ),
  );
