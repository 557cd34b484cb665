// The simulated driver of ports/hypervisor.ts: the same contract without QEMU. Guests are plain
// records without timers, so that one process can have thousands.
import { Readable } from 'node:stream';
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type {
  DiskOffer,
  GuestEvent,
  GuestImage,
  GuestNic,
  GuestSpec,
  GuestState,
  GuestVolume,
} from '#contracts/nova/guest.ts';
import type {
  GuestArrival,
  GuestDeparture,
  MigrationProgress,
  MigrationTerms,
} from '#contracts/nova/live-migration.ts';
import { systemClock, type Clock } from '#platform/clock.ts';
import type { DiskCopy, Hypervisor, OpenImage } from '#ports/hypervisor.ts';
import { endGuests, powerFault } from './sim-chassis.ts';
import { bootText } from './sim-console.ts';
import { SimEvents } from './sim-events.ts';
import { simFacts, type SimHypervisorOptions } from './sim-facts.ts';
import { growVolume, plugVolume, switchVolume, unplugVolume } from './sim-guest-volumes.ts';
import { definedAnew, imageIds, isActive, newGuest, simDiagnostics } from './sim-guest.ts';
import { collectImages, inventoryOf, problemWith, readImage } from './sim-images.ts';
import { SimMigrations, type SimMoves } from './sim-migration.ts';
import { fetchedGuest, newOffer, offeredGuest } from './sim-offer.ts';
import { simPciAddresses } from './sim-pci.ts';
import { powerStep, type PowerCall } from './sim-power.ts';
import { simulatedQcow2 } from './sim-qcow2.ts';
import { SimTroubles, type Trouble } from './sim-trouble.ts';
import { inMemoryStore, type SimGuest, type SimStore } from './sim-world.ts';

export interface SimHypervisorDeps {
  /** Where the host's state is stored. Default: in memory, ending with the driver. */
  store?: SimStore;
  clock?: Clock;
  moves?: SimMoves;
}

export interface SimHypervisor extends Hypervisor {
  /** Injects a failure into the next call of `method` (any method of the port). */
  trouble(method: keyof Hypervisor, trouble: Trouble): void;
  clearTroubles(): void;
  /** The guest ends by itself: shut down from inside, or its process died. */
  guestEnds(uuid: string, how: 'shutoff' | 'crashed'): void;
  /** The guest's live migrations no longer complete by themselves. */
  guestIsRestless(uuid: string): void;
  /** Ends every running guest without events, as a power failure does. */
  powerFailure(): void;
  /** Simulates a write of the guest: `content` becomes the content of its root disk. */
  writeDisk(uuid: string, content: string): void;
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
  readonly #events = new SimEvents();
  readonly #fetches = new Map<string, Promise<Outcome<void>>>();
  readonly #host;
  readonly #migrations: SimMigrations;
  #disksMade = 0;

