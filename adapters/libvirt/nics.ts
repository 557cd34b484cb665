// Network interfaces of guests that exist: plugged in and out, in the running guest and in its definition.
import { setTimeout as delay } from 'node:timers/promises';
import { fault, type Outcome } from '#contracts/common/fault.ts';
import type { GuestNic } from '#contracts/nova/guest.ts';
import { isCode } from './domains.ts';
import type { Driver } from './driver.ts';
import { nicAlias, nicXml, portsIn } from './nic-xml.ts';
import { asOutcome } from './outcome.ts';
import { AFFECT, ERROR } from './rpc/flags.ts';
import { remote, type Domain } from './rpc/protocol.ts';

// A guest that boots does not hear the request to let go (testbed.md, pitfall 12), so it is asked again.
const askAgainMs = 3_000;
const lookEveryMs = 150;
const letGoMs = 30_000;

/** See the port. What was attached only to one of guest and definition is completed. */
export function attachNic(driver: Driver, uuid: string, nic: GuestNic): Promise<Outcome<void>> {
  return onDomain(driver, uuid, async (domain) => {
    const flags = (await whereMissing(driver, domain, nic.portId));
    if (flags !== 0) await driver.client.call(remote.domainAttachDeviceFlags, { domain, xml: nicXml(nic, driver.settings).join('\n'), flags });
  });
}

/** See the port. The definition first: a guest that holds on to it now has lost it at its next start. */
export function detachNic(driver: Driver, uuid: string, portId: string): Promise<Outcome<void>> {
  return onDomain(driver, uuid, async (domain) => {
    if (portsIn(await driver.domains.definition(domain)).includes(portId)) await detach(driver, domain, portId, AFFECT.config);
    const untilMs = driver.now() + letGoMs;
    for (let askAtMs = driver.now(); await isPlugged(driver, domain, portId); await delay(lookEveryMs)) {
      if (driver.now() >= untilMs) return fault('timeout', `guest ${uuid} does not let go of the interface of port ${portId}`);
      if (driver.now() < askAtMs) continue;
      askAtMs = driver.now() + askAgainMs;
      await detach(driver, domain, portId, AFFECT.live);
    }
  });
}

export function nicsOf(driver: Driver, uuid: string): Promise<Outcome<string[]>> {
  return onDomain(driver, uuid, async (domain) => portsIn(await driver.domains.definition(domain)));
}

function onDomain<T>(driver: Driver, uuid: string, work: (domain: Domain) => Promise<Outcome<T>>): Promise<Outcome<T>> {
  return driver.locks.run(uuid, () => asOutcome(async () => {
    const domain = await driver.domains.find(uuid);
    return domain ? await work(domain) : fault('notFound', `no guest ${uuid} on this host`);
  }));
}

async function whereMissing(driver: Driver, domain: Domain, portId: string): Promise<number> {
  const inConfig = portsIn(await driver.domains.definition(domain)).includes(portId);
  const active = await driver.domains.isActive(domain);
  const isLive = active && (await isPlugged(driver, domain, portId));
  return (inConfig ? 0 : AFFECT.config) | (active && !isLive ? AFFECT.live : 0);
}

async function isPlugged(driver: Driver, domain: Domain, portId: string): Promise<boolean> {
  if (!(await driver.domains.isActive(domain))) return false;
  return portsIn(await driver.domains.liveXml(domain)).includes(portId);
}

/** Gone meanwhile, off meanwhile, or asked already: the caller looks at what is. */
async function detach(driver: Driver, domain: Domain, portId: string, flags: number): Promise<void> {
  try {
    await driver.client.call(remote.domainDetachDeviceAlias, { domain, alias: nicAlias(portId), flags });
  } catch (error) {
    if (!isCode(error, ERROR.deviceMissing, ERROR.operationInvalid, ERROR.operationFailed)) throw error;
    driver.log.debug({ server: domain.uuid, port: portId, reason: String(error) }, 'detach request not taken');
  }
}
