// Name and description of volumes and snapshots; requests may also spell them display_name and
// display_description.
import { descriptionSchema, nameSchema } from './field-schemas.ts';

export const displayTextSchemas = {
  name: nameSchema,
  display_name: nameSchema,
  description: descriptionSchema,
  display_description: descriptionSchema,
};

export interface DisplayTexts {
  name?: string | null;
  display_name?: string | null;
  description?: string | null;
  display_description?: string | null;
}

/** The columns that an update writes; a text that the request does not name is left out. */
export function changedTexts(input: DisplayTexts): Pick<DisplayTexts, 'name' | 'description'> {
  const name = sentText(input.name, input.display_name);
  const description = sentText(input.description, input.display_description);
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
  };
}

const sentText = (text: string | null | undefined, displayText: string | null | undefined) =>
  text === undefined ? displayText : (text ?? displayText ?? null);
