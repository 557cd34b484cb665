// The chassis of a local host, behind its emulated BMC: power orders start and stop the host's
// init, and record whether keep-local-host.ts may start the host.
import { cpus, totalmem } from 'node:os';
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Chassis } from '#hosts/bmc/chassis.ts';
import type { LocalHosts } from '#hosts/local/local-hosts.ts';
import type { NetworkFacts } from '#hosts/local/network-facts.ts';
import { interfacesOf } from '#hosts/local/underlay.ts';
import type { Clock } from '#platform/clock.ts';
import type { HostKeeper, LocalHostSpec } from './keep-local-host.ts';
import { shutDownGuests } from './shut-down-guests.ts';

export interface LocalChassisDeps {
  hosts: LocalHosts;
  network: NetworkFacts;
  keeper: Pick<HostKeeper, 'hasAgents'>;
  clock: Clock;
}

const [guestsTimeoutMs, agentsTimeoutMs, pollEveryMs] = [30_000, 15_000, 50];
const gib = 1024 ** 3;

export function createLocalChassis(
  { hosts, network, keeper, clock }: LocalChassisDeps,
  { name, index, share }: Pick<LocalHostSpec, 'name' | 'index' | 'share'>,
): Chassis {
  /**
   * Waits until the host's agents have ended: an agent that saw the guests end would report to Nova
   * that they shut themselves down.
   */
  async function agentsEnd(signal: AbortSignal): Promise<void> {
    const until = clock.monotonicMs() + agentsTimeoutMs;
    while (keeper.hasAgents() && clock.monotonicMs() < until && !signal.aborted)
      await clock.sleep(pollEveryMs, { signal }).catch(() => undefined);
  }

  return {
    async facts() {
      const [processor] = cpus();
      const host = await hosts.state(name);
      return {
        model: 'host in namespaces',
        processorModel: processor?.model ?? '',
        processors: Math.max(1, Math.round(cpus().length * share())),
        memoryGib: Math.round((totalmem() * share()) / gib),
        interfaces: isFault(host) ? [] : await interfacesOf(host.netns),
      };
    },
    async state() {
      const host = await hosts.state(name);
      if (isFault(host)) return host;
      return {
        boot: host.initPid === null ? null : String(host.initPid),
        isReady: host.state === 'running',
        isKeptOff: host.heldOff,
      };
    },
    async cutPower() {
      const marking = await hosts.holdOff(name);
      return isFault(marking) ? marking : await hosts.powerOff(name);
    },
    async shutDown(signal): Promise<Outcome<void>> {
      const marking = await hosts.holdOff(name);
      if (isFault(marking)) return marking;
      await agentsEnd(signal);
      const host = await hosts.state(name);
      if (isFault(host)) return host;
      if (host.state === 'running') await shutDownGuests(host, guestsTimeoutMs);
      return signal.aborted ? undefined : await hosts.powerOff(name);
    },
    async switchOn() {
      const released = await hosts.release(name);
      if (isFault(released)) return released;
      const on = await hosts.powerOn(name, { index, network });
      return isFault(on) ? on : undefined;
    },
  };
}
