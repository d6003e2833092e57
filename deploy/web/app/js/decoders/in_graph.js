// Boxes that the graph has decoded and suppressed itself (edge/decoders/tflite_detection.py).

import { clip, f } from "../numbers.js";
import { candidates } from "./boxes.js";

const MOST_CLASSES = 100000;

export function tfliteDetection(outputs, head) {
  const [boxes, classes, scores, count] = ["boxes", "classes", "scores", "count"].map((role) => outputs[role].real);
  const found = Math.trunc(clip(Number.isNaN(count[0]) ? 0 : count[0], 0, boxes.length / 4));
  const numbers = classNumbers(classes.subarray(0, found), scores.subarray(0, found), head);
  const columns = head.classes || Math.max(0, ...numbers) + 1;
  const out = candidates(found, columns, { suppressed: true });
  for (let row = 0; row < found; row++) {
    for (let k = 0; k < 4; k++) {
      const axis = k % 2; // ymin, xmin, ymax, xmax become x0, y0, x1, y1
      out.boxes[4 * row + k] = f(boxes[4 * row + (k - axis) + (1 - axis)] * head.size[axis]);
    }
    out.scores[row * columns + numbers[row]] = scores[row];
  }
  return out;
}

function classNumbers(classes, scores, head) {
  const numbers = Array.from(classes, (value) => Math.trunc(value) - head.firstClass);
  const whole = classes.every((value) => Number.isInteger(value));
  if (!whole || scores.some((score) => score < 0 || score > 1) || numbers.some((number) => number < 0)) {
    throw new Error("the network's outputs are no classes and scores; convert it with the parameter order");
  }
  const most = head.classes || MOST_CLASSES;
  if (numbers.some((number) => number >= most)) throw new Error(`the network gave a class beyond ${most - 1}`);
  return numbers;
}
