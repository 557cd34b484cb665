// The contract of ports/image-locks.ts on a real NFS server, with QEMU processes that lock its
// files.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe } from 'node:test';
import { createNlmImageLocks } from '#adapters/nfs/nlm-image-locks.ts';
import { runTool, tryTool } from '#hosts/local/run-tool.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { imageLocksContract } from '#ports/image-locks.testing.ts';
import type { ImageLocksFixture } from '#ports/image-locks.testing.ts';
import { filerMissing, startFiler } from './filer.testing.ts';

describe('locks on a filer', { skip: filerMissing(), timeout: 120_000 }, () => {
  imageLocksContract('NLM', async (): Promise<ImageLocksFixture> => {
    const filer = await startFiler();
    const folder = mkdtempSync('/tmp/cc-locks-');
    const local = (path: string): string => join(filer.folder, basename(path));
    return {
      open: (host) =>
        createNlmImageLocks(
          { host, folder: join(folder, host), patienceMs: 0, probeEveryMs: 1_000 },
          { log: silentLog, clock: systemClock },
        ),
      async image() {
        const path = `${filer.path}/volume-${randomUUID()}`;
        await runTool('qemu-img', ['create', '-q', '-f', 'qcow2', local(path), '1G']);
        return { server: filer.server, path };
      },
      async isFree({ path }) {
        const { code, stderr } = await tryTool(
          'qemu-io',
          ['-f', 'qcow2', '-c', 'write 0 512', local(path)],
          { timeoutMs: 10_000 },
        );
        assert.ok(code === 0 || /Failed to (lock byte|get .*lock)/.test(stderr), stderr);
        return code === 0;
      },
      async openElsewhere({ path }) {
        const child = spawn('qemu-io', ['-f', 'qcow2', local(path)], {
          stdio: ['pipe', 'pipe', 'inherit'],
        });
        await once(child.stdout, 'data'); // the prompt of qemu-io
        return async () => {
          child.stdin.end('quit\n');
          await once(child, 'exit');
        };
      },
      loseNotes: async (host) => rmSync(join(folder, host), { recursive: true }),
      removeImage: async ({ path }) => rmSync(local(path)),
      killFiler: async () => await filer.kill(),
      async close() {
        for (const host of readdirSync(folder))
          assert.ok(
            readdirSync(join(folder, host)).every((file) => file.endsWith('.json')),
            'no half-written note',
          );
        rmSync(folder, { recursive: true });
        await filer.close();
      },
    };
  });
});
