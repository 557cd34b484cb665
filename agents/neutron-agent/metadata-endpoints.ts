// Keeps an endpoint for metadata for each network with guests on this host, and a proxy listening
// in it. Level-triggered: looks at what is, mends what is not; one look at a time.
import { isFault } from '#contracts/common/fault.ts';
import type { HostNetwork, LocalNetwork } from '#ports/host-network.ts';
import type { NeutronAgentDeps } from './deps.ts';
import { startMetadataProxy, type MetadataProxy } from './metadata-proxy.ts';

interface Endpoint {
  readonly proxy: MetadataProxy;
  /** The metadata port it was made for. */
  readonly door: string;
}

export class MetadataEndpoints {
  readonly #deps: NeutronAgentDeps;
  readonly #network: HostNetwork;
  readonly #open = new Map<string, Endpoint>();
  #wish: 'all' | 'new' | null = null;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(deps: NeutronAgentDeps, network: HostNetwork) {
    this.#deps = deps;
    this.#network = network;
  }

  /** 'new': networks may have come, gone or changed; 'all': every endpoint is looked at. */
  wake(what: 'all' | 'new'): void {
    if (this.#wish !== 'all') this.#wish = what;
    if (this.#closed) return;
    this.#running ??= this.#run()
      .catch((error: unknown) =>
        this.#deps.log.error({ err: error }, 'metadata endpoints were not looked at; they will be'),
      )
      .finally(() => {
        this.#running = undefined;
        if (this.#wish !== null) this.wake(this.#wish);
      });
  }

  /** What was wished before has been looked at. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    await Promise.all([...this.#open.values()].map(({ proxy }) => proxy.close()));
    this.#open.clear();
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // changes that are told together are looked at together
    while (this.#wish !== null && !this.#closed) {
      const wish = this.#wish;
      this.#wish = null;
      await this.#look(wish === 'all');
    }
  }

  async #look(all: boolean): Promise<void> {
    const networks = this.#network.networks();
    if (networks === null) return; // nothing is known: nothing is removed
    const wanted = new Map(networks.map((network) => [network.id, network]));
    const due = networks.filter(
      (network) => all || this.#open.get(network.id)?.door !== JSON.stringify(network.metadataPort),
    );
    if (due.length === 0 && [...this.#open.keys()].every((id) => wanted.has(id)) && !all) return;
    const there = await this.#network.endpoints();
    if (isFault(there)) return this.#warn('unlisted', there.message);
    for (const network of due) await this.#keep(network, there.includes(network.id));
    for (const id of new Set([...there, ...this.#open.keys()]))
      if (!wanted.has(id)) await this.#remove(id);
  }

  async #keep(network: LocalNetwork, isThere: boolean): Promise<void> {
    const made = await this.#network.ensureEndpoint(network);
    if (isFault(made)) return this.#warn(network.id, made.message);
    const door = JSON.stringify(network.metadataPort);
    const open = this.#open.get(network.id);
    // A socket of an endpoint that was gone belongs to the one that was.
    if (open && isThere) return void this.#open.set(network.id, { ...open, door });
    await open?.proxy.close();
    this.#open.delete(network.id);
    const socket = await this.#network.listen(network.id);
    if (isFault(socket)) return this.#warn(network.id, socket.message);
    const proxy = startMetadataProxy(this.#deps, socket, {
      guests: () => this.#network.networks()?.find(({ id }) => id === network.id)?.guests ?? [],
      peerAddress: async (connection) => await this.#network.peerAddress(network.id, connection),
    });
    this.#open.set(network.id, { proxy, door });
    this.#deps.log.info(
      { host: this.#deps.config.host, network: network.id },
      'metadata is answered',
    );
  }

  async #remove(networkId: string): Promise<void> {
    await this.#open.get(networkId)?.proxy.close();
    this.#open.delete(networkId);
    const removed = await this.#network.removeEndpoint(networkId);
    if (isFault(removed)) this.#warn(networkId, removed.message);
  }

  #warn(network: string, why: string): void {
    this.#deps.log.warn(
      { host: this.#deps.config.host, network, why },
      'metadata endpoint not as it should be',
    );
  }
}
