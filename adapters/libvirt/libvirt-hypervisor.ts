// The libvirt driver of ports/hypervisor.ts: one libvirt daemon, one state folder. Created by
// compose for each host's Nova Agent, for the audit, and to shut down a host's guests.
import { constants } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { fault } from '#contracts/common/fault.ts';
import { KeyedQueue } from '#platform/keyed-queue.ts';
import type { Log } from '#platform/log.ts';
import type { DiskImages } from '#ports/disk-images.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { ImageLocks } from '#ports/image-locks.ts';
import { agentCommand } from './agent-command.ts';
import {
  arrivalState,
  abandonArrival,
  forgetDeparted,
  prepareArrival,
  settleArrival,
} from './arrive-guest.ts';
import { createGuest, destroyGuest, rebuildGuest } from './build-guest.ts';
import { boundConsoles, readConsole } from './console-log.ts';
import { guestDiagnostics } from './diagnostics.ts';
import { Domains } from './domains.ts';
import type { Driver } from './driver.ts';
import { fetchDisks } from './fetch-disks.ts';
import { collectGarbage, inventory } from './garbage.ts';
import { GuestEvents } from './guest-events.ts';
import { stateAfterEvent } from './guest-state.ts';
import { hostFacts } from './host-facts.ts';
import { HostFolder } from './host-folder.ts';
import { ImageCache } from './image-cache.ts';
import {
  abortMigration,
  completeMigration,
  departure,
  migrateGuest,
  migrationProgress,
} from './migrate-guest.ts';
import { attachNic, detachNic, nicsOf } from './nics.ts';
import { offerDisks, withdrawDisks } from './offer-disks.ts';
import { asOutcome } from './outcome.ts';
import { pciAddresses } from './pci-addresses.ts';
import {
  pauseGuest,
  rebootGuest,
  resumeGuest,
  startGuest,
  stopGuest,
  suspendGuest,
  unpauseGuest,
} from './power.ts';
import { rescueGuest, unrescueGuest } from './rescue-guest.ts';
import { LibvirtClient, type ClientOptions } from './rpc/client.ts';
import { snapshotRoot } from './snapshot-root.ts';
import { breakLocks, keepLocks } from './volume-locks.ts';
import type { MountedShare } from './volume-xml.ts';
import { attachVolume, detachVolume, resizeVolume, snapshotVolume, volumesOf } from './volumes.ts';

export interface LibvirtHypervisorOptions {
  /** libvirtd's read-write socket, as this process sees it. */
  socketPath: string;
  /**
   * Folder of the image cache and the guests. libvirtd must see it under the same absolute path. It
   * may be on a file system of its own or on a shared one.
   */
  stateDir: string;
  /** VNC sockets; at most 66 characters long. Default `<stateDir>/run`. */
  runDir?: string;
  /** Must be determined by booting a guest, not by the presence of /dev/kvm. */
  acceleration: 'kvm' | 'tcg';
  /** The address at which other hosts and the console proxy reach this host. Default 127.0.0.1. */
  hostIp?: string;
  /**
   * Address at which this process offers disks of guests to other hosts, reachable from them.
   * Default 127.0.0.1.
   */
  transferAddress?: string;
  /**
   * The guests' CPU model; null: host-model. Default: 'Nehalem' under TCG (the newest model that
   * QEMU 7.2 emulates completely), null under KVM.
   */
  cpuModel?: string | null;
  machineType?: string; // default 'pc'
  arch?: string; // default 'x86_64'
  emulator?: string; // default '/usr/bin/qemu-system-<arch>'
  /**
   * How guests see the config drive: a read-only virtio disk (the default, it boots faster) or a
   * CD-ROM.
   */
  configDrive?: 'disk' | 'cdrom';
  /**
   * The host's Open vSwitch has no kernel datapath, so guests must compute checksums themselves.
   * Default false.
   */
  userspaceSwitch?: boolean;
  /** The NFS shares that the host has mounted. Default none. */
  mounts?: readonly MountedShare[];
  /**
   * Locks volume images that QEMU does not lock itself; closed with the hypervisor. Without it only
   * Cinder's reservations prevent two guests from writing to one image.
   */
  imageLocks?: ImageLocks;
  imageLockCheckMs?: number; // default 30 s
  consoleLogMaxBytes?: number; // default 1 MiB
  consoleLogCheckMs?: number; // default 10 s
  /** Deadlines, backoff and bounds of the libvirt client. */
  client?: Omit<ClientOptions, 'socketPath'>;
}

