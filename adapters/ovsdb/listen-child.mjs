// Started by listen-in-netns.ts inside a network namespace: listens on a port of all addresses,
// passes the socket to its parent, exits.
import net from 'node:net';

const server = net.createServer();
const send = () => process.send('listening', server, () => process.disconnect());
server.once('error', (error) => {
  process.stderr.write(String(error));
  process.exitCode = 1;
  process.disconnect();
});
process.once('disconnect', () => server.close());
server.listen({ port: Number(process.argv[2]), host: '::' }, send);
