// Adds the configured certificate authorities to those that this process trusts at its peers. Used
// by peers.ts and migrate.ts.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { ConfigError } from '#platform/config/config.ts';
import type { ProcessConfig } from './process-config.ts';

/**
 * Trusts the authorities in the configured file, if there is one, in every later TLS connection of
 * the process. Throws ConfigError if the file holds no certificate.
 */
export async function trustAuthorities({ tls: { caFile } }: ProcessConfig): Promise<void> {
  if (caFile === '') return;
  try {
    const own = await readFile(caFile, 'utf8');
    new X509Certificate(own); // throws if it is no certificate
    setDefaultCACertificates([...getCACertificates('default'), own]);
  } catch (error) {
    throw new ConfigError(`tls.caFile: ${caFile}: ${(error as Error).message}`);
  }
}
