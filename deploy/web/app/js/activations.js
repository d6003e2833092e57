// The functions that turn a network's last values into scores from 0 to 1 (edge/decoders/activations.py).

import { clip, f } from "./numbers.js";

const LARGEST_LOGIT = 100;
const MOST_BEYOND = 0.1;

/** Return 1 / (1 + exp(-x)) in float32. */
export function sigmoid(x) {
  const limited = clip(f(x), -LARGEST_LOGIT, LARGEST_LOGIT);
  const small = f(Math.exp(-Math.abs(limited)));
  return f((limited >= 0 ? 1 : small) / f(1 + small));
}

/** Return the softmax of each row of `classes` values. */
export function softmax(values, classes) {
  const out = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += classes) {
    let largest = -Infinity;
    for (let i = 0; i < classes; i++) largest = Math.max(largest, values[start + i]);
    let sum = 0;
    for (let i = 0; i < classes; i++) {
      out[start + i] = Math.exp(f(values[start + i] - largest));
      sum += out[start + i];
    }
    sum = f(sum);
    for (let i = 0; i < classes; i++) out[start + i] /= sum;
  }
  return out;
}

/** Return the scores that an activation, none, softmax or sigmoid, makes of rows of `classes` values. */
export function activate(values, activation, classes) {
  if (activation === "softmax") return softmax(values, classes);
  return activation === "sigmoid" ? Float32Array.from(values, sigmoid) : values;
}

/** Return scores that the graph has made, cut off at 0 and 1; refuse values that are no probabilities. */
export function probabilities(values, output) {
  let low = 0;
  let high = 0;
  let infinite = false;
  for (const value of values) {
    if (!Number.isFinite(value)) {
      infinite = true;
      continue;
    }
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low < -MOST_BEYOND || high > 1 + MOST_BEYOND) {
    throw new Error(
      `output ${output} must give scores from 0 to 1, got ${low.toPrecision(4)} to ${high.toPrecision(4)}, ` +
        "as logits are; convert the network with the parameter activation",
    );
  }
  return infinite || (low >= 0 && high <= 1) ? values : values.map((value) => clip(value, 0, 1));
}
