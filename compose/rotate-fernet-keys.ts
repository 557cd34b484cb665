// Rotates the keys of Keystone's tokens, whether its processes run or not. Used by `cobalt keys`.
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { openFernetKeys } from '#services/keystone/api/tokens/fernet-keys.ts';
import type { Home } from './home.ts';

/** `primary`: the number of the key that seals from now on; `count`: the staged one included. */
export async function rotateFernetKeys(home: Home): Promise<{ primary: number; count: number }> {
  const keys = await openFernetKeys(
    { folder: home.fernetKeys },
    { clock: systemClock, ids: systemIds },
  );
  return await keys.rotate();
}
