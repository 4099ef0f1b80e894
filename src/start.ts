import { startThrifty } from './thrift.ts';

// main.ts imports this before all others: what they do while they are loaded is done once, and not worth a compiler.
startThrifty();
