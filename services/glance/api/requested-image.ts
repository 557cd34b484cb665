// Finds the image of the path and checks whether the caller may see it and act on it.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { PolicyTarget } from '#openstack/policy/policy.ts';
import type { Image } from '../domain/image.ts';
import type { StoredImage } from '../store/images.ts';
import { findImage } from '../store/images.ts';
import { findMember } from '../store/members.ts';
import type { GlanceParts } from './parts.ts';

export const noImage = (id: string): Fault =>
  fault('notFound', `Failed to find image ${id} to show`);

/**
 * The attributes of an image that policies compare. `member_id` is the caller's project if the
 * image is shared with it.
 */
export const targetOf = (
  image: Pick<Image, 'owner' | 'visibility'>,
  memberId?: string,
): PolicyTarget => ({
  project_id: image.owner,
  owner: image.owner,
  visibility: image.visibility,
  member_id: memberId,
});

export interface Requested {
  image: StoredImage;
  target: PolicyTarget;
}

/**
 * The path's image. notFound: there is none, or it belongs to another project and is neither
 * public, community nor shared with the caller.
 */
export async function requestedImage(
  { database: { db } }: GlanceParts,
  request: ApiRequest<unknown>,
): Promise<Outcome<Requested>> {
  const id = request.params['id'] ?? '';
  const image = await findImage(db, id);
  if (!image) return noImage(id);
  const { projectId } = request.auth;
  const isOwn = projectId !== null && image.owner === projectId;
  const member =
    isOwn || projectId === null || image.visibility !== 'shared'
      ? undefined
      : await findMember(db, image.id, projectId);
  const isOpen = image.visibility === 'public' || image.visibility === 'community';
  const target = targetOf(image, member?.member_id);
  if (!(isOwn || isOpen || member || request.allows('context_is_admin'))) return noImage(id);
  return request.allows('get_image', target) ? { image, target } : noImage(id);
}

/**
 * The path's image, if `rule` allows the caller to act on it. forbidden: the caller may only see
 * it.
 */
export async function allowedImage(
  parts: GlanceParts,
  request: ApiRequest<unknown>,
  rule: string,
): Promise<Outcome<Requested>> {
  const requested = await requestedImage(parts, request);
  if (isFault(requested)) return requested;
  return request.allows(rule, requested.target)
    ? requested
    : fault('forbidden', `You are not authorized to complete ${rule} action.`);
}
