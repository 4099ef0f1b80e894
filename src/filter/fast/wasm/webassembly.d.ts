/** The parts of WebAssembly that f2b uses; the type libraries of this project do not declare it. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: object);
    readonly exports: object;
  }
  class Memory {
    constructor(descriptor: { readonly initial: number });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  class Table {
    constructor(descriptor: { readonly initial: number; readonly element: 'anyfunc' });
    readonly length: number;
    grow(by: number): number;
    set(index: number, value: (...values: number[]) => number): void;
  }
  interface Global {
    readonly value: number;
  }
}
