// Escapes any text, including tenants' input, for XML documents. Used by every module that writes
// XML for libvirt.
const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '"': '&quot;',
};

/**
 * Text for element content and attributes. Characters that XML 1.0 does not allow become U+FFFD, so
 * that no name can make a guest's definition invalid.
 */
export function escape(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>'"]/g, (char) => entities[char] ?? char);
}
