// Password hashes that cost nothing and are there when the call returns: threads have no say in
// what comes first. For simulations alone.
import { argon2Sync } from 'node:crypto';
import type { SimControlOptions } from './sim-control.ts';

export const instantPasswords: NonNullable<SimControlOptions['keystone']> = {
  passwordCost: { memoryKib: 8, passes: 1, maxConcurrent: 1 },
  deriveHash: async (parameters) => argon2Sync('argon2id', parameters),
};
