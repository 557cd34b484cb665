// For the servers that tests start: a server whose start fails must leave nothing behind.

/** Starts the server; if that fails, stops it and rethrows. */
export async function startOrStop(server: {
  start(): Promise<void>;
  stop(): Promise<void>;
}): Promise<void> {
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
}
