// Pure: a domain as its destination is to have it. What differs from host to host is where its
// files are; everything that the guest sees stays.
import type { GuestArrival } from '#contracts/nova/live-migration.ts';
import type { GuestFolder } from './host-folder.ts';
import { disksIn } from './volume-xml.ts';
import { escape } from './xml-text.ts';

type OwnPaths = Pick<GuestFolder, 'root' | 'vncSocket' | 'configDrive'>;

/** Of the backing files below a disk only the images tell, at the destination, too. */
export function departingXml(xml: string, own: OwnPaths, arrival: GuestArrival): string {
  return xml
    .replace(/<disk [^]*?<\/disk>/g, (disk) =>
      disk.replace(/<backingStore[ >][^]*<\/backingStore>|<backingStore\/>/, ''),
    )
    .replaceAll(escape(`${own.root}/`), escape(`${arrival.folder}/`))
    .replaceAll(escape(own.vncSocket), escape(arrival.vncSocket));
}

/** The devices of the disks whose data go with the guest; a config drive is made anew. */
export function localDisks(xml: string, own: OwnPaths): string[] {
  return disksIn(xml).flatMap(({ target, server, path }) =>
    server === '' && path.startsWith(`${own.root}/`) && path !== own.configDrive ? [target] : [],
  );
}
