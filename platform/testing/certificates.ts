// Test certificates: a private authority for each test, and certificates signed by it, by openssl.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runChild } from '../child-process.ts';

export interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

export interface TestAuthority {
  caFile: string;
  /** Signs a certificate for 127.0.0.1 and localhost. With 0 days it expires within a second. */
  sign(name: string, days: number): Promise<CertificateFiles>;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export async function createTestAuthority(folder: string): Promise<TestAuthority> {
  const [caFile, caKey] = [join(folder, 'ca.pem'), join(folder, 'ca.key')];
  await openssl(['req', '-x509', '-subj', '/CN=authority of a test', '-days', '2', ...newKey], {
    '-keyout': caKey,
    '-out': caFile,
  });
  return {
    caFile,
    async sign(name, days) {
      const [certFile, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
      const [request, extensions] = [join(folder, `${name}.csr`), join(folder, 'extensions')];
      await writeFile(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
      await openssl(['req', '-subj', `/CN=${name}`, ...newKey], {
        '-keyout': keyFile,
        '-out': request,
      });
      await openssl(['x509', '-req', '-days', String(days), '-CAcreateserial'], {
        '-in': request,
        '-CA': caFile,
        '-CAkey': caKey,
        '-extfile': extensions,
        '-out': certFile,
      });
      return { certFile, keyFile };
    },
  };
}

async function openssl(words: readonly string[], files: Record<string, string>): Promise<void> {
  const { code, stderr } = await runChild(['openssl', ...words, ...Object.entries(files).flat()], {
    timeoutMs: 20_000,
  });
  if (code !== 0) throw new Error(`openssl ${words.join(' ')}: ${stderr}`);
}
