// Segmentation: one class for each pixel of the frame (edge/tasks/segment.py).

import { activate } from "./activations.js";
import { f, rint } from "./numbers.js";

const FROM_WHOLE = 0.25;

/** The class number of pixels that the network has not seen. */
export function unknownOf(classes) {
  return classes instanceof Uint8Array ? 255 : 65535;
}

export function segment(tensor, task, placement, threshold) {
  const { rows, columns } = task;
  const found = classesOf(tensor, task, threshold);
  const classes = placement.maskToFrame(found, rows, columns, unknownOf(found));
  const [width, height] = placement.frame;
  return { task: "segment", predictions: [], mask: maskOf(classes, width, height, task.labels), ranking: [] };
}

/** Return a mask; classes beyond the labels, which only maps of numbers have, are named by their number. */
export function maskOf(classes, width, height, known) {
  const unknown = unknownOf(classes);
  const labels = [...known];
  for (const value of classes) {
    if (value === unknown) continue;
    while (value >= labels.length) labels.push(String(labels.length));
  }
  return { classes, width, height, labels, unknown };
}

/** Return the class of each cell of the output. */
export function classesOf(tensor, task, threshold) {
  if (task.numbered) return numbersOf(tensor);
  if (task.channels === 1) return secondOf(tensor, task, threshold);
  return bestOf(tensor.raw, task);
}

function typed(classes) {
  return classes <= 255 ? Uint8Array : Uint16Array;
}

function bestOf(raw, { rows, columns, channels, layout }) {
  const plane = rows * columns;
  const [cellStep, channelStep] = layout === "NHWC" ? [channels, 1] : [1, plane];
  const out = new (typed(channels))(plane);
  for (let cell = 0; cell < plane; cell++) {
    const start = cell * cellStep;
    let best = 0;
    for (let k = 1; k < channels; k++) {
      if (raw[start + k * channelStep] > raw[start + best * channelStep]) best = k;
    }
    out[cell] = best;
  }
  return out;
}

/** One channel of real values is a score of the second of two classes. */
function secondOf(tensor, task, threshold) {
  const values = tensor.real;
  let kind = task.activation;
  if (kind === "auto") {
    const known = task.areProbabilities ?? values.every((value) => value >= 0 && value <= 1);
    kind = known ? "none" : "sigmoid";
    if (kind === "sigmoid" && values.every((value) => value >= 0 && Number.isInteger(value))) {
      throw new Error("the network gives class numbers; convert it with the parameter class_numbers=True");
    }
  }
  const least = f(threshold);
  return Uint8Array.from(activate(values, kind, 1), (value) => (value >= least ? 1 : 0));
}

function numbersOf(tensor) {
  const whole = tensor.spec.scale === null && !(tensor.raw instanceof Float32Array);
  const values = whole ? Array.from(tensor.raw, Number) : tensor.real;
  let high = 0;
  for (const value of values) {
    const number = rint(value);
    if (number < 0 || number >= 65535) throw new Error(`class numbers must be from 0 to 65534, got ${number}`);
    if (Math.abs(value - number) > FROM_WHOLE) throw new Error(`class numbers must be whole, got ${value}`);
    if (number > high) high = number;
  }
  return (high + 1 <= 255 ? Uint8Array : Uint16Array).from(values, rint);
}
