// Runs the app's modules on cases that Python wrote: node run_cases.mjs JS_FOLDER CASES.json ANSWERS.json
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, from, to] = process.argv.slice(2);
const module = (name) => import(pathToFileURL(`${folder}/${name}`).href);
const { Picture, Preprocessor } = await module("imaging.js");
const { arrayOf, checkNumbers, Tensor } = await module("numbers.js");
const { placementOf } = await module("placement.js");
const { decode } = await module("tasks.js");
const { inTiles, spans } = await module("tiles.js");

const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const text = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64");

function tensors(outputs) {
  const found = {};
  for (const { spec, raw } of outputs) {
    const tensor = new Tensor(new (arrayOf(spec.dtype))(bytes(raw).buffer), spec);
    found[spec.name] = found[spec.role] = tensor;
  }
  return found;
}

function shown(result) {
  const mask = result.mask && { ...result.mask, classes: text(result.mask.classes), wide: result.mask.classes.BYTES_PER_ELEMENT };
  return { ...result, mask };
}

const KINDS = {
  prepare({ input, pixels, width, height }) {
    const { tensor, placement } = new Preprocessor(input).call(new Picture(bytes(pixels), width, height));
    return { tensor: text(tensor), placement };
  },
  decode({ task, anchors, outputs, frame, input, resize, threshold }) {
    if (anchors) task.head.anchors = new Float32Array(bytes(anchors).buffer);
    const found = tensors(outputs);
    checkNumbers(Object.values(found), task.name === "classify");
    return shown(decode(found, task, placementOf(frame, input, resize), threshold));
  },
  spans: ({ length, size }) => spans(length, size),
  async tiles({ input, pixels, width, height }) {
    // the class of a pixel is the table's number of its grey value
    const prepare = new Preprocessor(input);
    const run = async (part) => {
      const classes = Uint8Array.from(prepare.call(part).tensor);
      return { mask: { classes, labels: ["0"], unknown: 255, width: part.width, height: part.height } };
    };
    return shown(await inTiles(new Picture(bytes(pixels), width, height), input, run));
  },
};

const answers = [];
for (const one of JSON.parse(readFileSync(from, "utf8"))) {
  try {
    answers.push(await KINDS[one.kind](one));
  } catch (error) {
    answers.push({ fault: error.message });
  }
}
writeFileSync(to, JSON.stringify(answers));
