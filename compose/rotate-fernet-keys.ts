// Rotates Keystone's Fernet keys, whether its processes run or not. Used by `cobalt keys`.
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { openFernetKeys } from '#services/keystone/api/tokens/fernet-keys.ts';
import type { Home } from './home.ts';

/**
 * Rotates the keys. `primary`: number of the key that encrypts new tokens from now on; `count`:
 * number of keys, with the staged one.
 */
export async function rotateFernetKeys(home: Home): Promise<{ primary: number; count: number }> {
  const keys = await openFernetKeys(
    { folder: home.fernetKeys },
    { clock: systemClock, ids: systemIds },
  );
  return await keys.rotate();
}
