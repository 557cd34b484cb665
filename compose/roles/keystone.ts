// Creates Keystone's only role, which also validates tokens for the other roles of its process.
import type { KeystoneApi } from '#services/keystone/api/role.ts';
import { createKeystoneApi } from '#services/keystone/api/role.ts';
import { migrations } from '#services/keystone/store/migrations/index.ts';
import type { KeystoneTables } from '#services/keystone/store/tables.ts';
import type { CloudProcess } from '../process.ts';
import type { ServiceEntry } from './service-entry.ts';

export const keystoneApi = async (process: CloudProcess): Promise<KeystoneApi> =>
  await process.once(
    'keystone',
    async () =>
      await createKeystoneApi({
        db: process.database<KeystoneTables>('keystone').db,
        clock: process.clock,
        ids: process.ids,
        log: process.logOf('keystone'),
        keysFolder: process.home.fernetKeys,
        config: process.config.keystone,
        ...process.keystone,
      }),
  );

export const keystone = { migrations, roles: { keystone: keystoneApi } } satisfies ServiceEntry;
