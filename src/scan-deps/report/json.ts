/** JSON for files and outputs that people and terminals read too: nothing in it can act. */

// What JSON lets stand in a string: DEL and C1, and the characters that make a text read differently from what it is.
const UNSEEN = /[\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/g;

/** JSON in which every control, bidirectional and zero-width character is an escape: the same value, other bytes. */
export function safeJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent);
  // Most reports are plain ASCII, which is told by their length at a hundredth of what the pattern takes.
  if (Buffer.byteLength(text) === text.length && !text.includes('\u007f')) return text;
  return text.replace(UNSEEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
