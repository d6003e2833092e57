// Runs the network beside the page, so that the picture never stands still. It is a classic worker, not a module,
// because the runtime's script is none; what it imports are modules.
"use strict";

let net = null;

/** Return the bytes of one of the app's files. */
async function load(file) {
  const answer = await fetch(new URL(`../${file}`, self.location.href));
  if (!answer.ok) throw new Error(`${file} cannot be loaded: ${answer.status} ${answer.statusText}`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function open({ variant, threads }) {
  const { Net } = await import("./net.js");
  const spec = JSON.parse(new TextDecoder().decode(await load("model.json")));
  const script = new URL(`../runtime/litert_wasm_${variant}.js`, self.location.href).href;
  self.importScripts(script);
  const said = [];
  const wasm = await self.ModuleFactory({
    locateFile: (name) => new URL(`../runtime/${name}`, self.location.href).href,
    mainScriptUrlOrBlob: script, // of the runtime's own threads
    print: () => {},
    printErr: (line) => said.push(line),
  });
  try {
    net = await Net.open(spec, wasm, load, threads);
  } catch (error) {
    const lines = said.filter((line) => line.startsWith("ERROR"));
    throw new Error(`the model cannot be loaded: ${lines.at(-1) ?? messageOf(error)}`);
  }
  await net.checkGolden(load);
}

/** C++ throws numbers. */
function messageOf(error) {
  return error instanceof Error ? error.message : `the runtime failed (${error})`;
}

async function run({ data, width, height, threshold }) {
  const began = performance.now();
  const result = await net.run(data, width, height, threshold);
  return { result, inferMs: performance.now() - began, data };
}

self.onmessage = async ({ data: message }) => {
  const { id } = message;
  try {
    const answer = message.kind === "open" ? await open(message) : await run(message);
    const moved = message.kind === "run" ? [message.data.buffer] : [];
    if (answer?.result.mask) moved.push(answer.result.mask.classes.buffer);
    self.postMessage({ id, ...answer }, moved);
  } catch (error) {
    self.postMessage({ id, fault: messageOf(error) });
  }
};