export interface LibvirtHypervisorDeps {
  log: Log;
  images: DiskImages;
  now?: () => number;
  random?: () => number;
}

/** Makes the driver. It connects at the first call, and reconnects until it is closed. */
export function createLibvirtHypervisor(
  options: LibvirtHypervisorOptions,
  deps: LibvirtHypervisorDeps,
): Hypervisor {
  const driver = createDriver(options, deps);
  const consoleTimer = setInterval(
    () =>
      void keepConsolesBounded(driver).catch((error: unknown) =>
        deps.log.error({ err: error }, 'console logs not bounded'),
      ),
    options.consoleLogCheckMs ?? 10_000,
  );
  consoleTimer.unref();
  const closing = new AbortController();
  if (options.imageLocks)
    void keepLocks(driver, options.imageLockCheckMs ?? 30_000, closing.signal);

  return {
    facts: () => hostFacts(driver),
    list: () => asOutcome(() => driver.domains.list()),
    state: (uuid) => asOutcome(() => driver.domains.state(uuid)),
    ensureImage: (image, open, ensureOptions) =>
      asOutcome(() => driver.images.ensure(image, open, ensureOptions)),
    create: (spec, start = true) => createGuest(driver, spec, start),
    rebuild: (spec, start) => rebuildGuest(driver, spec, start),
    start: (uuid) => startGuest(driver, uuid),
    stop: (uuid, timeoutMs) => stopGuest(driver, uuid, timeoutMs),
    reboot: (uuid, kind, timeoutMs) => rebootGuest(driver, uuid, kind, timeoutMs),
    pause: (uuid) => pauseGuest(driver, uuid),
    unpause: (uuid) => unpauseGuest(driver, uuid),
    suspend: (uuid) => suspendGuest(driver, uuid),
    resume: (uuid) => resumeGuest(driver, uuid),
    rescue: (uuid, rescue) => rescueGuest(driver, uuid, rescue),
    unrescue: (uuid) => unrescueGuest(driver, uuid),
    attachNic: (uuid, nic) => attachNic(driver, uuid, nic),
    detachNic: (uuid, portId) => detachNic(driver, uuid, portId),
    nics: (uuid) => nicsOf(driver, uuid),
    attachVolume: (uuid, volume) => attachVolume(driver, uuid, volume),
    detachVolume: (uuid, volumeId) => detachVolume(driver, uuid, volumeId),
    volumes: (uuid) => volumesOf(driver, uuid),
    resizeVolume: (uuid, volumeId, sizeGib) => resizeVolume(driver, uuid, volumeId, sizeGib),
    snapshotVolume: (uuid, volumeId, next) => snapshotVolume(driver, uuid, volumeId, next),
    snapshotRoot: (uuid) => snapshotRoot(driver, uuid),
    departure: (uuid) => departure(driver, uuid),
    prepareArrival: (spec, from) => prepareArrival(driver, spec, from),
    abandonArrival: (uuid) => abandonArrival(driver, uuid),
    migrate: (uuid, terms) => migrateGuest(driver, uuid, terms),
    migrationProgress: (uuid) => migrationProgress(driver, uuid),
    abortMigration: (uuid) => abortMigration(driver, uuid),
    completeMigration: (uuid, how) => completeMigration(driver, uuid, how),
    arrivalState: (uuid) => arrivalState(driver, uuid),
    settleArrival: (uuid) => settleArrival(driver, uuid),
    forgetDeparted: (uuid) => forgetDeparted(driver, uuid),
    offerDisks: (uuid, offerOptions) => offerDisks(driver, uuid, offerOptions),
    withdrawDisks: (uuid) => withdrawDisks(driver, uuid),
    fetchDisks: (spec, offer, signal) => fetchDisks(driver, spec, offer, signal),
    breakLocks: (spec, otherHost) => breakLocks(driver, spec, otherHost),
    destroy: (uuid) => destroyGuest(driver, uuid),
    consoleLog: (uuid, maxBytes) => readConsole(driver, uuid, maxBytes),
    vncSocket: (uuid) =>
      asOutcome(async () => {
        const state = await driver.domains.state(uuid);
        if (state === 'absent') return fault('notFound', `no guest ${uuid} on this host`);
        if (state !== 'running' && state !== 'paused')
          return fault('conflict', `guest ${uuid} has no console while it is ${state}`, { state });
        return { socketPath: driver.folder.guest(uuid).vncSocket };
      }),
    agentCommand: (uuid, command, args, timeoutMs) =>
      agentCommand(driver, uuid, command, args, timeoutMs),
    diagnostics: (uuid) => guestDiagnostics(driver, uuid),
    pciAddresses: (uuid) => pciAddresses(driver, uuid),
    onEvent: (listener) => {
      void driver.client
        .connect()
        .catch((error: Error) =>
          driver.log.warn({ error: error.message }, 'no libvirt yet: events come once it answers'),
        );
      return driver.events.subscribe(listener);
    },
    collectGarbage: (keepImageIds, olderThanMs) =>
      collectGarbage(driver, keepImageIds, olderThanMs),
    inventory: () => inventory(driver),
    close: async () => {
      clearInterval(consoleTimer);
      closing.abort();
      for (const uuid of driver.offers.keys()) await withdrawDisks(driver, uuid);
      driver.client.close();
      await driver.imageLocks?.close();
    },
  };
}

