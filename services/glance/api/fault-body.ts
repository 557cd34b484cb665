// Glance's fault bodies: like WebOb a small HTML page. Clients read the status and show the text.
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
    // A string would be quoted as JSON, bytes are sent as they are. Replies may hold bytes, but the
    // type FaultStyle allows JSON only; hence the cast.
    return Buffer.from(page) as unknown as Json;
  },
};
