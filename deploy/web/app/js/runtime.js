// LiteRT.js's WebAssembly module, driven directly: its own JavaScript API refuses int8 inputs and outputs, which the
// module computes. Every tensor that a run makes is deleted, or memory would grow with each frame.

const ELEMENTS = {
  1: Float32Array,
  2: Int32Array,
  3: Uint8Array,
  4: BigInt64Array,
  6: Uint8Array,
  7: Int16Array,
  9: Int8Array,
  11: Float64Array,
  16: Uint32Array,
  17: Uint16Array,
};

/** Return the numbers of a vector of the module. */
function listed(vector) {
  const found = Array.from({ length: vector.size() }, (_, i) => vector.get(i));
  vector.delete();
  return found;
}

function described(type) {
  const layout = type.layout();
  const shape = listed(layout.dimensions());
  layout.delete();
  return { shape, element: type.elementType().value };
}

/** One network in the module's memory. */
export class Model {
  /**
   * Compile a model file.
   * wasm: the module that the runtime's script makes; bytes: Uint8Array of the file; inputs, outputs: of model.json.
   */
  static async open(wasm, bytes, { inputs, outputs, threads }) {
    const environment = wasm.LiteRtEnvironment.create(null);
    const pointer = wasm._malloc(bytes.length);
    wasm.HEAPU8.set(bytes, pointer); // the model reads from here as long as it lives
    const model = wasm.loadModel(environment, pointer, bytes.length);
    const options = { accelerator: "wasm", environment: {}, cpuOptions: { numThreads: threads } };
    const compiled = await wasm.compileModel(environment, model, { ...options, gpuOptions: {}, webNNOptions: {} });
    return new Model(wasm, { environment, model, compiled, inputs, outputs });
  }

  constructor(wasm, { environment, model, compiled, inputs, outputs }) {
    this.wasm = wasm;
    this.compiled = compiled;
    this.inputs = inputs.map(({ index }) => {
      const type = model.getInputTensorType(0, index);
      const memory = wasm.LiteRtTensorBufferType.HOST_MEMORY;
      return wasm.LiteRtTensorBuffer.createManaged(environment, memory, type, type.bytes());
    });
    for (const output of outputs) checkShape(output, described(model.getOutputTensorType(0, output.index)));
  }

  /** Run the network. arrays: one typed array an input. Return one typed array an output, in the file's order. */
  async run(arrays) {
    const { wasm } = this;
    arrays.forEach((array, i) => this.write(this.inputs[i], array));
    const buffers = await this.compiled.run(0, this.inputs);
    const found = buffers.map((buffer) => this.read(buffer));
    for (const buffer of buffers) buffer.delete();
    return found;
  }

  write(buffer, array) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    if (bytes.length !== buffer.size()) throw new Error(`the input takes ${buffer.size()} bytes, got ${bytes.length}`);
    const pointer = buffer.lock(this.wasm.LiteRtTensorBufferLockMode.WRITE);
    this.wasm.HEAPU8.set(bytes, pointer);
    buffer.unlock();
  }

  read(buffer) {
    const type = buffer.tensorType();
    const { element } = described(type);
    type.delete();
    const pointer = buffer.lock(this.wasm.LiteRtTensorBufferLockMode.READ);
    const bytes = this.wasm.HEAPU8.slice(pointer, pointer + buffer.packedSize());
    buffer.unlock();
    const Numbers = ELEMENTS[element];
    if (!Numbers) throw new Error(`the network gives numbers of a type (${element}) that cannot be read here`);
    return new Numbers(bytes.buffer);
  }
}

/** Axes of one element may be missing. */
function checkShape(output, found) {
  const long = (shape) => shape.filter((size) => size !== 1).join("x");
  if (long(found.shape) !== long(output.shape)) {
    throw new Error(`output ${output.name} must be ${output.shape.join("x")}, the file has ${found.shape.join("x")}`);
  }
}

/** Return the largest difference of two outputs in real units. */
export function difference(found, known) {
  let largest = 0;
  for (let i = 0; i < known.length; i++) {
    const apart = Math.abs(found[i] - known[i]);
    if (!(apart <= largest)) largest = apart; // NaN is the largest
  }
  return found.length === known.length ? largest : NaN;
}
