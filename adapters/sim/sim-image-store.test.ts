// Runs the port's contract suite on the image store in memory.
import { systemClock } from '#platform/clock.ts';
import { imageStoreContract } from '#ports/image-store.testing.ts';
import type { SimImages } from './sim-image-store.ts';
import { createSimImageStore } from './sim-image-store.ts';

imageStoreContract('in memory', async () => {
  const images: SimImages = new Map();
  return {
    store: createSimImageStore({ clock: systemClock, images }),
    reopen: () => createSimImageStore({ clock: systemClock, images }),
    close: async () => undefined,
  };
});
