// Fernet tokens: AES-128-CBC and HMAC-SHA256 with a timestamp. Spec:
// https://github.com/fernet/spec.
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';

const version = 0x80;
const headBytes = 1 + 8 + 16;
const hmacBytes = 32;

/** 32 bytes: the first half is the signing key, the second the encryption key. */
export type FernetKey = Buffer;

/** Returns base64url without padding, as Keystone sends tokens. */
export function seal(key: FernetKey, plain: Buffer, nowMs: number, iv: Buffer): string {
  const head = Buffer.alloc(headBytes);
  head[0] = version;
  head.writeBigUInt64BE(BigInt(Math.floor(nowMs / 1000)), 1);
  iv.copy(head, 9);
  const cipher = createCipheriv('aes-128-cbc', key.subarray(16), iv);
  const signed = Buffer.concat([head, cipher.update(plain), cipher.final()]);
  return Buffer.concat([signed, hmac(key, signed)]).toString('base64url');
}

/** The decrypted bytes; undefined: none of the keys made this token. */
export function unseal(keys: readonly FernetKey[], token: string): Buffer | undefined {
  const bytes = Buffer.from(token, 'base64url');
  const cipherBytes = bytes.length - headBytes - hmacBytes;
  if (bytes[0] !== version || cipherBytes <= 0 || cipherBytes % 16 !== 0) return undefined;
  const signed = bytes.subarray(0, -hmacBytes);
  const key = keys.find((candidate) =>
    timingSafeEqual(hmac(candidate, signed), bytes.subarray(-hmacBytes)),
  );
  if (!key) return undefined;
  const decipher = createDecipheriv('aes-128-cbc', key.subarray(16), bytes.subarray(9, headBytes));
  return Buffer.concat([decipher.update(signed.subarray(headBytes)), decipher.final()]);
}

function hmac(key: FernetKey, data: Buffer): Buffer {
  return createHmac('sha256', key.subarray(0, 16)).update(data).digest();
}
