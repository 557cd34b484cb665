// Keeps a metadata endpoint, with a proxy that listens in it, for each network that has guests on
// this host. Level-triggered: each pass reads the actual state and corrects it; one pass at a time.
import { isFault } from '#contracts/common/fault.ts';
import type { HostNetwork, LocalNetwork } from '#ports/host-network.ts';
import type { NeutronAgentDeps } from './deps.ts';
import { startMetadataProxy, type MetadataProxy } from './metadata-proxy.ts';

interface Endpoint {
  readonly proxy: MetadataProxy;
  /** The metadata port for which it was created, as JSON. */
  readonly metadataPort: string;
}

export class MetadataEndpoints {
  readonly #deps: NeutronAgentDeps;
  readonly #network: HostNetwork;
  readonly #open = new Map<string, Endpoint>();
  #pendingPass: 'all' | 'new' | null = null;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(deps: NeutronAgentDeps, network: HostNetwork) {
    this.#deps = deps;
    this.#network = network;
  }

  /**
   * Schedules a pass. 'new': only networks that may have been added, removed or changed; 'all':
   * check every endpoint.
   */
  wake(what: 'all' | 'new'): void {
    if (this.#pendingPass !== 'all') this.#pendingPass = what;
    if (this.#closed) return;
    this.#running ??= this.#run()
      .catch((error: unknown) =>
        this.#deps.log.error({ err: error }, 'metadata endpoints were not looked at; they will be'),
      )
      .finally(() => {
        this.#running = undefined;
        if (this.#pendingPass !== null) this.wake(this.#pendingPass);
      });
  }

  /** Resolves when no pass is running. */
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
    await Promise.resolve(); // changes that arrive together are handled in one pass
    while (this.#pendingPass !== null && !this.#closed) {
      const pass = this.#pendingPass;
      this.#pendingPass = null;
      await this.#refresh(pass === 'all');
    }
  }

  async #refresh(all: boolean): Promise<void> {
    const networks = this.#network.networks();
    if (networks === null) return; // the networks are unknown, so nothing is removed
    const wanted = new Map(networks.map((network) => [network.id, network]));
    const due = networks.filter(
      (network) =>
        all || this.#open.get(network.id)?.metadataPort !== JSON.stringify(network.metadataPort),
    );
    if (due.length === 0 && [...this.#open.keys()].every((id) => wanted.has(id)) && !all) return;
    const endpoints = await this.#network.endpoints();
    if (isFault(endpoints)) return this.#warn('unlisted', endpoints.message);
    for (const network of due) await this.#keep(network, endpoints.includes(network.id));
    for (const id of new Set([...endpoints, ...this.#open.keys()]))
      if (!wanted.has(id)) await this.#remove(id);
  }

  async #keep(network: LocalNetwork, isThere: boolean): Promise<void> {
    const endpoint = await this.#network.ensureEndpoint(network);
    if (isFault(endpoint)) return this.#warn(network.id, endpoint.message);
    const metadataPort = JSON.stringify(network.metadataPort);
    const open = this.#open.get(network.id);
    // The endpoint was created anew (`isThere` is false), so the proxy needs a new socket: the old
    // one belongs to the endpoint that was removed.
    if (open && isThere) return void this.#open.set(network.id, { ...open, metadataPort });
    await open?.proxy.close();
    this.#open.delete(network.id);
    const socket = await this.#network.listen(network.id);
    if (isFault(socket)) return this.#warn(network.id, socket.message);
    const proxy = startMetadataProxy(this.#deps, socket, {
      guests: () => this.#network.networks()?.find(({ id }) => id === network.id)?.guests ?? [],
      peerAddress: async (connection) => await this.#network.peerAddress(network.id, connection),
    });
    this.#open.set(network.id, { proxy, metadataPort });
    this.#deps.log.info(
      { host: this.#deps.config.host, network: network.id },
      'metadata is answered',
    );
  }

  async #remove(networkId: string): Promise<void> {
    await this.#open.get(networkId)?.proxy.close();
    this.#open.delete(networkId);
    const removal = await this.#network.removeEndpoint(networkId);
    if (isFault(removal)) this.#warn(networkId, removal.message);
  }

  #warn(network: string, why: string): void {
    this.#deps.log.warn(
      { host: this.#deps.config.host, network, why },
      'metadata endpoint not as it should be',
    );
  }
}
