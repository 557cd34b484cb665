// The image downloads of a build are aborted with the build: at its caller's deadline, and when its
// server is deleted.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { GuestImage, GuestSpec } from '#contracts/nova/guest.ts';
import { systemClock } from '#platform/clock.ts';
import type { EnsureOptions } from '#ports/hypervisor.ts';
import { createGuestBuilds } from './build-guest.ts';
import type { NovaAgentDeps } from './deps.ts';

const image = (id: string): GuestImage => ({ id, diskFormat: 'vmdk', sizeBytes: 1, checksum: '' });
const spec = (uuid: string, sizeGib = 3): GuestSpec =>
  ({
    uuid,
    rootDisk: { image: image('root'), sizeGib, bus: 'virtio' },
    kernel: { kernel: image('kernel'), ramdisk: null, commandLine: '' },
  }) as unknown as GuestSpec; // all fields that a build reads

/** A host whose image downloads continue until they are aborted. */
function openFixture() {
  const imageOptions = new Map<string, EnsureOptions>();
  let under = 0;
  const hypervisor = {
    ensureImage: async ({ id }: GuestImage, _open: unknown, options: EnsureOptions) => {
      imageOptions.set(id, options);
      under += 1;
      await new Promise((resolve) => options.signal?.addEventListener('abort', resolve));
      under -= 1;
      return fault('timeout', 'nobody waits');
    },
  };
  // Only `ensureImage` is called before the guest is created.
  const builds = createGuestBuilds({ hypervisor, clock: systemClock } as unknown as NovaAgentDeps);
  return { builds, asked: imageOptions, under: () => under };
}

const never = async (): Promise<undefined> => assert.fail('the guest is not made');

describe('building a guest', () => {
  it('asks for a root image that fits the disk, and for a kernel of any size', async () => {
    const { builds, asked: imageOptions } = openFixture();
    const build = builds.run(spec('a'), Infinity, never);
    assert.deepEqual(
      ['root', 'kernel'].map((id) => imageOptions.get(id)?.maxVirtualBytes),
      [3 * 2 ** 30, undefined],
    );
    builds.abandon('a');
    await build;
    const unsized = openFixture();
    const other = unsized.builds.run(spec('a', 0), Infinity, never);
    assert.equal(unsized.asked.get('root')?.maxVirtualBytes, undefined, 'as large as the image');
    unsized.builds.abandon('a');
    await other;
  });

  it('ends its fetches when it is abandoned, and those of no other guest', async () => {
    const { builds, under } = openFixture();
    const [stoppedBuild, other] = [
      builds.run(spec('gone'), Infinity, never),
      builds.run(spec('other'), Infinity, never),
    ];
    assert.equal(under(), 4);
    builds.abandon('gone');
    const outcome = await stoppedBuild;
    assert.ok(isFault(outcome) && outcome.kind === 'timeout');
    assert.equal(under(), 2);
    builds.abandon('nobody');
    builds.abandon('other');
    await other;
    assert.equal(under(), 0);
  });

  it('ends its fetches when its caller has stopped waiting', async () => {
    const { builds, under } = openFixture();
    const outcome = await builds.run(spec('late'), systemClock.now() + 20, never);
    assert.ok(isFault(outcome) && outcome.kind === 'timeout');
    assert.equal(under(), 0);
  });

  it('does not make a guest whose images came when it was abandoned already', async () => {
    let arrive: () => void = () => undefined;
    const hypervisor = {
      ensureImage: async () =>
        await new Promise<undefined>((resolve) => (arrive = () => resolve(undefined))),
    };
    const builds = createGuestBuilds({
      hypervisor,
      clock: systemClock,
    } as unknown as NovaAgentDeps); // nothing else is used
    const build = builds.run({ ...spec('a'), kernel: null }, Infinity, never);
    builds.abandon('a');
    arrive();
    const outcome = await build;
    assert.ok(isFault(outcome) && outcome.kind === 'timeout');
  });
});
