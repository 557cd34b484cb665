// Keeps one real host of this machine on, with agents for each of its boots: a host that dies is
// started again, one that an operator keeps off is left alone until it is released.
import { join } from 'node:path';
import { createLibvirtHypervisor } from '#adapters/libvirt/libvirt-hypervisor.ts';
import { createNlmImageLocks } from '#adapters/nfs/nlm-image-locks.ts';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import { isFault } from '#contracts/common/fault.ts';
import { filerFacts } from '#hosts/local/local-filer.ts';
import type { LocalHost, LocalHosts } from '#hosts/local/local-hosts.ts';
import type { NetworkFacts } from '#hosts/local/network-facts.ts';
import { hostMounts } from '#hosts/local/nfs-client.ts';
import { createTroubleLog } from '#platform/trouble-log.ts';
import { homePaths } from './home.ts';
import { makeNeutronAgent, makeNovaAgent, startAgents } from './host-agents.ts';
import type { AgentDeps, RunningAgents } from './host-agents.ts';

export interface LocalHostDeps extends AgentDeps {
  hosts: LocalHosts;
  network: NetworkFacts;
  acceleration: 'kvm' | 'tcg';
}

export interface KeptHost {
  /** Resolves when its agents have registered for the first time, or it is kept off. */
  settled: Promise<void>;
  stop(): Promise<void>;
}

const checkEveryMs = 1_000;
/** A host that does not come is tried again after 1 s, doubling to 30 s. */
const longestPauseMs = 30_000;

/** `index`: its number, from 1. `share`: the part of the machine that is its own. */
export function keepLocalHost(
  deps: LocalHostDeps,
  host: { name: string; index: number; share: number },
): KeptHost {
  const { hosts, network, clock } = deps;
  const { name } = host;
  const log = deps.log.child({ host: name });
  const troubles = createTroubleLog(log);
  const stopping = new AbortController();
  const settled = Promise.withResolvers<void>();
  let boot: { initPid: number | null; agents: RunningAgents } | undefined;
  let pauseMs = checkEveryMs;

  async function look(): Promise<void> {
    const state = await hosts.state(name);
    troubles.note('state', state, 'the state of the host cannot be read');
    if (isFault(state)) return;
    if (boot && (state.heldOff || state.state !== 'running' || state.initPid !== boot.initPid)) {
      log.error(
        { heldOff: state.heldOff },
        state.heldOff ? 'host is switched off by an operator' : 'host died; it is started again',
      );
      await boot.agents.stop();
      boot = undefined;
    }
    if (boot) return;
    if (state.heldOff) return settled.resolve();
    const on = await hosts.powerOn(name, { index: host.index, network });
    troubles.note('power on', on, 'host does not come up');
    pauseMs = isFault(on) ? Math.min(pauseMs * 2, longestPauseMs) : checkEveryMs;
    if (isFault(on) || stopping.signal.aborted) return;
    const agents = startAgents(name, agentsOf(deps, on, host.share), deps);
    void agents.started.then(settled.resolve);
    boot = { initPid: on.initPid, agents };
  }

  async function keep(): Promise<void> {
    while (!stopping.signal.aborted) {
      await look().catch((error: unknown) =>
        log.error({ err: error }, 'the host cannot be looked after; tried again'),
      );
      await clock.sleep(pauseMs, { signal: stopping.signal, unref: true }).catch(() => undefined);
    }
    await boot?.agents.stop();
  }

  const keeping = keep();
  return {
    settled: settled.promise,
    async stop() {
      stopping.abort();
      await keeping;
    },
  };
}

function agentsOf(deps: LocalHostDeps, host: LocalHost, share: number) {
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
  return [makeNovaAgent(deps, host.name, hypervisor, share), makeNeutronAgent(deps, host, network)];
}
