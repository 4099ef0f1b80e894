/** A function that takes two integers and answers one. */
export type Main = (one: number, other: number) => number;

/** What the module exports as `main`, over that memory. */
export function mainOf(module: Uint8Array<ArrayBuffer>, memory: WebAssembly.Memory): Main {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory } });
  return (exports as { readonly main: Main }).main;
}
