// Pure: the domain XML for the destination of a migration. Only the paths of files differ between
// hosts; everything that the guest can see stays the same.
import type { GuestArrival } from '#contracts/nova/live-migration.ts';
import type { GuestFolder } from './host-folder.ts';
import { disksIn } from './volume-xml.ts';
import { escape } from './xml-text.ts';

type OwnPaths = Pick<GuestFolder, 'root' | 'vncSocket' | 'configDrive'>;

/**
 * The XML with the destination's paths. Backing files are left out: QEMU reads them from the image
 * files, at the destination as well.
 */
export function departingXml(xml: string, own: OwnPaths, arrival: GuestArrival): string {
  return xml
    .replace(/<disk [^]*?<\/disk>/g, (disk) =>
      disk.replace(/<backingStore[ >][^]*<\/backingStore>|<backingStore\/>/, ''),
    )
    .replaceAll(escape(`${own.root}/`), escape(`${arrival.folder}/`))
    .replaceAll(escape(own.vncSocket), escape(arrival.vncSocket));
}

/**
 * Target devices of the disks whose data libvirt must copy. The config drive is not among them: the
 * destination creates it anew.
 */
export function localDisks(xml: string, own: OwnPaths): string[] {
  return disksIn(xml).flatMap(({ target, server, path }) =>
    server === '' && path.startsWith(`${own.root}/`) && path !== own.configDrive ? [target] : [],
  );
}
