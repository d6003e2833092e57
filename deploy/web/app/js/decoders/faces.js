// Detectors with landmarks: MediaPipe's (edge/decoders/blazeface.py) and YuNet (edge/decoders/yunet.py).

import { sigmoid } from "../activations.js";
import { clip, f } from "../numbers.js";
import { candidates, grid, putCorners } from "./boxes.js";

/** Return x, y of the cells' centres in fractions of the input; a cell stands there once for each of its boxes. */
function centres(grids) {
  const found = [];
  for (const [cells, boxes] of grids) {
    for (let y = 0; y < cells; y++) {
      for (let x = 0; x < cells; x++) {
        for (let k = 0; k < boxes; k++) found.push([f((x + 0.5) / cells), f((y + 0.5) / cells)]);
      }
    }
  }
  return found;
}

export function blazeface(outputs, head) {
  const places = centres(head.grids);
  const landmarks = head.points;
  const columns = 4 + 2 * landmarks;
  const values = outputs.boxes.real;
  const found = candidates(places.length, 1, { landmarks });
  if (landmarks) found.points = new Float32Array(3 * landmarks * places.length);
  places.forEach((place, row) => {
    const start = row * columns;
    const centre = place.map((value, axis) => f(value * head.size[axis]));
    const [x, y] = centre.map((value, axis) => f(values[start + axis] + value));
    putCorners(found.boxes, row, x, y, values[start + 2], values[start + 3]);
    for (let k = 0; k < landmarks; k++) {
      const to = 3 * (row * landmarks + k);
      for (let axis = 0; axis < 2; axis++) found.points[to + axis] = values[start + 4 + 2 * k + axis] + centre[axis];
      found.points[to + 2] = 1;
    }
  });
  found.scores = Float32Array.from(outputs.scores.real, sigmoid);
  return found;
}

const LANDMARKS = 5;

/** Join the three outputs of a role, stride after stride. */
function joined(outputs, names, columns) {
  const parts = names.map((name) => outputs[name].real);
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return (row, column) => out[row * columns + column];
}

export function yunet(outputs, head) {
  const { x, y, step } = grid(head.size, [8, 16, 32]);
  const scores = joined(outputs, head.names.scores, 1);
  const objectness = joined(outputs, head.names.objectness, 1);
  const boxes = joined(outputs, head.names.boxes, 4);
  const points = joined(outputs, head.names.points, 2 * LANDMARKS);
  const found = candidates(x.length, 1, { landmarks: LANDMARKS });
  found.points = new Float32Array(3 * LANDMARKS * x.length);
  for (let row = 0; row < x.length; row++) {
    const place = (value, at) => f(f(value + at) * step[row]);
    const side = (k) => f(f(Math.exp(Math.min(boxes(row, k), 10))) * step[row]);
    putCorners(found.boxes, row, place(boxes(row, 0), x[row]), place(boxes(row, 1), y[row]), side(2), side(3));
    found.scores[row] = Math.sqrt(f(clip(scores(row, 0), 0, 1) * clip(objectness(row, 0), 0, 1)));
    for (let k = 0; k < LANDMARKS; k++) {
      const to = 3 * (row * LANDMARKS + k);
      found.points[to] = place(points(row, 2 * k), x[row]);
      found.points[to + 1] = place(points(row, 2 * k + 1), y[row]);
      found.points[to + 2] = 1;
    }
  }
  return found;
}
