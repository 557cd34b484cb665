// The simulated driver of ports/hypervisor.ts: the same contract without QEMU. Guests are plain
// records and no timer runs, so that one process can have thousands.
import { Readable } from 'node:stream';
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type {
  GuestEvent,
  GuestImage,
  GuestNic,
  GuestSpec,
  GuestState,
  GuestVolume,
} from '#contracts/nova/guest.ts';
import { systemClock, type Clock } from '#platform/clock.ts';
import type { DiskCopy, Hypervisor, OpenImage } from '#ports/hypervisor.ts';
import { bootText } from './sim-console.ts';
import { simFacts, type SimHypervisorOptions } from './sim-facts.ts';
import { growVolume, plugVolume, switchVolume, unplugVolume } from './sim-guest-volumes.ts';
import { imageIds, isActive, newGuest, simDiagnostics } from './sim-guest.ts';
import { checkImage } from './sim-image.ts';
import { simPciAddresses } from './sim-pci.ts';
import { powerStep, type PowerCall } from './sim-power.ts';
import { simulatedQcow2 } from './sim-qcow2.ts';
import { SimTroubles, type Trouble } from './sim-trouble.ts';
import { inMemoryStore, type SimGuest, type SimStore } from './sim-world.ts';

export interface SimHypervisorDeps {
  /** Where the host's guests are stored. Default: memory that ends with the driver. */
  store?: SimStore;
  clock?: Clock;
}

export interface SimHypervisor extends Hypervisor {
  /** The next call of `method` (any method of the port) meets this trouble. */
  trouble(method: keyof Hypervisor, trouble: Trouble): void;
  clearTroubles(): void;
  /** The guest ends by itself: it was shut down from inside, or its process died. */
  guestEnds(uuid: string, how: 'shutoff' | 'crashed'): void;
  /** Ends every running guest without an event: a power failure. */
  powerFailure(): void;
}

export function createSimHypervisor(
  options: SimHypervisorOptions,
  deps: SimHypervisorDeps = {},
): SimHypervisor {
  return new SimDriver(options, deps);
}

class SimDriver implements SimHypervisor {
  readonly #options: SimHypervisorOptions;
  readonly #store: SimStore;
  readonly #clock: Clock;
  readonly #troubles: SimTroubles;
  readonly #listeners = new Set<(event: GuestEvent) => void>();
  readonly #fetches = new Map<string, Promise<Outcome<void>>>();
  readonly #host;

  constructor(options: SimHypervisorOptions, deps: SimHypervisorDeps) {
    this.#options = options;
    this.#store = deps.store ?? inMemoryStore();
    this.#clock = deps.clock ?? systemClock;
    this.#troubles = new SimTroubles((ms) => this.#clock.sleep(ms));
    this.#host = this.#store.load(options.hostname);
  }

  facts() {
    return this.#troubles.around('facts', () =>
      simFacts(this.#options, this.#host.guests.values()),
    );
  }

  list() {
    return this.#troubles.around('list', () =>
      [...this.#host.guests.values()].map(({ uuid, name, state }) => ({ uuid, name, state })),
    );
  }

