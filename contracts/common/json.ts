// Plain JSON data, as it goes over HTTP, RPC and into journals.
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json | undefined };
export type JsonObject = { [key: string]: Json | undefined };

/** Casts plain data whose type is an interface, which TypeScript does not accept as Json. */
export const asJson = (plain: object): Json => plain as Json;
