// The driver of ports/peer-probe.ts: begins a TLS handshake with libvirtd. A connection alone
// proves nothing: the kernel accepts it for a host whose processes are all frozen.
import { connect } from 'node:tls';
import type { Outcome } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { PeerProbe } from '#ports/peer-probe.ts';

/** libvirt's TLS port: every hypervisor host listens on it, for guests that move in. */
const libvirtPort = 16514;
const timeoutMs = 1_500;

export const createTlsProbe = (
  clock: Pick<Clock, 'after'>,
  { port = libvirtPort }: { port?: number } = {},
): PeerProbe => ({
  reaches: async (address): Promise<Outcome<boolean>> =>
    await new Promise((resolve) => {
      // Whose certificate it is does not matter: nothing is told, and none of our own is shown.
      const socket = connect({ host: address, port, rejectUnauthorized: false });
      const end = (isReached: boolean): void => {
        timer.stop();
        socket.destroy();
        resolve(isReached);
      };
      const timer = clock.after(timeoutMs, () => end(false));
      socket.once('secureConnect', () => end(true));
      // Also one that refuses the handshake has answered.
      socket.on('error', ({ code }: NodeJS.ErrnoException) =>
        end((code ?? '').startsWith('ERR_SSL_')),
      );
      socket.once('close', () => end(false));
    }),
});
