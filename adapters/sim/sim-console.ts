// The serial console of a simulated guest: the text of one boot after the other, as in a log file
// that is appended to.
import type { SimGuest } from './sim-world.ts';

const lastBoots = 8;

/** The console's text of the last boots. `isUp`: the current boot has reached the login banner. */
export function bootText(guest: SimGuest, isUp: boolean): string {
  const first = Math.max(1, guest.boots - lastBoots + 1);
  let text = '';
  for (let boot = first; boot <= guest.boots; boot += 1) {
    text += `[    0.000000] Linux version 6.1.0-sim (boot ${boot}) ${guest.vcpus} CPU, ${guest.memoryMib} MiB\n`;
    if (boot < guest.boots || isUp)
      text += `\nCobaltCore simulated guest\n${guest.rescue && boot === guest.boots ? `${guest.displayName}-rescue` : guest.displayName} login:\n`;
  }
  return text;
}
