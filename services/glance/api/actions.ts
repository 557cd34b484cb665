// The deactivate and reactivate actions: only admins can download the data of a deactivated image.
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { moveStatus } from '../store/images.ts';
import type { GlanceParts } from './parts.ts';
import { allowedImage } from './requested-image.ts';

const moves = [
  ['deactivate', 'active', 'deactivated'],
  ['reactivate', 'deactivated', 'active'],
] as const;

export function actionRoutes(parts: GlanceParts): readonly Route[] {
  return moves.map(([action, from, to]) =>
    route('POST', `/v2/images/:id/actions/${action}`, {
      policy: null,
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const requested = await allowedImage(parts, request, action);
        if (isFault(requested)) return requested;
        const { image } = requested;
        // Repeating an action succeeds: api-ref, "Deactivate image".
        if (
          image.status === to ||
          (await moveStatus(parts.database.db, image.id, from, to, parts.clock.now()))
        )
          return { status: 204 };
        return fault('forbidden', `Not allowed to ${action} image in status '${image.status}'`);
      },
    }),
  );
}
