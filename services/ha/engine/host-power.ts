// Reads and switches a host's power by its BMC. The time limits are shorter than the BMC driver's
// own, so that a slow BMC does not delay other hosts.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { withDeadline } from '#platform/clock.ts';
import type { PowerAction, PowerState } from '#ports/bmc.ts';
import type { StepDeps } from './step.ts';

type Deps = Pick<StepDeps, 'bmcs' | 'clock'>;

const [readTimeoutMs, switchTimeoutMs] = [3_000, 5_000];

const late = (ms: number) => (): Fault => fault('timeout', `the BMC has not answered in ${ms} ms`);

/** The power as the BMC reports it; undefined: the host has no BMC. */
export async function readPower(
  { bmcs, clock }: Deps,
  host: string,
): Promise<Outcome<PowerState> | undefined> {
  const bmc = bmcs.bmcOf(host);
  return bmc && (await withDeadline(bmc.powerState(), readTimeoutMs, late(readTimeoutMs), clock));
}

/**
 * Orders the BMC to switch the host on or off. After a timeout the BMC may still have accepted the
 * order. Does nothing if the host has no BMC.
 */
export async function switchPower(
  { bmcs, clock }: Deps,
  host: string,
  action: Extract<PowerAction, 'On' | 'ForceOff'>,
): Promise<Outcome<void>> {
  const bmc = bmcs.bmcOf(host);
  return (
    bmc && (await withDeadline(bmc.power(action), switchTimeoutMs, late(switchTimeoutMs), clock))
  );
}
