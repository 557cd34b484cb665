// Password hashes that are cheap and computed synchronously, so that threads cannot influence the
// order of events. For simulations only.
import { argon2Sync } from 'node:crypto';
import type { SimControlOptions } from './sim-control.ts';

export const instantPasswords: NonNullable<SimControlOptions['keystone']> = {
  passwordCost: { memoryKib: 8, passes: 1, maxConcurrent: 1 },
  deriveHash: async (parameters) => argon2Sync('argon2id', parameters),
};
