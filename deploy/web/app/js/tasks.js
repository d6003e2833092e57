// From a network's outputs to a result, as edge.tasks decides on the device.
//
// A result is {task, predictions, mask, ranking}: predictions are {label, index, score, box, points}, a mask is
// {classes, width, height, labels, unknown}, and ranking has the best classes of a classifier, for display alone.

import { activate } from "./activations.js";
import { DECODERS } from "./decoders/table.js";
import { f } from "./numbers.js";
import { select } from "./select.js";
import { segment } from "./segment.js";

const MOST_RANKED = 5;

/** Return the result of one run. outputs: Tensors by role, or by name where a head has several outputs of a role. */
export function decode(outputs, task, placement, threshold) {
  if (task.name === "classify") return classify(outputs, task, threshold);
  if (task.name === "detect") return detect(outputs, task, placement, threshold);
  return segment(outputs.mask, task, placement, threshold);
}

function inUnitRange(values) {
  return values.every((value) => value >= 0 && value <= 1);
}

/** Return a classifier's scores, 0 to 1; "auto" is left only for float outputs, which tell it by their range. */
export function scoresOf(tensor, task) {
  const values = tensor.real;
  let kind = task.activation;
  if (kind === "auto") kind = inUnitRange(values) ? "none" : values.length === 1 ? "sigmoid" : "softmax";
  const scores = activate(values, kind, values.length);
  return task.two ? Float32Array.of(1 - scores[0], scores[0]) : scores;
}

/** Return the indices of the largest scores, the largest first; equal ones keep their order. */
function best(scores, top) {
  return [...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, top);
}

function classify(outputs, task, threshold) {
  const scores = scoresOf(outputs.scores, task);
  const least = f(threshold);
  let found;
  if (task.two) found = (scores[1] >= least ? [1, 0] : [0, 1]).slice(0, task.top);
  else found = best(scores, task.top).filter((i) => !(threshold > 0) || scores[i] >= least);
  const as = (i) => ({ label: task.labels[i], index: i, score: scores[i], box: null, points: [] });
  return { task: "classify", predictions: found.map(as), mask: null, ranking: best(scores, MOST_RANKED).map(as) };
}

function detect(outputs, task, placement, threshold) {
  const how = { ...task.selection, scoreThreshold: threshold };
  const candidates = DECODERS[task.decoder](outputs, task.head, how);
  const predictions = [];
  for (const one of select(candidates, how)) {
    const box = placement.boxToFrame(one.box);
    if (!(box[0] < box[2] && box[1] < box[3])) continue;
    const points = one.points.map(([x, y, score]) => [placement.toFrame(x, 0), placement.toFrame(y, 1), score]);
    predictions.push({ label: task.labels[one.index] ?? String(one.index), ...one, box, points });
  }
  return { task: "detect", predictions, mask: null, ranking: [] };
}
