// A network that is ready to run: from RGBA pixels to a result, like edge.session on the device.

import { Picture, Preprocessor } from "./imaging.js";
import { arrayOf, checkNumbers, Tensor } from "./numbers.js";
import { difference, Model } from "./runtime.js";
import { decode } from "./tasks.js";
import { inTiles } from "./tiles.js";

export class Net {
  /**
   * Open a network and check it with its golden input.
   * spec: model.json; wasm: LiteRT.js's module; load: returns the Uint8Array of one of the app's files.
   */
  static async open(spec, wasm, load, threads) {
    const [bytes, anchors] = await Promise.all([
      load(spec.model.file),
      spec.task.head?.anchorsFile ? load(spec.task.head.anchorsFile) : null,
    ]);
    const task = anchors
      ? { ...spec.task, head: { ...spec.task.head, anchors: new Float32Array(anchors.slice().buffer) } }
      : spec.task;
    const model = await Model.open(wasm, bytes, { inputs: [spec.input], outputs: spec.outputs, threads });
    return new Net(spec, task, model);
  }

  constructor(spec, task, model) {
    this.spec = spec;
    this.task = task;
    this.model = model;
    this.preprocess = new Preprocessor(spec.input);
  }

  /** Compare the network's outputs for its golden input with those of where it was made; throw what is wrong. */
  async checkGolden(load) {
    const { input, outputs } = this.spec.golden;
    const { width, height } = this.spec.input;
    const picture = new Picture(await load(input), width, height);
    const found = await this.infer(this.preprocess.call(picture).tensor);
    for (const [i, { file, tolerance }] of outputs.entries()) {
      const bytes = await load(file);
      const { spec } = found[i];
      const known = new Tensor(new (arrayOf(spec.dtype))(bytes.slice().buffer), spec);
      const apart = difference(found[i].real, known.real);
      if (!(apart <= tolerance)) {
        throw new Error(
          `output ${spec.name} must be within ${tolerance.toPrecision(3)} of the known answer, ` +
            `it is ${Number.isNaN(apart) ? "no number" : apart.toPrecision(3)} off`,
        );
      }
    }
  }

  /** Return the Tensors of one run, in the order of model.json. */
  async infer(tensor) {
    const arrays = await this.model.run([tensor]);
    return this.spec.outputs.map((spec) => new Tensor(arrays[spec.index], spec));
  }

  /** Return the result of a picture. data: RGBA bytes. */
  async run(data, width, height, threshold) {
    const picture = new Picture(data, width, height);
    if (this.spec.input.resize !== "tile") return this.once(picture, threshold);
    return inTiles(picture, this.spec.input, (part) => this.once(part, threshold));
  }

  async once(picture, threshold) {
    const { tensor, placement } = this.preprocess.call(picture);
    const tensors = await this.infer(tensor);
    if (this.task.decoder !== "tflite_detection") checkNumbers(tensors, this.task.name === "classify");
    const outputs = {};
    for (const one of tensors) {
      outputs[one.spec.name] = one;
      outputs[one.spec.role] = one;
    }
    return decode(outputs, this.task, placement, threshold);
  }
}
