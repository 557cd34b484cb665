// Every server action that changes vm_state, one line each: the conductor's part.
import type { ServerAction } from '#contracts/nova/operations.ts';
import type { ServerChangeRow } from './action.ts';
import { hardReboot } from './hard-reboot.ts';
import { pause } from './pause.ts';
import { rebuild } from './rebuild.ts';
import { rescue } from './rescue.ts';
import { resume } from './resume.ts';
import { softReboot } from './soft-reboot.ts';
import { start } from './start.ts';
import { stop } from './stop.ts';
import { suspend } from './suspend.ts';
import { unpause } from './unpause.ts';
import { unrescue } from './unrescue.ts';
import { unshelve } from './unshelve.ts';

export const serverChanges: Readonly<Record<ServerAction, ServerChangeRow>> = {
  hardReboot,
  pause,
  rebuild,
  rescue,
  resume,
  softReboot,
  start,
  stop,
  suspend,
  unpause,
  unrescue,
  unshelve,
};
