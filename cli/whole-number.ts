// Parses options that are whole numbers; the error names the limits. Used by the commands.
import { InvalidArgumentError } from 'commander';

export const wholeNumber =
  (max: number, min = 0) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d{1,9}$/.test(text) || value > max || value < min)
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    return value;
  };
