// For tests' own servers: one that does not start leaves nothing behind.

/** Starts it; stops it where that fails. */
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
