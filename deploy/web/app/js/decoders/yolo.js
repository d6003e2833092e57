// YOLO's heads: with objectness (edge/decoders/yolov5.py) and without (edge/decoders/yolov8.py).

import { probabilities, sigmoid } from "../activations.js";
import { f, rint } from "../numbers.js";
import { candidates, grid, putCorners } from "./boxes.js";

const LARGEST_FRACTION = 2;
const LEAST_SIDE = f(-0.01);
const MOST_CLASSES = 100000;

/** A table of rows of numbers: get(row, column), whichever axis comes first in the tensor. */
function table(values, rows, columns, rowsFirst) {
  return rowsFirst
    ? (row, column) => values[column * rows + row]
    : (row, column) => values[row * columns + column];
}

/** Return which form dense boxes have by their values: grid, fractions or pixels (edge/decoders/yolo_boxes.py). */
function formOf(get, rows, withGrid) {
  let largest = 0;
  for (let row = 0; row < rows; row++) {
    if (withGrid && (get(row, 2) < LEAST_SIDE || get(row, 3) < LEAST_SIDE)) return "grid";
    for (let k = 0; k < 4; k++) {
      const value = get(row, k);
      if (Number.isFinite(value) && value > largest) largest = value;
    }
  }
  return largest <= LARGEST_FRACTION ? "fractions" : "pixels";
}

function putBoxes(get, rows, form, head, boxes) {
  if (form === "grid") return putFromGrid(get, rows, head, boxes);
  const [width, height] = form === "fractions" ? head.size : [1, 1];
  for (let row = 0; row < rows; row++) {
    const side = (k, by) => f(get(row, k) * by);
    putCorners(boxes, row, side(0, width), side(1, height), side(2, width), side(3, height));
  }
  return undefined;
}

/** YOLOX: centre = (v + place) * stride, side = exp(v) * stride. */
function putFromGrid(get, rows, head, boxes) {
  if (!head.strides) throw new Error(`the network gives offsets from a grid that ${rows} boxes do not have`);
  const { x, y, step } = grid(head.size, head.strides);
  for (let row = 0; row < rows; row++) {
    const centre = (k, place) => f(f(get(row, k) + place) * step[row]);
    const side = (k) => f(f(Math.exp(Math.min(get(row, k), 10))) * step[row]);
    putCorners(boxes, row, centre(0, x[row]), centre(1, y[row]), side(2), side(3));
  }
}

export function yolov8(outputs, head) {
  const tensor = outputs.detections;
  const values = tensor.real;
  const [, first, second] = head.outputs.detections.shape;
  const [rows, columns] = head.rowsFirst ? [second, first] : [first, second];
  if (head.endToEnd) return endToEnd(values, tensor.spec.name, head);
  const get = table(values, rows, columns, head.rowsFirst);
  const classes = columns - 4;
  const found = candidates(rows, classes);
  const form = head.coordinates === "auto" ? formOf(get, rows, false) : head.coordinates;
  putBoxes(get, rows, form, head, found.boxes);
  for (let row = 0, to = 0; row < rows; row++) {
    for (let k = 4; k < columns; k++) found.scores[to++] = get(row, k);
  }
  found.scores = probabilities(found.scores, tensor.spec.name);
  return found;
}

/** A graph that suppresses gives rows x0, y0, x1, y1, score, class; rows with a score of 0 fill the table up. */
function endToEnd(values, name, head) {
  const rows = [];
  for (let at = 0; at + 6 <= values.length; at += 6) {
    const row = values.subarray(at, at + 6);
    if (row.every(Number.isFinite) && row[4] > 0) rows.push(row);
  }
  const numbers = rows.map((row) => rint(row[5]));
  const most = head.classes || MOST_CLASSES;
  if (numbers.some((number) => number < 0 || number >= most)) {
    throw new Error(`output ${name} must give classes from 0 to ${most - 1} in its last column`);
  }
  const classes = head.classes || Math.max(0, ...numbers) + 1;
  const found = candidates(rows.length, classes, { suppressed: true });
  const get = (row, column) => rows[row][column];
  const form = head.coordinates === "auto" ? formOf(get, rows.length, false) : head.coordinates;
  const scale = form === "fractions" ? head.size : [1, 1];
  const scores = probabilities(Float32Array.from(rows, (row) => row[4]), name);
  rows.forEach((row, i) => {
    for (let k = 0; k < 4; k++) found.boxes[4 * i + k] = row[k] * scale[k % 2];
    found.scores[i * classes + numbers[i]] = scores[i];
  });
  return found;
}

export function yolov5(outputs, head) {
  if (head.heads) return rawHeads(outputs, head);
  const tensor = outputs.detections;
  const [, rows, columns] = head.outputs.detections.shape;
  const get = table(tensor.real, rows, columns, false);
  const found = candidates(rows, columns - 5);
  const form = head.coordinates === "auto" ? formOf(get, rows, true) : head.coordinates;
  putBoxes(get, rows, form, head, found.boxes);
  const scores = new Float32Array(rows * (columns - 4));
  for (let row = 0, to = 0; row < rows; row++) {
    for (let k = 4; k < columns; k++) scores[to++] = get(row, k);
  }
  multiply(probabilities(scores, tensor.spec.name), columns - 4, 0, found.scores);
  return found;
}

/** Write objectness times each class's score; a row of scores has the objectness first. */
function multiply(scores, columns, start, into) {
  const classes = columns - 1;
  for (let row = 0; row < scores.length / columns; row++) {
    for (let k = 0; k < classes; k++) {
      into[(start + row) * classes + k] = scores[row * columns] * scores[row * columns + k + 1];
    }
  }
}

/** Three raw heads, each with three boxes at a place: centre = (2 s - 0.5 + place) * stride, side = (2 s)^2 * anchor. */
function rawHeads(outputs, head) {
  const { columns } = head;
  const count = head.heads.reduce((sum, one) => sum + 3 * one.rows * one.columns, 0);
  const found = candidates(count, columns - 5);
  let row = 0;
  for (const one of head.heads) {
    const values = outputs[one.name].real;
    for (let y = 0; y < one.rows; y++) {
      for (let x = 0; x < one.columns; x++) {
        for (let k = 0; k < 3; k++, row++) putRaw(values, one, { x, y, k, columns }, found, row);
      }
    }
  }
  return found;
}

function putRaw(values, one, { x, y, k, columns }, found, row) {
  const s = (number) => sigmoid(values[placeOf(one, x, y, k, number, columns)]);
  const centre = (number, place) => (f(f(2 * s(number)) - 0.5) + place) * one.stride;
  const side = (number) => f(f(f(2 * s(number)) ** 2) * f(one.anchors[k][number - 2]));
  putCorners(found.boxes, row, centre(0, x), centre(1, y), side(2), side(3));
  const objectness = s(4);
  const classes = columns - 5;
  for (let c = 0; c < classes; c++) found.scores[row * classes + c] = objectness * s(5 + c);
}

/** The position of a number in a raw head of one of the three layouts. */
function placeOf(one, x, y, k, number, columns) {
  const plane = one.rows * one.columns;
  const at = y * one.columns + x;
  if (one.layout === "boxes_first") return (k * plane + at) * columns + number;
  if (one.layout === "channels_first") return (k * columns + number) * plane + at;
  return at * 3 * columns + k * columns + number;
}
