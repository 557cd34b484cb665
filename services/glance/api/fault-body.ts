// Glance words its faults as WebOb does: a small HTML page. Clients read the status and show the
// text.
import type { Json } from '#contracts/common/json.ts';
import { titleOf } from '#openstack/http/faults-to-http.ts';
import type { FaultStyle } from '#openstack/http/route.ts';

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

export const glanceFaults: FaultStyle = {
  status: { overQuota: 413 },
  contentType: 'text/html; charset=UTF-8',
  body: (status, fault) => {
    const title = `${status} ${titleOf[status] ?? 'Error'}`;
    const message = fault.message.replaceAll(/[&<>"]/g, (sign) => escapes[sign] ?? sign);
    const page = `<html>\n <head>\n  <title>${title}</title>\n </head>\n <body>\n  <h1>${title}</h1>\n  ${message}<br /><br />\n\n\n </body>\n</html>`;
    // Bytes go out as they are, a string would be quoted; the edge allows bytes in a reply,
    // FaultStyle names JSON alone.
    return Buffer.from(page) as unknown as Json;
  },
};
