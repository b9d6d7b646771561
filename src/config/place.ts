/** Where something stands in a configuration file. */
export type Place = { readonly file: string; readonly line: number; readonly column: number };