  constructor(options: SimHypervisorOptions, deps: SimHypervisorDeps) {
    this.#options = options;
    this.#store = deps.store ?? inMemoryStore();
    this.#clock = deps.clock ?? systemClock;
    this.#troubles = new SimTroubles(this.#clock, () => powerFault(options.hostname, this.#host));
    this.#host = this.#store.load(options.hostname);
    this.#migrations = new SimMigrations(this.#host, {
      hostname: options.hostname,
      migrateMs: options.migrateMs ?? 0,
      store: this.#store,
      clock: this.#clock,
      emit: this.#events.emit,
      moves: deps.moves,
    });
  }

  facts() {
    return this.#troubles.around('facts', () =>
      simFacts(this.#options, this.#host.guests.values()),
    );
  }

  list() {
    return this.#troubles.around('list', () => {
      this.#migrations.receive();
      return [...this.#host.guests.values()].map(({ uuid, name, state }) => ({
        uuid,
        name,
        state,
      }));
    });
  }

  state(uuid: string) {
    return this.#troubles.around<GuestState>('state', () => {
      this.#migrations.receive();
      return this.#host.guests.get(uuid)?.state ?? 'absent';
    });
  }

  ensureImage(image: GuestImage, open: OpenImage) {
    return this.#troubles.around('ensureImage', async () => {
      if (this.#host.images.has(image.id))
        return void this.#host.images.set(image.id, this.#clock.now());
      let fetch = this.#fetches.get(image.id);
      if (!fetch) {
        fetch = this.#fetch(image, open).finally(() => this.#fetches.delete(image.id));
        this.#fetches.set(image.id, fetch);
      }
      return fetch;
    });
  }

  create(spec: GuestSpec, start = true) {
    return this.#troubles.around('create', () => {
      const existing = this.#host.guests.get(spec.uuid);
      if (existing && isActive(existing)) return;
      const problem = existing ? null : this.#problemWith(spec);
      if (problem) return problem;
      const guest = existing ? definedAnew(existing, spec) : this.#newGuest(spec);
      this.#host.guests.set(spec.uuid, guest);
      if (start) this.#switchOn(guest);
      else this.#become(guest, 'shutoff');
    });
  }

  offerDisks(uuid: string, { forMs }: { flat: boolean; forMs: number }) {
    return this.#onGuest<DiskOffer>('offerDisks', uuid, (guest) => {
      if (isActive(guest) || guest.state === 'suspended')
        return fault('conflict', `the disks of guest ${uuid} are in use`, { state: guest.state });
      const offer = newOffer(this.#options.hostname, guest, this.#clock.now() + forMs);
      this.#save();
      return offer;
    });
  }
  withdrawDisks(uuid: string) {
    return this.#troubles.around('withdrawDisks', () => {
      const guest = this.#host.guests.get(uuid);
      if (!guest?.offer) return;
      guest.offer = null;
      this.#save();
    });
  }
  fetchDisks(spec: GuestSpec, offer: DiskOffer) {
    return this.#troubles.around('fetchDisks', () => {
      const existing = this.#host.guests.get(spec.uuid);
      if (existing && isActive(existing))
        return fault('conflict', `guest ${spec.uuid} runs on this host`);
      const offered = offeredGuest(this.#store, offer, spec.uuid, this.#clock.now());
      if (isFault(offered)) return offered;
      const guest = fetchedGuest(offered, spec);
      if (isFault(guest)) return guest;
      this.#host.guests.set(spec.uuid, guest);
      this.#become(guest, 'shutoff');
    });
  }

  rebuild(spec: GuestSpec, start: boolean) {
    return this.#troubles.around('rebuild', () => {
      const problem = this.#problemWith(spec);
      if (problem) return problem;
      const guest = this.#newGuest(spec);
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
  /** Simulated volumes have no locks. */
  breakLocks() {
    return this.#troubles.around<void>('breakLocks', () => undefined);
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

  departure(uuid: string) {
    return this.#onActive<GuestDeparture>('departure', uuid, () => ({
      cpu: null,
      base: null,
    }));
  }
  prepareArrival(spec: GuestSpec, _departure: GuestDeparture) {
    return this.#troubles.around<GuestArrival>('prepareArrival', () =>
      this.#migrations.prepare(spec.uuid, () => this.#problemWith(spec)),
    );
  }
  abandonArrival(uuid: string) {
    return this.#troubles.around<void>('abandonArrival', () => this.#migrations.abandon(uuid));
  }
  migrate(uuid: string, terms: MigrationTerms) {
    return this.#troubles.around<void>('migrate', () => this.#migrations.migrate(uuid, terms));
  }
  migrationProgress(uuid: string) {
    return this.#onActive<MigrationProgress | null>('migrationProgress', uuid, (guest) =>
      this.#migrations.progress(guest),
    );
  }
  abortMigration(uuid: string) {
    return this.#onActive<void>('abortMigration', uuid, (guest) => this.#migrations.abort(guest));
  }
  completeMigration(uuid: string, _how: { postCopy: boolean }) {
    return this.#onActive<void>('completeMigration', uuid, (guest) =>
      this.#migrations.complete(guest),
    );
  }
  arrivalState(uuid: string) {
    return this.#troubles.around<'absent' | 'arriving' | 'arrived'>('arrivalState', () =>
      this.#migrations.arrivalState(uuid),
    );
  }
  settleArrival(uuid: string) {
    return this.#onGuest<void>('settleArrival', uuid, () => undefined);
  }
  forgetDeparted(uuid: string) {
    return this.#troubles.around<void>('forgetDeparted', () => this.#migrations.forget(uuid));
  }

  destroy(uuid: string) {
    return this.#troubles.around('destroy', () => {
      if (!this.#host.guests.delete(uuid)) return;
      this.#save();
      this.#events.emit({ uuid, state: 'absent' });
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
    return this.#events.subscribe(listener);
  }

  collectGarbage(keepImageIds: ReadonlySet<string>, olderThanMs: number) {
    return this.#troubles.around('collectGarbage', () => {
      const unused = collectImages(this.#host, keepImageIds, this.#clock.now() - olderThanMs);
      if (unused.length > 0) this.#save();
      return unused.map((id) => `images/${id}`);
    });
  }

  inventory() {
    return this.#troubles.around('inventory', () => inventoryOf(this.#host));
  }

  async close(): Promise<void> {
    this.#events.clear();
    this.#migrations.close();
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
  guestIsRestless(uuid: string): void {
    const guest = this.#host.guests.get(uuid);
    if (guest) guest.isRestless = true;
    this.#save();
  }
  powerFailure(): void {
    endGuests(this.#host);
    this.#save();
  }

  writeDisk(uuid: string, content: string): void {
    const guest = this.#host.guests.get(uuid);
    if (guest) guest.disk = content;
    this.#save();
  }

  /** Makes the power call's transition, by the table in sim-power.ts. */
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

  #onActive<T>(
    method: keyof Hypervisor,
    uuid: string,
    work: (guest: SimGuest) => Outcome<T>,
  ): Promise<Outcome<T>> {
    return this.#onGuest<T>(method, uuid, (guest) =>
      isActive(guest)
        ? work(guest)
        : fault('conflict', `guest ${uuid} is off`, { state: guest.state }),
    );
  }

  #onGuest<T>(
    method: keyof Hypervisor,
    uuid: string,
    work: (guest: SimGuest) => Outcome<T>,
  ): Promise<Outcome<T>> {
    return this.#troubles.around(method, () => {
      this.#migrations.receive();
      this.#migrations.advance(uuid);
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

  /** A guest with a new disk, whose content differs from that of every other disk. */
  #newGuest(spec: GuestSpec): SimGuest {
    this.#disksMade += 1;
    const disk = `${this.#options.hostname}/${this.#clock.now()}/${this.#disksMade}`;
    return newGuest(spec, disk);
  }

  #switchOn(guest: SimGuest): void {
    guest.offer = null;
    guest.bootedAtMs = this.#clock.now();
    guest.boots += 1;
    this.#become(guest, 'running');
  }

  #become(guest: SimGuest, state: SimGuest['state']): void {
    guest.state = state;
    this.#save();
    this.#events.emit({ uuid: guest.uuid, state });
  }

  #save(): void {
    this.#store.save(this.#options.hostname, this.#host);
  }

  #problemWith(spec: GuestSpec): Fault | null {
    return problemWith(this.#host, spec, this.#clock.now());
  }

  async #fetch(image: GuestImage, open: OpenImage): Promise<Outcome<void>> {
    const problem = this.#options.fetchImages === false ? null : await readImage(image, open);
    if (problem) return problem;
    this.#host.images.set(image.id, this.#clock.now());
    this.#save();
  }
}
