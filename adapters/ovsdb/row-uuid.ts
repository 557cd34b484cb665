// The UUID of a row of ours, derived from table and natural key, so that a repeated insert
// conflicts with its first attempt instead of adding a second row. Pure.
import { createHash } from 'node:crypto';
import type { Uuid } from './schema.ts';

/**
 * The UUID of the row with this key: of version 5 (RFC 9562, section 5.5), from names that nobody
 * else uses.
 */
export function rowUuid(table: string, key: string): Uuid {
  const bytes = createHash('sha1').update(`cobaltcore/ovsdb/${table}/${key}`).digest();
  bytes[6] = (bytes.readUInt8(6) & 0x0f) | 0x50;
  bytes[8] = (bytes.readUInt8(8) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
