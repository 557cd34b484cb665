// Makes and renews certificates of a private authority, by openssl. Private keys are kept for good;
// certificates are renewed before they expire, and replaced atomically so that no reader sees half
// a file.
import { X509Certificate } from 'node:crypto';
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { runChild } from './child-process.ts';

const dayMs = 24 * 3_600_000;
const toolTimeoutMs = 20_000;

export interface WantedCertificate {
  file: string;
  keyFile: string;
  /** The subject as openssl takes it, e.g. `/CN=h1`, `/O=system:masters/CN=admin`. */
  subject: string;
  days: number;
  /** X.509 version 3 extensions, e.g. `subjectAltName=DNS:h1`. */
  extensions: readonly string[];
  /** The authority that signs; without it the certificate is self-signed. */
  issuer?: { file: string; keyFile: string };
}

export const authorityExtensions = [
  'basicConstraints=critical,CA:TRUE',
  'keyUsage=critical,keyCertSign,cRLSign',
];

/** The certificate in the file; undefined if there is none or it expires within `days`. */
export async function lastingCertificate(
  file: string,
  days: number,
  nowMs: number,
): Promise<X509Certificate | undefined> {
  const pem = await readFile(file).catch(() => undefined);
  if (!pem) return undefined;
  const certificate = new X509Certificate(pem);
  return Date.parse(certificate.validTo) - nowMs > days * dayMs ? certificate : undefined;
}

/** Makes the private key if the file does not exist; readable by its owner only. */
export async function ensureKey(file: string): Promise<void> {
  if ((await readFile(file).catch(() => undefined)) !== undefined) return;
  const key = await openssl(['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']);
  await writeFile(`${file}.new`, key, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Issues the certificate and replaces its file atomically. Throws with openssl's message. */
export async function issueCertificate(wanted: WantedCertificate): Promise<void> {
  const { file, keyFile, subject, days, issuer, extensions } = wanted;
  const config = `${file}.cnf`;
  // A configuration file of our own, since the machine's default one would add extensions.
  await writeFile(config, '[req]\ndistinguished_name = dn\n[dn]\n', { mode: 0o600 });
  const request = ['req', '-x509', '-new', '-config', config, '-key', keyFile, '-sha256'];
  const validity = ['-subj', subject, '-days', String(days), '-out', `${file}.new`];
  await openssl([
    ...request,
    ...validity,
    ...(issuer ? ['-CA', issuer.file, '-CAkey', issuer.keyFile] : []),
    ...extensions.flatMap((extension) => ['-addext', extension]),
  ]);
  await chmod(`${file}.new`, 0o600);
  await rename(`${file}.new`, file);
  await rm(config, { force: true });
}

async function openssl(words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runChild(['openssl', ...words], {
    timeoutMs: toolTimeoutMs,
  });
  if (code !== 0) throw new Error(`openssl ${words[0]}: ${stderr}`);
  return stdout;
}