  state(uuid: string) {
    return this.#troubles.around<GuestState>(
      'state',
      () => this.#host.guests.get(uuid)?.state ?? 'absent',
    );
  }

  ensureImage(image: GuestImage, open: OpenImage) {
    return this.#troubles.around('ensureImage', async () => {
      if (this.#host.images.has(image.id)) return this.#useImage(image.id);
      let fetch = this.#fetches.get(image.id);
      if (!fetch) {
        fetch = this.#fetch(image, open).finally(() => this.#fetches.delete(image.id));
        this.#fetches.set(image.id, fetch);
      }
      return fetch;
    });
  }

  create(spec: GuestSpec) {
    return this.#troubles.around('create', () => {
      const existing = this.#host.guests.get(spec.uuid);
      if (existing && isActive(existing)) return;
      const problem = this.#problemWith(spec);
      if (problem) return problem;
      const guest = existing ?? newGuest(spec);
      this.#host.guests.set(spec.uuid, guest);
      this.#switchOn(guest);
    });
  }

  rebuild(spec: GuestSpec, start: boolean) {
    return this.#troubles.around('rebuild', () => {
      const problem = this.#problemWith(spec);
      if (problem) return problem;
      const guest = newGuest(spec);
      this.#host.guests.set(spec.uuid, guest);
      if (start) this.#switchOn(guest);
      else this.#become(guest, 'shutoff');
    });
  }

  start(uuid: string) {
    return this.#change('start', uuid);
  }
  stop(uuid: string, _timeoutMs: number) {
    return this.#change('stop', uuid);
  }
  reboot(uuid: string, _kind: 'soft' | 'hard', _timeoutMs: number) {
    return this.#change('reboot', uuid);
  }
  pause(uuid: string) {
    return this.#change('pause', uuid);
  }
  unpause(uuid: string) {
    return this.#change('unpause', uuid);
  }
  suspend(uuid: string) {
    return this.#change('suspend', uuid);
  }
  resume(uuid: string) {
    return this.#change('resume', uuid);
  }

  rescue(uuid: string, rescue: GuestSpec) {
    return this.#onGuest('rescue', uuid, (guest) => {
      const problem = this.#problemWith(rescue);
      if (problem) return problem;
      guest.rescue = { imageIds: imageIds(rescue) };
      this.#switchOn(guest);
    });
  }
  unrescue(uuid: string) {
    return this.#onGuest('unrescue', uuid, (guest) => {
      const wasRescue = guest.rescue !== null;
      guest.rescue = null;
      if (wasRescue || !isActive(guest)) this.#switchOn(guest);
    });
  }

  attachNic(uuid: string, nic: GuestNic) {
    return this.#onGuest<void>('attachNic', uuid, (guest) => {
      guest.nics = [...new Set([...(guest.nics ?? []), nic.portId])];
      this.#save();
    });
  }
  detachNic(uuid: string, portId: string) {
    return this.#onGuest<void>('detachNic', uuid, (guest) => {
      guest.nics = (guest.nics ?? []).filter((other) => other !== portId);
      this.#save();
    });
  }
  nics(uuid: string) {
    return this.#onGuest('nics', uuid, (guest) => guest.nics ?? []);
  }

  attachVolume(uuid: string, volume: GuestVolume) {
    return this.#changeVolumes('attachVolume', uuid, (guest) => plugVolume(guest, volume));
  }
  detachVolume(uuid: string, volumeId: string) {
    return this.#changeVolumes('detachVolume', uuid, (guest) => unplugVolume(guest, volumeId));
  }
  volumes(uuid: string) {
    return this.#onGuest('volumes', uuid, (guest) => (guest.volumes ?? []).map(({ id }) => id));
  }
  resizeVolume(uuid: string, volumeId: string, sizeGib: number) {
    return this.#changeVolumes('resizeVolume', uuid, (guest) =>
      growVolume(guest, volumeId, sizeGib),
    );
  }
  snapshotVolume(uuid: string, volumeId: string, next: VolumeConnection) {
    return this.#changeVolumes('snapshotVolume', uuid, (guest) =>
      switchVolume(guest, volumeId, next),
    );
  }
  snapshotRoot(uuid: string) {
    return this.#onGuest<DiskCopy>('snapshotRoot', uuid, (guest) => {
      if (guest.rootless) return fault('conflict', `guest ${uuid} has no root disk on this host`);
      const bytes = simulatedQcow2(0, `root disk of ${guest.uuid}`);
      return {
        sizeBytes: bytes.length,
        open: () => Readable.from([bytes]),
        remove: async () => undefined,
      };
    });
  }

  destroy(uuid: string) {
    return this.#troubles.around('destroy', () => {
      if (!this.#host.guests.delete(uuid)) return;
      this.#save();
      this.#tell({ uuid, state: 'absent' });
    });
  }

  consoleLog(uuid: string, maxBytes: number) {
    return this.#onGuest('consoleLog', uuid, (guest) => {
      const bytes = Buffer.from(
        bootText(guest, this.#clock.now() - guest.bootedAtMs >= (this.#options.bootMs ?? 0)),
      );
      return bytes.subarray(Math.max(0, bytes.length - maxBytes)).toString();
    });
  }

  vncSocket(uuid: string) {
    return this.#onGuest<{ socketPath: string }>('vncSocket', uuid, (guest) =>
      isActive(guest)
        ? fault('unavailable', 'a simulated guest has no screen')
        : fault('conflict', `guest ${uuid} has no console while it is ${guest.state}`, {
            state: guest.state,
          }),
    );
  }

  agentCommand(uuid: string, command: string, _args: unknown, _timeoutMs: number) {
    return this.#onGuest<unknown>('agentCommand', uuid, (guest) =>
      guest.state === 'running' && command === 'guest-ping'
        ? {}
        : fault('unavailable', `guest agent: no answer to ${command}`),
    );
  }

  diagnostics(uuid: string) {
    return this.#onGuest('diagnostics', uuid, (guest) => simDiagnostics(guest, this.#clock.now()));
  }

  pciAddresses(uuid: string) {
    return this.#onGuest('pciAddresses', uuid, (guest) =>
      isActive(guest) ? simPciAddresses(guest) : {},
    );
  }

  onEvent(listener: (event: GuestEvent) => void) {
    const own = (event: GuestEvent) => listener(event); // a new function, since the same listener may subscribe twice
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  collectGarbage(keepImageIds: ReadonlySet<string>, olderThanMs: number) {
    return this.#troubles.around('collectGarbage', () => {
      const backing = new Set(
        [...this.#host.guests.values()].flatMap((guest) => [
          ...guest.imageIds,
          ...(guest.rescue?.imageIds ?? []),
        ]),
      );
      const nowMs = this.#clock.now();
      const unused = [...this.#host.images]
        .filter(
          ([id, usedAtMs]) =>
            !keepImageIds.has(id) && !backing.has(id) && nowMs - usedAtMs >= olderThanMs,
        )
        .map(([id]) => id);
      for (const id of unused) this.#host.images.delete(id);
      if (unused.length > 0) this.#save();
      return unused.map((id) => `images/${id}`);
    });
  }

  inventory() {
    return this.#troubles.around('inventory', () => ({
      guestFolders: [...this.#host.guests.keys()],
      cachedImages: [...this.#host.images.keys()],
      brokenOverlays: [...this.#host.guests.values()]
        .filter((guest) => guest.imageIds.some((id) => !this.#host.images.has(id)))
        .map((guest) => guest.uuid),
    }));
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  trouble(method: keyof Hypervisor, trouble: Trouble): void {
    this.#troubles.add(method, trouble);
  }
  clearTroubles(): void {
    this.#troubles.clear();
  }
  guestEnds(uuid: string, how: 'shutoff' | 'crashed'): void {
    const guest = this.#host.guests.get(uuid);
    if (guest) this.#become(guest, how);
  }
  powerFailure(): void {
    for (const guest of this.#host.guests.values()) if (isActive(guest)) guest.state = 'crashed';
    this.#save();
  }

  /** Applies the call's row of the transition table. */
  #change(method: PowerCall, uuid: string) {
    return this.#onGuest<void>(method, uuid, (guest) => {
      const step = powerStep(method, guest.state);
      switch (step) {
        case 'stay':
          return;
        case 'refuse':
          return fault('conflict', `cannot ${method} guest ${uuid} while it is ${guest.state}`, {
            state: guest.state,
          });
        case 'on':
          return this.#switchOn(guest);
        case 'off':
          return this.#become(guest, 'shutoff');
        default:
          return this.#become(guest, step);
      }
    });
  }

  #onGuest<T>(
    method: keyof Hypervisor,
    uuid: string,
    work: (guest: SimGuest) => Outcome<T>,
  ): Promise<Outcome<T>> {
    return this.#troubles.around(method, () => {
      const guest = this.#host.guests.get(uuid);
      return guest ? work(guest) : fault('notFound', `no guest ${uuid} on this host`);
    });
  }

  #changeVolumes(
    method: keyof Hypervisor,
    uuid: string,
    work: (guest: SimGuest) => Outcome<void>,
  ): Promise<Outcome<void>> {
    return this.#onGuest<void>(method, uuid, (guest) => {
      const outcome = work(guest);
      this.#save();
      return outcome;
    });
  }

  #switchOn(guest: SimGuest): void {
    guest.bootedAtMs = this.#clock.now();
    guest.boots += 1;
    this.#become(guest, 'running');
  }

  #become(guest: SimGuest, state: SimGuest['state']): void {
    guest.state = state;
    this.#save();
    this.#tell({ uuid: guest.uuid, state });
  }

  #save(): void {
    this.#store.save(this.#options.hostname, this.#host);
  }

  /** In a microtask of its own, since a real daemon's events are asynchronous, too. */
  #tell(event: GuestEvent): void {
    for (const listener of this.#listeners) {
      queueMicrotask(() => {
        try {
          listener(event);
        } catch {
          // a listener's error never reaches the driver (port contract)
        }
      });
    }
  }

  #problemWith(spec: GuestSpec): Fault | null {
    for (const id of imageIds(spec)) {
      if (!this.#host.images.has(id))
        return fault(
          'conflict',
          `image ${id} is not in this host's cache; ensureImage comes first`,
        );
      this.#useImage(id);
    }
    const root = spec.rootDisk;
    // A raw image is as large as its bytes; nothing else is known, since the bytes are not kept.
    if (root?.image && root.sizeGib > 0 && root.sizeGib * 1024 ** 3 < root.image.sizeBytes) {
      return fault(
        'badRequest',
        `the root disk of ${root.sizeGib} GiB is smaller than image ${root.image.id} of ${Math.ceil(root.image.sizeBytes / 1024 ** 2)} MiB`,
        { image: root.image.id },
      );
    }
    return null;
  }

  #useImage(id: string): void {
    this.#host.images.set(id, this.#clock.now());
  }

  async #fetch(image: GuestImage, open: OpenImage): Promise<Outcome<void>> {
    if (this.#options.fetchImages !== false) {
      const source = await open();
      if (isFault(source)) return source;
      const problem = await checkImage(image, source);
      if (problem) return problem;
    }
    this.#useImage(image.id);
    this.#save();
  }
}
