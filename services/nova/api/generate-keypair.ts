// Generates an ssh key when a user requests a keypair without a public key (until microversion
// 2.91). The private key is returned once and never stored.
import { generateKeyPair } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);

/**
 * Generates an RSA 2048 key pair; the private key is PKCS#1 PEM, which every ssh client reads. The
 * key comes from the kernel's random generator, not from `deps.ids`: a key from a seeded generator
 * would not be secret.
 */
export async function generateSshKey(): Promise<{ publicKey: string; privateKey: string }> {
  const { publicKey, privateKey } = await generate('rsa', { modulusLength: 2048 });
  return {
    publicKey: `ssh-rsa ${sshBlob(publicKey).toString('base64')} Generated-by-Nova`,
    privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
  };
}

/** The public key in wire format, RFC 4253, section 6.6: "ssh-rsa", e, n. */
function sshBlob(key: KeyObject): Buffer {
  const { e = '', n = '' } = key.export({ format: 'jwk' });
  return Buffer.concat([
    field(Buffer.from('ssh-rsa')),
    field(positive(Buffer.from(e, 'base64url'))),
    field(positive(Buffer.from(n, 'base64url'))),
  ]);
}

const field = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

/**
 * The bytes as a positive mpint of RFC 4251, which is signed: a zero byte is put before a number
 * whose first bit is set.
 */
const positive = (bytes: Buffer): Buffer =>
  (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
