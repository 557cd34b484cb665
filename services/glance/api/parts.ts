// What Glance's routes and tasks work with. Filled in by role.ts.
import type { GlanceConfig, GlanceDeps } from '../deps.ts';

export interface GlanceParts extends Omit<GlanceDeps, 'config'> {
  config: GlanceConfig;
  /** Data keys that this process is writing now: those uploads are not of an earlier life of it. */
  writing: Set<string>;
}
