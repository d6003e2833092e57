// Detectors whose outputs are maps: FastestDet (edge/decoders/fastestdet.py) and FOMO (edge/decoders/fomo.py).

import { activate, probabilities, sigmoid } from "../activations.js";
import { clip, f } from "../numbers.js";
import { candidates, putCorners } from "./boxes.js";

export function fastestdet(outputs, head) {
  const values = outputs.detections.real;
  const { rows, columns, numbers, channelsFirst, size } = head;
  const plane = rows * columns;
  const found = candidates(plane, numbers - 5);
  for (let place = 0; place < plane; place++) {
    const get = (k) => values[channelsFirst ? k * plane + place : place * numbers + k];
    const centre = (k, at, cells) => ((at + f(Math.tanh(get(k)))) / cells) * size[k - 1];
    const side = (k) => f(sigmoid(get(k)) * size[k - 3]);
    const x = centre(1, place % columns, columns);
    const y = centre(2, Math.floor(place / columns), rows);
    putCorners(found.boxes, place, x, y, side(3), side(4));
    const objectness = f(clip(get(0), 0, 1) ** f(0.6));
    for (let k = 5; k < numbers; k++) {
      found.scores[place * (numbers - 5) + k - 5] = objectness * f(clip(get(k), 0, 1) ** f(0.4));
    }
  }
  return found;
}

export function fomo(outputs, head, how) {
  const [, rows, columns, numbers] = head.outputs.scores.shape;
  const given = activate(outputs.scores.real, head.activation, numbers);
  const scores = probabilities(given, outputs.scores.spec.name);
  const classes = numbers - 1;
  const objects = [];
  for (let index = 0; index < classes; index++) {
    const plane = Float32Array.from({ length: rows * columns }, (_, i) => scores[i * numbers + 1 + index]);
    for (const cells of groups(plane, rows, columns, f(how.scoreThreshold))) {
      objects.push({ index, ...centreOf(cells, plane, columns) });
    }
  }
  const found = candidates(objects.length, classes, { suppressed: true });
  const wide = head.size[0] / columns;
  const tall = head.size[1] / rows;
  objects.forEach((one, row) => {
    putCorners(found.boxes, row, f(one.x) * wide, f(one.y) * tall, wide, tall);
    found.scores[row * classes + one.index] = one.score;
  });
  return found;
}

/** Return the groups of cells that reach the threshold and touch, also by a corner, in reading order. */
function groups(scores, rows, columns, threshold) {
  const seen = new Uint8Array(rows * columns);
  const found = [];
  for (let start = 0; start < scores.length; start++) {
    if (seen[start] || !(scores[start] >= threshold)) continue;
    const group = [];
    const todo = [start];
    seen[start] = 1;
    while (todo.length) {
      const cell = todo.pop();
      group.push(cell);
      for (const near of neighbours(cell, rows, columns)) {
        if (seen[near] || !(scores[near] >= threshold)) continue;
        seen[near] = 1;
        todo.push(near);
      }
    }
    found.push(group.sort((a, b) => a - b));
  }
  return found;
}

function neighbours(cell, rows, columns) {
  const [y, x] = [Math.floor(cell / columns), cell % columns];
  const found = [];
  for (let j = Math.max(0, y - 1); j <= Math.min(rows - 1, y + 1); j++) {
    for (let i = Math.max(0, x - 1); i <= Math.min(columns - 1, x + 1); i++) found.push(j * columns + i);
  }
  return found;
}

/** Return the mean place of cells, weighted by their scores, and the best score. */
function centreOf(cells, scores, columns) {
  const total = f(cells.reduce((sum, cell) => sum + scores[cell], 0));
  let x = 0;
  let y = 0;
  let score = 0;
  for (const cell of cells) {
    const weight = total > 0 ? f(scores[cell] / total) : 1 / cells.length;
    x += ((cell % columns) + 0.5) * weight;
    y += (Math.floor(cell / columns) + 0.5) * weight;
    score = Math.max(score, scores[cell]);
  }
  return { x, y, score };
}
