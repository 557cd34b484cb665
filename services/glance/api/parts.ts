// What Glance's routes and tasks receive; created by role.ts.
import type { GlanceConfig, GlanceDeps } from '../deps.ts';

export interface GlanceParts extends Omit<GlanceDeps, 'config'> {
  config: GlanceConfig;
  /**
   * Keys of data that this process is writing now. Uploads in its name with other keys are from
   * before its restart.
   */
  writing: Set<string>;
}
