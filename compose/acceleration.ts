// Chooses the accelerator, KVM or TCG, for the guests on this machine's real hosts, by the probe of
// hosts/local with a kernel of the guest images. Used by `cobalt up` and `cobalt doctor`.
import { glob, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import { answerFile, probeAcceleration } from '#hosts/local/probe-acceleration.ts';
import type {
  Acceleration,
  AccelerationSetting,
  ProbeGuest,
} from '#hosts/local/probe-acceleration.ts';
import { buildGuestImages } from '#images/guest/build-guest-images.ts';
import { probeInitrd } from '#images/guest/probe-initrd.ts';
import type { Log } from '#platform/log.ts';
import type { Home } from './home.ts';

/**
 * Chooses the accelerator at start. If KVM has to be tried and no guest kernel is there yet,
 * fetches the guest images first. Faults as `probeAcceleration`.
 */
export function chooseAcceleration(
  setting: AccelerationSetting,
  { home, log }: { home: Home; log: Log },
): Promise<Outcome<Acceleration>> {
  const guest = async (): Promise<Outcome<ProbeGuest>> => {
    const present = await presentKernel(home.guestImages);
    if (present !== undefined) return probeGuest(present);
    const build = await buildGuestImages({ outDir: home.guestImages, log });
    return isFault(build) ? build : probeGuest(build.kernel);
  };
  return probeAcceleration({ setting, file: answerFile(home.dir), guest });
}

/** Measures anew, with a guest kernel that is there already. Called by `cobalt doctor`. */
export function examineAcceleration(
  setting: AccelerationSetting,
  home: Home,
): Promise<Outcome<Acceleration>> {
  const guest = async (): Promise<ProbeGuest | undefined> => {
    const present = await presentKernel(home.guestImages);
    return present === undefined ? undefined : probeGuest(present);
  };
  return probeAcceleration({ setting, file: answerFile(home.dir), guest, fresh: true });
}

const probeGuest = (kernel: string): ProbeGuest => ({ kernel, ramdisk: probeInitrd() });

/**
 * Path of the newest kernel among the guest images built in this folder, by whichever release;
 * undefined: none was built.
 */
async function presentKernel(guestImages: string): Promise<string | undefined> {
  const kernels = await Array.fromAsync(
    glob('[0-9a-f]*/kernel', { cwd: guestImages }),
    async (path) => {
      const file = join(guestImages, path);
      return { file, builtAt: (await stat(file)).mtimeMs };
    },
  );
  return kernels.sort((one, other) => other.builtAt - one.builtAt)[0]?.file;
}
