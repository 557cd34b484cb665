// An emulated BMC whose chassis has no real host, and our Redfish driver connected to it.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRedfishBmc } from '#adapters/redfish/redfish-bmc.ts';
import type { RedfishOptions } from '#adapters/redfish/redfish-bmc.ts';
import type { RedfishTimes } from '#adapters/redfish/redfish-connection.ts';
import { orderTrouble } from '#hosts/bmc/bmc-trouble.ts';
import type { BmcTrouble } from '#hosts/bmc/bmc-trouble.ts';
import { createTestChassis } from '#hosts/bmc/chassis.testing.ts';
import type { TestChassis } from '#hosts/bmc/chassis.testing.ts';
import { startEmulatedBmc } from '#hosts/bmc/emulated-bmc.ts';
import type { EmulatedBmc, EmulatedBmcOptions } from '#hosts/bmc/emulated-bmc.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { Secret, silentLog } from '#platform/log.ts';
import type { BmcFixture } from '#ports/bmc.testing.ts';
import type { Bmc } from '#ports/bmc.ts';

export interface TestBmc {
  emulated: EmulatedBmc;
  chassis: TestChassis;
  folder: string;
  trouble(trouble: BmcTrouble | undefined): void;
  /** Opens our driver; it is closed together with the BMC. */
  connect(options?: Partial<RedfishOptions>, times?: Partial<RedfishTimes>): Bmc;
  /** Restarts the BMC, not its host. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startTestBmc(options: Partial<EmulatedBmcOptions> = {}): Promise<TestBmc> {
  const folder = await mkdtemp(join(tmpdir(), 'bmc-'));
  const chassis = createTestChassis();
  const [clock, ids, log] = [systemClock, systemIds, silentLog];
  const start = async (): Promise<EmulatedBmc> =>
    await startEmulatedBmc(
      { host: 'h1', folder, version: 'test', timing: 'immediate', ...options },
      { chassis, clock, ids, log },
    );
  const clients: Bmc[] = [];
  const test: TestBmc = {
    emulated: await start(),
    chassis,
    folder,
    trouble: (trouble) => orderTrouble(folder, trouble),
    connect(changed = {}, times = {}) {
      const { origin, user, password, certificate } = test.emulated;
      const bmc = createRedfishBmc(
        { origin, user, password, trust: { kind: 'pinned', certificate }, ...changed },
        { clock, ids, log, times },
      );
      clients.push(bmc);
      return bmc;
    },
    async restart() {
      await test.emulated.close();
      test.emulated = await start();
    },
    async close() {
      orderTrouble(folder, undefined);
      for (const client of clients) await client.close();
      await test.emulated.close();
      await rm(folder, { recursive: true });
    },
  };
  return test;
}

/** The fixture for the port's contract suite. */
export async function bmcFixture(
  options: Partial<EmulatedBmcOptions>,
  client: Partial<RedfishOptions> = {},
  outage: BmcTrouble = { kind: 'unavailable' },
): Promise<BmcFixture> {
  const test = await startTestBmc(options);
  const { chassis } = test;
  const closers: (() => void)[] = [];
  // Only a silent BMC needs short timeouts: any other answers, however busy the machine is.
  const times = outage.kind === 'silent' ? { requestTimeoutMs: 2_000, callTimeoutMs: 6_000 } : {};
  return {
    bmc: test.connect(client, times),
    stranger() {
      const password = 'certainly-not-it';
      return { bmc: test.connect({ ...client, password: new Secret(password) }), password };
    },
    hostRuns: async () => chassis.runs,
    boots: async () => chassis.boots,
    hostDies: async () => chassis.die(),
    hostMayReturn: async () => chassis.mayReturn(),
    breakBmc: async () => test.trouble(outage),
    heal: async () => test.trouble(undefined),
    async receiver() {
      const messages: string[] = [];
      const server = createServer((request, response) => {
        let text = '';
        request.on('data', (chunk: Buffer) => (text += chunk.toString()));
        request.on('end', () => {
          const { Events: events } = JSON.parse(text) as { Events: { Message: string }[] };
          messages.push(...events.map(({ Message: message }) => message));
          response.writeHead(204).end();
        });
      });
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
      closers.push(() => void server.close());
      const { port } = server.address() as AddressInfo;
      return {
        receiver: { url: `http://127.0.0.1:${port}/events`, context: 'test' },
        received: () => messages,
      };
    },
    async close() {
      await test.close();
      for (const close of closers) close();
    },
  };
}
