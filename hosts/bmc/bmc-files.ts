// The files that an emulated BMC keeps across restarts, in a folder of its own: password,
// certificate, state.
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureKey, issueCertificate, lastingCertificate } from '#platform/certificates.ts';
import type { Certificate } from '#platform/http/server.ts';
import type { Ids } from '#platform/ids.ts';
import { Secret } from '#platform/log.ts';

export interface BootSettings {
  enabled: 'Disabled' | 'Once' | 'Continuous';
  target: string;
}

export interface LogRecord {
  id: number;
  atMs: number;
  severity: 'OK' | 'Warning' | 'Critical';
  messageId: string;
  message: string;
}

export interface Subscription {
  id: number;
  destination: string;
  context: string;
}

export interface Sensor {
  name: string;
  kind: 'temperature' | 'fan' | 'power' | 'voltage';
  value: number;
}

export interface BmcState {
  /** SMBIOS UUID of the host. */
  uuid: string;
  serialNumber: string;
  boot: BootSettings;
  /** Id of the host's last boot that the BMC has seen (`ChassisState.boot`); null: none yet. */
  lastBoot: string | null;
  /** The boot target that was set when that boot began, e.g. 'None' or 'Pxe'. */
  bootedFrom: string;
  indicatorLed: 'Off' | 'Lit' | 'Blinking';
  sensors: Sensor[];
  log: LogRecord[];
  subscriptions: Subscription[];
  /** Next number for log records and subscriptions. */
  nextId: number;
  /** The port on which it listened last. */
  port: number;
}

export const bmcUser = 'admin';

const stateFile = (folder: string): string => join(folder, 'state.json');
const passwordFile = (folder: string): string => join(folder, 'password');
const certificateDays = { valid: 3650, renewBefore: 365 };

/** Reads the password; generates it at first use. Only the folder's owner can read it. */
export async function readPassword(folder: string, ids: Pick<Ids, 'bytes'>): Promise<Secret> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const stored = await readFile(passwordFile(folder), 'utf8').catch(() => '');
  if (stored.trim() !== '') return new Secret(stored.trim());
  const password = ids.bytes(18).toString('base64url');
  await writeWhole(passwordFile(folder), `${password}\n`);
  return new Secret(password);
}

/** Reads or creates a self-signed certificate, like that of a BMC as delivered. */
export async function ensureBmcCertificate(
  folder: string,
  { name, address, nowMs }: { name: string; address: string; nowMs: number },
): Promise<Certificate> {
  const [file, keyFile] = [join(folder, 'bmc.crt'), join(folder, 'bmc.key')];
  await ensureKey(keyFile);
  const current = await lastingCertificate(file, certificateDays.renewBefore, nowMs);
  if (!current || current.checkIP(address) === undefined)
    await issueCertificate({
      file,
      keyFile,
      subject: `/CN=BMC of ${name}`,
      days: certificateDays.valid,
      extensions: [
        'basicConstraints=critical,CA:FALSE',
        'extendedKeyUsage=serverAuth',
        `subjectAltName=IP:${address}`,
      ],
    });
  return { cert: await readFile(file, 'utf8'), key: await readFile(keyFile, 'utf8') };
}

/** Reads the state; a new one if there is none, or if the file cannot be parsed. */
export async function readState(folder: string, name: string, ids: Ids): Promise<BmcState> {
  const fresh: BmcState = {
    uuid: ids.uuid(),
    serialNumber: `${name}-${ids.hex().slice(0, 8)}`,
    boot: { enabled: 'Disabled', target: 'None' },
    lastBoot: null,
    bootedFrom: 'None',
    indicatorLed: 'Off',
    sensors: [
      { name: 'Inlet', kind: 'temperature', value: 21 },
      { name: 'Fan 1', kind: 'fan', value: 4_200 },
      { name: 'Input power', kind: 'power', value: 180 },
      { name: 'Input voltage', kind: 'voltage', value: 230 },
    ],
    log: [],
    subscriptions: [],
    nextId: 1,
    port: 0,
  };
  try {
    // Cast: written by `writeState`.
    return { ...fresh, ...(JSON.parse(await readFile(stateFile(folder), 'utf8')) as BmcState) };
  } catch {
    return fresh;
  }
}

export const writeState = async (folder: string, state: BmcState): Promise<void> =>
  await writeWhole(stateFile(folder), JSON.stringify(state));

/** Writes the BMC's URL into its folder, for people and for Redfish tools. */
export const writeAddress = async (folder: string, address: string): Promise<void> =>
  await writeWhole(join(folder, 'address'), `${address}\n`);

/** Writes a file atomically. */
async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
