// Escapes text for XML documents, whatever a tenant wrote. Used by every module that writes XML for
// libvirt.
const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '"': '&quot;',
};

/**
 * Text for element content and attributes. Characters that XML 1.0 cannot hold become U+FFFD, so
 * that a name never makes a guest impossible.
 */
export function escape(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>'"]/g, (char) => entities[char] ?? char);
}
