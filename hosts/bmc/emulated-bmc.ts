// An emulated BMC for a local host: a Redfish service over TLS, with its own certificate and
// password. Real hosts have a BMC; with this one local hosts are handled in the same way. Started
// by compose.
import { X509Certificate } from 'node:crypto';
import type { Clock } from '#platform/clock.ts';
import { startHttpServer } from '#platform/http/server.ts';
import type { HttpServer } from '#platform/http/server.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log, Secret } from '#platform/log.ts';
import { createBmcCore } from './bmc-core.ts';
import { bmcUser, ensureBmcCertificate, readPassword, writeAddress } from './bmc-files.ts';
import type { Sensor } from './bmc-files.ts';
import type { Chassis } from './chassis.ts';
import type { PowerTiming } from './power-orders.ts';
import { redfishHandler } from './redfish-handler.ts';
import { createSessions } from './sessions.ts';
import { vendorProfiles } from './vendor-profiles.ts';
import type { VendorName } from './vendor-profiles.ts';

export interface EmulatedBmcOptions {
  host: string;
  /**
   * The BMC's own folder, for password, certificate, address and state. Failures are injected
   * there, too (bmc-trouble.ts).
   */
  folder: string;
  version: string;
  timing: PowerTiming;
  /** How long a power task waits before it acts; 1 s by default. */
  orderMs?: number;
  vendor?: VendorName;
}

export interface EmulatedBmcDeps {
  chassis: Chassis;
  clock: Clock;
  ids: Ids;
  log: Log;
}

export interface EmulatedBmc {
  /** `https://127.0.0.1:<port>`; the same port after a restart, unless another program uses it. */
  origin: string;
  user: string;
  password: Secret;
  /** The self-signed certificate as PEM. */
  certificate: string;
  /** SHA-256, as `openssl x509 -fingerprint -sha256` shows it. */
  fingerprint: string;
  /** Sets what the sensor of this name reads from now on; adds the sensor if there is none. */
  setSensor(sensor: Sensor): Promise<void>;
  /** Stops answering. The power state of the host stays. Safe to repeat. */
  close(): Promise<void>;
}

/**
 * The address on which a BMC listens: loopback only, so that it cannot be reached from other
 * machines.
 */
const address = '127.0.0.1';

export async function startEmulatedBmc(
  options: EmulatedBmcOptions,
  { chassis, clock, ids, log }: EmulatedBmcDeps,
): Promise<EmulatedBmc> {
  const { host, folder, version, timing, orderMs = 1_000, vendor = 'Generic' } = options;
  const profile = vendorProfiles[vendor];
  const password = await readPassword(folder, ids);
  const tls = await ensureBmcCertificate(folder, { name: host, address, nowMs: clock.now() });
  const core = await createBmcCore(
    { host, folder, version, profile, timing, orderMs },
    { chassis, clock, ids, log },
  );
  const sessions = createSessions({ name: bmcUser, password }, { clock, ids });
  const closing = new AbortController();
  const handler = redfishHandler({ core, sessions, profile, clock, log, closing: closing.signal });
  const listen = async (port: number): Promise<HttpServer> =>
    await startHttpServer(handler, { host: address, port, tls, log });
  let server: HttpServer;
  try {
    server = await listen(core.state.port).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error;
      return await listen(0); // the port of the last start is taken
    });
    await core.change((state) => void (state.port = server.port));
    await writeAddress(folder, `https://${address}:${server.port}`);
  } catch (error) {
    await core.close();
    throw error;
  }
  return {
    origin: `https://${address}:${server.port}`,
    user: bmcUser,
    password,
    certificate: tls.cert,
    fingerprint: new X509Certificate(tls.cert).fingerprint256,
    setSensor: async (sensor) =>
      await core.change((state) => {
        const others = state.sensors.filter(({ name }) => name !== sensor.name);
        state.sensors = [...others, sensor];
      }),
    async close() {
      closing.abort();
      await server.close();
      await core.close();
    },
  };
}
