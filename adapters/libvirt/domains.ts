// The domains of one libvirt daemon: found by UUID, with their state in Nova's terms.
import type { GuestState, GuestSummary } from '#contracts/nova/guest.ts';
import { guestState } from './guest-state.ts';
import type { LibvirtClient } from './rpc/client.ts';
import { LibvirtError } from './rpc/errors.ts';
import {
  ERROR,
  LIST_MANAGED_SAVE,
  PAUSED_MIGRATION,
  PAUSED_STARTING_UP,
  SHUTOFF_MIGRATED,
  STATE,
  STATS,
  UNDEFINE_ALL,
  XML_SECURE_INACTIVE,
  XML_SECURE_MIGRATABLE,
} from './rpc/flags.ts';
import { remote, type Domain, type ParameterValue } from './rpc/protocol.ts';

/** Deadline of a start: long enough for QEMU on a loaded machine. */
const startMs = 120_000;
/** Deadline of a destroy: long enough to kill a QEMU that hangs in I/O. */
const destroyMs = 60_000;

export class Domains {
  readonly #client: LibvirtClient;

  constructor(client: LibvirtClient) {
    this.#client = client;
  }

  /** The domain with this UUID; null: there is none. */
  async find(uuid: string): Promise<Domain | null> {
    return orNull(
      this.#client.call(remote.domainLookupByUuid, { uuid }).then((found) => found.domain),
    );
  }

  async state(uuid: string): Promise<GuestState> {
    const domain = await this.find(uuid);
    if (!domain) return 'absent';
    const [now, saved] = await Promise.all([
      orNull(this.#client.call(remote.domainGetState, { domain, flags: 0 })),
      orNull(this.#client.call(remote.domainHasManagedSaveImage, { domain, flags: 0 })),
    ]);
    return now && saved ? guestState(now.state, now.reason, saved.result !== 0) : 'absent';
  }

  /** Lists all guests with two calls, however many there are. */
  async list(): Promise<GuestSummary[]> {
    const [stats, saved] = await Promise.all([
      this.#client.call(remote.connectGetAllDomainStats, {
        domains: [],
        stats: STATS.state,
        flags: 0,
      }),
      this.#client.call(remote.connectListAllDomains, { needResults: 1, flags: LIST_MANAGED_SAVE }),
    ]);
    const suspended = new Set(saved.domains.map((domain) => domain.uuid));
    return stats.records.map(({ domain, parameters }) => {
      const facts = new Map(parameters.map(({ field, value }) => [field, value]));
      return {
        uuid: domain.uuid,
        name: domain.name,
        state: guestState(
          Number(facts.get('state.state')),
          Number(facts.get('state.reason')),
          suspended.has(domain.uuid),
        ),
      };
    });
  }

  /** Defines a domain; replaces an earlier definition of the same UUID. */
  async define(xml: string): Promise<Domain> {
    return (await this.#client.call(remote.domainDefineXmlFlags, { xml, flags: 0 })).domain;
  }

  /** Starts the domain, from its managed save if it has one. Does nothing if it is running. */
  async start(domain: Domain): Promise<void> {
    try {
      await this.#client.call(remote.domainCreateWithFlags, { domain, flags: 0 }, startMs);
    } catch (error) {
      if (!isCode(error, ERROR.operationInvalid) || !(await this.isActive(domain))) throw error;
    }
  }

  /**
   * Waits for a start that another caller, which may have died, began: libvirt runs a second start
   * after the first.
   */
  async awaitStart(domain: Domain): Promise<void> {
    const { state, reason } = await this.#client.call(remote.domainGetState, { domain, flags: 0 });
    if (state === STATE.paused && reason === PAUSED_STARTING_UP) await this.start(domain);
  }

  /** Ends the guest at once. Does nothing if it is off or does not exist. */
  async powerOff(domain: Domain): Promise<void> {
    await unless(
      this.#client.call(remote.domainDestroyFlags, { domain, flags: 0 }, destroyMs),
      ERROR.operationInvalid,
      ERROR.noDomain,
    );
  }

  /** Removes the definition and the managed save. Does nothing if there is no such domain. */
  async undefine(domain: Domain): Promise<void> {
    await unless(
      this.#client.call(remote.domainUndefineFlags, { domain, flags: UNDEFINE_ALL }),
      ERROR.noDomain,
    );
  }

  async dropManagedSave(domain: Domain): Promise<void> {
    const saved = await this.#client.call(remote.domainHasManagedSaveImage, { domain, flags: 0 });
    if (saved.result !== 0)
      await this.#client.call(remote.domainManagedSaveRemove, { domain, flags: 0 });
  }

  /** Whether the domain has a QEMU process: running, paused, or starting up. */
  async isActive(domain: Domain): Promise<boolean> {
    const { state } = await this.#client.call(remote.domainGetState, { domain, flags: 0 });
    return state !== STATE.shutoff && state !== STATE.crashed && state !== STATE.noState;
  }

  /** The persistent definition with its secrets, so that it can be passed to `define`. */
  async definition(domain: Domain): Promise<string> {
    return (
      await this.#client.call(remote.domainGetXmlDesc, { domain, flags: XML_SECURE_INACTIVE })
    ).xml;
  }

  /** The definition of the running domain; the persistent one while it is off. */
  async liveXml(domain: Domain): Promise<string> {
    return (await this.#client.call(remote.domainGetXmlDesc, { domain, flags: 0 })).xml;
  }

  /** The definition of the running domain in the form for another host. */
  async migratableXml(domain: Domain): Promise<string> {
    const flags = XML_SECURE_MIGRATABLE;
    return (await this.#client.call(remote.domainGetXmlDesc, { domain, flags })).xml;
  }

  /** Whether a live migration is just moving the guest to or from this host. */
  async isOnItsWay(domain: Domain): Promise<boolean> {
    const { state, reason } = await this.#client.call(remote.domainGetState, { domain, flags: 0 });
    return state === STATE.paused && (reason === PAUSED_MIGRATION || reason === PAUSED_STARTING_UP);
  }

  /**
   * Whether the guest has left by live migration: its domain does not exist any more, or only the
   * definition remains.
   */
  async hasLeft(uuid: string): Promise<boolean> {
    const domain = await this.find(uuid);
    const now =
      domain && (await orNull(this.#client.call(remote.domainGetState, { domain, flags: 0 })));
    return !now || (now.state === STATE.shutoff && now.reason === SHUTOFF_MIGRATED);
  }

  /** Statistics by libvirt's names ('balloon.current', 'block.0.rd.bytes' ...). */
  async stats(domain: Domain, groups: number): Promise<Map<string, ParameterValue>> {
    const { records } = await this.#client.call(remote.connectGetAllDomainStats, {
      domains: [domain],
      stats: groups,
      flags: 0,
    });
    return new Map(records[0]?.parameters.map(({ field, value }) => [field, value]) ?? []);
  }
}

export function isCode(error: unknown, ...codes: number[]): boolean {
  return error instanceof LibvirtError && codes.includes(error.code);
}

async function unless(work: Promise<unknown>, ...codes: number[]): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isCode(error, ...codes)) throw error;
  }
}

async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (isCode(error, ERROR.noDomain)) return null;
    throw error;
  }
}
