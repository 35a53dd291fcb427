// Names are data: nothing in a manifest may hide a character or turn the direction of the text around it.

// Controls, and what is invisible or changes the direction of what follows.
const ACTS =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
const NAMED: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** The text with every character that is not seen written as an escape: `\n`, `\u{202e}`. */
export function visible(text: string): string {
  return text.replaceAll(ACTS, (character) => NAMED[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
