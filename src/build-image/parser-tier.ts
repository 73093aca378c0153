/**
 * Imported before all else: keeps V8 from optimising undici's HTTP parser, a WebAssembly module that is compiled when undici
 * is loaded. Optimising its one large function takes 20 MB and a tenth of a second, which no run of ours gets back: bodies
 * pass it in whole pieces.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--wasm-tiering-budget=2147483647');
