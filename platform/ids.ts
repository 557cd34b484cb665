// Identifiers and random numbers. Passed in by deps, so that a simulation can be repeated from its
// seed.
import { randomBytes, randomUUID } from 'node:crypto';

export interface Ids {
  /** A random UUID with dashes. */
  uuid(): string;
  /** 32 hex digits, as Keystone names its objects. */
  hex(): string;
  /** `req-<uuid>`. */
  requestId(): string;
  bytes(count: number): Buffer;
  /** A random number in [0, 1). */
  random(): number;
}

export const systemIds: Ids = {
  uuid: () => randomUUID(),
  hex: () => randomUUID().replaceAll('-', ''),
  requestId: () => `req-${randomUUID()}`,
  bytes: (count) => randomBytes(count),
  random: () => Math.random(),
};

/** Ids whose sequence is the same for the same seed (generator: mulberry32). */
export function seededIds(seed: number): Ids {
  let state = seed >>> 0;
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const bytes = (count: number): Buffer =>
    Buffer.from(Array.from({ length: count }, () => Math.floor(random() * 256)));
  const uuid = (): string => {
    const b = bytes(16);
    b[6] = ((b[6] ?? 0) & 0x0f) | 0x40;
    b[8] = ((b[8] ?? 0) & 0x3f) | 0x80;
    const h = b.toString('hex');
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
  };
  return {
    uuid,
    hex: () => uuid().replaceAll('-', ''),
    requestId: () => `req-${uuid()}`,
    bytes,
    random,
  };
}
