// What a browser lacks, in plain words with what to do, and which variant of the runtime it can take.

// Small modules with one instruction of the feature each (WebAssembly proposals simd, relaxed-simd, threads).
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
const RELAXED_SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253,
  128, 2, 11,
];
const THREADS = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 4, 1, 3, 1, 1, 10, 11, 1, 9, 0, 65, 0, 254, 16, 2, 0, 26,
  11,
];

const MOST_THREADS = 4;

/** An error that the page shows with a title and advice. */
export class Problem extends Error {
  constructor(title, advice, retry = false) {
    super(title);
    this.advice = advice;
    this.retry = retry;
  }
}

function can(module) {
  return WebAssembly.validate(new Uint8Array(module));
}

/** Throw a Problem when this browser cannot compute the network at all. */
export function checkBrowser() {
  if (typeof WebAssembly !== "object" || typeof WebAssembly.validate !== "function" || typeof Worker !== "function") {
    throw new Problem(
      "This browser has no WebAssembly",
      "The network runs as WebAssembly inside the browser. Use an up-to-date Chrome, Edge, Firefox or Safari, " +
        "or switch off the browser's lockdown mode for this page.",
    );
  }
  if (!can(SIMD)) {
    throw new Problem(
      "This browser has no WebAssembly SIMD",
      "The network needs instructions that Chrome and Edge have since version 91, Firefox since 89 and Safari since " +
        "16.4. Update the browser or the phone's system, or take another browser.",
    );
  }
}

/** Return the variant of the runtime and how many threads to use. */
export function runtimeFor() {
  if (!can(RELAXED_SIMD)) return { variant: "compat_internal", threads: 1 };
  if (globalThis.crossOriginIsolated && can(THREADS)) {
    const cores = navigator.hardwareConcurrency || 1;
    return { variant: "threaded_internal", threads: Math.max(1, Math.min(MOST_THREADS, cores)) };
  }
  return { variant: "internal", threads: 1 };
}
