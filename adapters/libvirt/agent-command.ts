// Sends commands to the QEMU guest agent inside a guest, through libvirt's channel.
import { fault, type Outcome } from '#contracts/common/fault.ts';
import type { Driver } from './driver.ts';
import { asOutcome } from './outcome.ts';
import { LibvirtError, LibvirtTimeout } from './rpc/errors.ts';
import { qemu, type Domain } from './rpc/protocol.ts';

/** Runs one guest-agent command and returns its `return` value. */
export function agentCommand(
  driver: Driver,
  uuid: string,
  command: string,
  args: unknown,
  timeoutMs: number,
): Promise<Outcome<unknown>> {
  return asOutcome(async () => {
    const domain = await driver.domains.find(uuid);
    if (!domain) return fault('notFound', `no guest ${uuid} on this host`);
    const request = JSON.stringify({
      execute: command,
      ...(args === undefined || args === null ? {} : { arguments: args }),
    });
    try {
      return await callAgent(driver, domain, request, timeoutMs);
    } catch (error) {
      // A guest that is off, has no channel or no running agent: libvirt does not tell these apart.
      if (error instanceof LibvirtError || error instanceof LibvirtTimeout)
        return fault('unavailable', `guest agent: ${error.message}`);
      throw error;
    }
  });
}

async function callAgent(
  driver: Driver,
  domain: Domain,
  request: string,
  timeoutMs: number,
): Promise<unknown> {
  const reply = await driver.client.call(
    qemu.agentCommand,
    { domain, command: request, timeoutS: Math.max(1, Math.ceil(timeoutMs / 1000)), flags: 0 },
    timeoutMs + 1_000,
  );
  return (JSON.parse(reply.result ?? '{}') as { return?: unknown }).return ?? null;
}
