// Attaches devices (interfaces, volumes) to existing guests and detaches them, in the running guest
// and in its definition. A device is identified by its alias, which is made of its id: libvirt
// keeps aliases that begin with `ua-`.
import { setTimeout as delay } from 'node:timers/promises';
import { fault, type Outcome } from '#contracts/common/fault.ts';
import { deviceAlias } from './device-alias.ts';
import { isCode } from './domains.ts';
import type { Driver } from './driver.ts';
import { asOutcome } from './outcome.ts';
import { AFFECT, ERROR } from './rpc/flags.ts';
import { remote, type Domain } from './rpc/protocol.ts';

// A guest that is still booting ignores the ACPI request to release a device, so the request is
// repeated.
const askAgainMs = 3_000;
const pollEveryMs = 50;
const letGoMs = 30_000;

/** A kind of device: `idsIn` returns the ids of those in a domain's XML, in order. */
export interface DeviceKind {
  name: string;
  idsIn(xml: string): string[];
}

export function onDomain<T>(
  driver: Driver,
  uuid: string,
  work: (domain: Domain) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  return driver.locks.run(uuid, () =>
    asOutcome(async () => {
      const domain = await driver.domains.find(uuid);
      return domain ? await work(domain) : fault('notFound', `no guest ${uuid} on this host`);
    }),
  );
}

/** Attaches the device to the running guest, the definition, or both, wherever it is missing. */
export async function plug(
  driver: Driver,
  domain: Domain,
  kind: DeviceKind,
  id: string,
  xml: string[],
): Promise<void> {
  const inConfig = kind.idsIn(await driver.domains.definition(domain)).includes(id);
  const active = await driver.domains.isActive(domain);
  const isLive = active && (await isPlugged(driver, domain, kind, id));
  const flags = (inConfig ? 0 : AFFECT.config) | (active && !isLive ? AFFECT.live : 0);
  if (flags !== 0)
    await driver.client.call(remote.domainAttachDeviceFlags, {
      domain,
      xml: xml.join('\n'),
      flags,
    });
}

/**
 * Removes the device from the definition first: if the guest does not release it now, it is gone at
 * the next start.
 */
export async function unplug(
  driver: Driver,
  domain: Domain,
  kind: DeviceKind,
  id: string,
): Promise<Outcome<void>> {
  if (kind.idsIn(await driver.domains.definition(domain)).includes(id))
    await detach(driver, domain, id, AFFECT.config);
  const untilMs = driver.now() + letGoMs;
  for (
    let askAtMs = driver.now();
    await isPlugged(driver, domain, kind, id);
    await delay(pollEveryMs)
  ) {
    if (driver.now() >= untilMs)
      return fault('timeout', `guest ${domain.uuid} does not let go of the ${kind.name} ${id}`);
    if (driver.now() < askAtMs) continue;
    askAtMs = driver.now() + askAgainMs;
    await detach(driver, domain, id, AFFECT.live);
  }
}

async function isPlugged(
  driver: Driver,
  domain: Domain,
  kind: DeviceKind,
  id: string,
): Promise<boolean> {
  if (!(await driver.domains.isActive(domain))) return false;
  return kind.idsIn(await driver.domains.liveXml(domain)).includes(id);
}

/**
 * Requests the release of the device. An error may mean that it was released meanwhile, the guest
 * is off, or the request was made before: it is logged, and the caller reads the state.
 */
async function detach(driver: Driver, domain: Domain, id: string, flags: number): Promise<void> {
  try {
    await driver.client.call(remote.domainDetachDeviceAlias, {
      domain,
      alias: deviceAlias(id),
      flags,
    });
  } catch (error) {
    if (!isCode(error, ERROR.deviceMissing, ERROR.operationInvalid, ERROR.operationFailed))
      throw error;
    driver.log.debug(
      { server: domain.uuid, device: id, reason: String(error) },
      'detach request not taken',
    );
  }
}
