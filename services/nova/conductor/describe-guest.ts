// Builds the guest spec of a server, from which a host defines the guest. Called by every saga that
// has a guest defined.
import type { GuestSpec } from '#contracts/nova/guest.ts';
import type { NovaDeps } from '../deps.ts';
import type { GuestFacts } from '../domain/guest-spec.ts';
import { guestSpec } from '../domain/guest-spec.ts';
import { connectedNics } from '../store/nics.ts';
import type { Server } from '../store/servers.ts';
import { connectedVolumes } from '../store/volumes.ts';

/** Interfaces and volumes are those in the server's rows, unless `facts` overrides them. */
export async function describeGuest(
  deps: NovaDeps,
  server: Server,
  facts: Partial<Omit<GuestFacts, 'zone' | 'nics'>> = {},
): Promise<GuestSpec> {
  const { db } = deps.database;
  return guestSpec(server, {
    zone: server.availability_zone ?? deps.config.defaultZone,
    nics: await connectedNics(db, server.id),
    volumes: facts.volumes ?? (await connectedVolumes(db, server.id)),
    ...facts,
  });
}
