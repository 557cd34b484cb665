// Power operations: start, stop, reboot, pause, suspend. Stateless: each call reads the guest's
// state first and does nothing if that is already the wanted one.
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { GuestState } from '#contracts/nova/guest.ts';
import type { Driver } from './driver.ts';
import { asOutcome } from './outcome.ts';
import { SHUTDOWN } from './rpc/flags.ts';
import { remote, type Domain } from './rpc/protocol.ts';
import { startLocked } from './volume-locks.ts';

/** A guest that is still booting ignores an ACPI power button press, so it is repeated. */
const acpiEveryMs = 2_000;
/** Interval at which the guest agent is asked to shut the guest down as well. */
const agentEveryMs = 10_000;
/**
 * Events are missed while the connection to libvirt is lost, so the state is read at least this
 * often.
 */
const pollEveryMs = 500;
/** Deadline of a suspend, which writes the guest's memory to disk. */
const saveMs = 10 * 60_000;

/** Runs `work` with the guest's domain and state. notFound: no such guest. */
function onGuest(
  driver: Driver,
  uuid: string,
  work: (domain: Domain, state: GuestState) => Promise<Outcome<void>>,
): Promise<Outcome<void>> {
  return asOutcome(async () => {
    const domain = await driver.domains.find(uuid);
    if (!domain) return fault('notFound', `no guest ${uuid} on this host`);
    return work(domain, await driver.domains.state(uuid));
  });
}

function wrongState(action: string, uuid: string, state: GuestState): Outcome<void> {
  return fault('conflict', `cannot ${action} guest ${uuid} while it is ${state}`, { state });
}

/**
 * Starts the domain under the guest's lock, so that no volume is being attached or detached
 * meanwhile.
 */
async function start(driver: Driver, domain: Domain): Promise<Outcome<void>> {
  return await driver.locks.run(domain.uuid, async () => await startLocked(driver, domain));
}

export function startGuest(driver: Driver, uuid: string): Promise<Outcome<void>> {
  return onGuest(driver, uuid, async (domain, state) => {
    if (state === 'running') return;
    if (state === 'paused') return wrongState('start', uuid, state);
    return await start(driver, domain);
  });
}

export function stopGuest(driver: Driver, uuid: string, timeoutMs: number): Promise<Outcome<void>> {
  return onGuest(driver, uuid, async (domain, state) => {
    // A paused guest cannot react to the button; a suspended one has nothing to shut down, only
    // saved memory to discard.
    if (state === 'running' && timeoutMs > 0 && (await askToShutDown(driver, domain, timeoutMs)))
      return;
    await driver.domains.powerOff(domain);
    await driver.domains.dropManagedSave(domain);
  });
}

export function rebootGuest(
  driver: Driver,
  uuid: string,
  kind: 'soft' | 'hard',
  timeoutMs: number,
): Promise<Outcome<void>> {
  return onGuest(driver, uuid, async (domain, state) => {
    switch (state) {
      case 'running':
        // If this process dies between off and on, the next call finds the guest shut off and
        // starts it.
        if (kind === 'soft' && (await askToShutDown(driver, domain, timeoutMs)))
          return start(driver, domain);
        await driver.client.call(remote.domainReset, { domain, flags: 0 });
        return;
      case 'paused':
        await driver.client.call(remote.domainReset, { domain, flags: 0 });
        await driver.client.call(remote.domainResume, { domain });
        return;
      case 'suspended':
        await driver.domains.dropManagedSave(domain);
        return start(driver, domain);
      case 'shutoff':
      case 'crashed':
        return start(driver, domain);
      case 'absent':
        return fault('notFound', `guest ${uuid} is gone`);
    }
  });
}

export function pauseGuest(driver: Driver, uuid: string): Promise<Outcome<void>> {
  return onGuest(driver, uuid, async (domain, state) => {
    if (state === 'paused') return;
    if (state !== 'running') return wrongState('pause', uuid, state);
    await driver.client.call(remote.domainSuspend, { domain });
  });
}

export function unpauseGuest(driver: Driver, uuid: string): Promise<Outcome<void>> {
  return onGuest(driver, uuid, async (domain, state) => {
    if (state === 'running') return;
    if (state !== 'paused') return wrongState('unpause', uuid, state);
    await driver.client.call(remote.domainResume, { domain });
  });
}

export function suspendGuest(driver: Driver, uuid: string): Promise<Outcome<void>> {
  return onGuest(driver, uuid, async (domain, state) => {
    if (state === 'suspended') return;
    if (state !== 'running' && state !== 'paused') return wrongState('suspend', uuid, state);
    await driver.client.call(remote.domainManagedSave, { domain, flags: 0 }, saveMs);
  });
}

export function resumeGuest(driver: Driver, uuid: string): Promise<Outcome<void>> {
  return onGuest(driver, uuid, async (domain, state) => {
    if (state === 'running') return;
    if (state === 'paused') return driver.client.call(remote.domainResume, { domain });
    if (state !== 'suspended') return wrongState('resume', uuid, state);
    return await start(driver, domain);
  });
}

/** Presses the power button until the guest is off. false: still on after `timeoutMs`. */
async function askToShutDown(driver: Driver, domain: Domain, timeoutMs: number): Promise<boolean> {
  const startedAtMs = driver.now();
  let pressAtMs = startedAtMs;
  let agentAtMs = startedAtMs;
  for (;;) {
    const nowMs = driver.now();
    if (nowMs >= pressAtMs) {
      pressAtMs = nowMs + acpiEveryMs;
      await press(driver, domain, SHUTDOWN.acpi);
    }
    if (nowMs >= agentAtMs) {
      agentAtMs = nowMs + agentEveryMs;
      void press(driver, domain, SHUTDOWN.agent).catch((error: unknown) =>
        driver.log.error({ server: domain.uuid, err: error }, 'shutdown request failed'),
      ); // libvirt itself may take 5 s to find that the agent does not answer
    }
    await driver.events.next(
      domain.uuid,
      Math.max(1, Math.min(pollEveryMs, startedAtMs + timeoutMs - driver.now())),
    );
    const current = await driver.domains.find(domain.uuid);
    if (!current || !(await driver.domains.isActive(current))) return true;
    if (driver.now() - startedAtMs >= timeoutMs) return false;
  }
}

/**
 * Requests a shutdown once, by ACPI or by the guest agent (`way`). A failure is only logged: the
 * guest may be off meanwhile, or have no agent. The caller reads the state.
 */
async function press(driver: Driver, domain: Domain, way: number): Promise<void> {
  const pressed = await asOutcome(() =>
    driver.client.call(remote.domainShutdownFlags, { domain, flags: way }),
  );
  if (isFault(pressed))
    driver.log.debug(
      { server: domain.uuid, way, reason: pressed.message },
      'shutdown request not delivered',
    );
}
