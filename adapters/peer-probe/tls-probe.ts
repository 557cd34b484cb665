// The driver of ports/peer-probe.ts: starts a TLS handshake with the host's libvirtd. An open TCP
// connection proves nothing: the kernel accepts it even if all processes of the host are frozen.
import { connect } from 'node:tls';
import type { Outcome } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { PeerProbe } from '#ports/peer-probe.ts';

/** libvirt's TLS port: every hypervisor host listens on it, for incoming migrations. */
const libvirtPort = 16514;
const timeoutMs = 1_500;

export const createTlsProbe = (
  clock: Pick<Clock, 'after'>,
  { port = libvirtPort }: { port?: number } = {},
): PeerProbe => ({
  reaches: async (address): Promise<Outcome<boolean>> =>
    await new Promise((resolve) => {
      // The peer's certificate is not verified: nothing is sent to it, and we show none of our own.
      const socket = connect({ host: address, port, rejectUnauthorized: false });
      const end = (isReached: boolean): void => {
        timer.stop();
        socket.destroy();
        resolve(isReached);
      };
      const timer = clock.after(timeoutMs, () => end(false));
      socket.once('secureConnect', () => end(true));
      // A peer that refuses the handshake has answered, so it is alive.
      socket.on('error', ({ code }: NodeJS.ErrnoException) =>
        end((code ?? '').startsWith('ERR_SSL_')),
      );
      socket.once('close', () => end(false));
    }),
});