function createDriver(options: LibvirtHypervisorOptions, deps: LibvirtHypervisorDeps): Driver {
  const arch = options.arch ?? 'x86_64';
  const events = new GuestEvents(deps.log);
  const folder = new HostFolder(
    options.stateDir,
    options.runDir ?? path.join(options.stateDir, 'run'),
  );
  const client = new LibvirtClient(
    { ...options.client, socketPath: options.socketPath },
    deps,
    {
      lifecycle: ({ domain, event, detail }) => {
        const state = stateAfterEvent(event, detail);
        if (state !== null) events.emit({ uuid: domain.uuid, state });
      },
      // libvirt sends one to three events for a reset; repeated events are harmless, since
      // listeners read the state.
      reboot: ({ domain }) => events.emit({ uuid: domain.uuid, state: 'running' }),
    },
    () => void emitAllStates(driver),
  );
  let diskCache: Promise<'none' | 'writeback'> | undefined;
  const driver: Driver = {
    settings: {
      stateDir: options.stateDir,
      hostIp: options.hostIp ?? '127.0.0.1',
      transferAddress: options.transferAddress ?? '127.0.0.1',
      acceleration: options.acceleration,
      emulator: options.emulator ?? `/usr/bin/qemu-system-${arch}`,
      arch,
      machineType: options.machineType ?? 'pc',
      cpuModel:
        options.cpuModel !== undefined
          ? options.cpuModel
          : options.acceleration === 'tcg'
            ? 'Nehalem'
            : null,
      configDrive: options.configDrive ?? 'disk',
      userspaceSwitch: options.userspaceSwitch ?? false,
      mounts: options.mounts ?? [],
      consoleLogMaxBytes: options.consoleLogMaxBytes ?? 1024 * 1024,
    },
    client,
    events,
    folder,
    domains: new Domains(client),
    locks: new KeyedQueue(),
    images: new ImageCache(folder, deps.images),
    offers: new Map(),
    diskImages: deps.images,
    imageLocks: options.imageLocks,
    departing: new Map(),
    diskCache: () => (diskCache ??= probeDiskCache(options.stateDir)),
    log: deps.log,
    now: deps.now ?? Date.now,
  };
  return driver;
}

/**
 * Sends each guest's current state as an event: libvirt does not replay events of the time without
 * a connection.
 */
async function emitAllStates(driver: Driver): Promise<void> {
  const guests = await asOutcome(() => driver.domains.list());
  if (Array.isArray(guests))
    for (const { uuid, state } of guests) driver.events.emit({ uuid, state });
}

async function keepConsolesBounded(driver: Driver): Promise<void> {
  try {
    await boundConsoles(driver);
  } catch (error) {
    driver.log.warn(
      { error: String(error) },
      'console logs were not cut; the next round tries again',
    );
  }
}

/**
 * The cache mode for guests' disks: QEMU's cache=none needs O_DIRECT, which not every file system
 * supports.
 */
async function probeDiskCache(stateDir: string): Promise<'none' | 'writeback'> {
  const probe = path.join(stateDir, '.direct-io-probe');
  await mkdir(stateDir, { recursive: true });
  try {
    await (await open(probe, constants.O_CREAT | constants.O_RDWR | constants.O_DIRECT)).close();
    return 'none';
  } catch {
    return 'writeback'; // EINVAL: no O_DIRECT; a defective folder shows at the first write
  } finally {
    await rm(probe, { force: true });
  }
}
