// The authorities whose certificates this process takes from its peers, besides the public ones.
// Used by whatever connects to them: peers.ts and migrate.ts.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { ConfigError } from '#platform/config/config.ts';
import type { ProcessConfig } from './process-config.ts';

/** Holds for every TLS connection of the process from then on. Throws ConfigError. */
export async function trustAuthorities({ tls: { caFile } }: ProcessConfig): Promise<void> {
  if (caFile === '') return;
  try {
    const own = await readFile(caFile, 'utf8');
    new X509Certificate(own); // throws where there is none
    setDefaultCACertificates([...getCACertificates('default'), own]);
  } catch (error) {
    throw new ConfigError(`tls.caFile: ${caFile}: ${(error as Error).message}`);
  }
}
