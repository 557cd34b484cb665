// The power of a host by its BMC, within a time that holds up no other host: a BMC's own deadlines
// are longer.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { withDeadline } from '#platform/clock.ts';
import type { PowerAction, PowerState } from '#ports/bmc.ts';
import type { StepDeps } from './step.ts';

type Deps = Pick<StepDeps, 'bmcs' | 'clock'>;

const [readTimeoutMs, switchTimeoutMs] = [3_000, 5_000];

const late = (ms: number) => (): Fault => fault('timeout', `the BMC has not answered in ${ms} ms`);

/** undefined: it has none. */
export async function readPower(
  { bmcs, clock }: Deps,
  host: string,
): Promise<Outcome<PowerState> | undefined> {
  const bmc = bmcs.bmcOf(host);
  return bmc && (await withDeadline(bmc.powerState(), readTimeoutMs, late(readTimeoutMs), clock));
}

/** After a timeout the order may have been taken. Does nothing where there is no BMC. */
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
