// Windows that cover a frame at its own resolution, and their masks joined to one (edge/tiles.py).

import { Picture } from "./imaging.js";
import { maskOf, unknownOf } from "./segment.js";

const OVERLAP = 8;

/** Return {start, first, end} of the windows that cover `length` pixels. */
export function spans(length, size) {
  const room = Math.max(0, length - size);
  const step = Math.max(1, Math.floor((size * (OVERLAP - 1)) / OVERLAP));
  const steps = Math.ceil(room / step);
  const starts = Array.from({ length: steps + 1 }, (_, i) => Math.floor((room * i) / Math.max(1, steps)));
  const cuts = [0];
  for (let i = 0; i < steps; i++) cuts.push(Math.floor((starts[i] + starts[i + 1] + size + 1) / 2));
  cuts.push(length);
  return starts.map((start, i) => ({ start, first: cuts[i], end: cuts[i + 1] }));
}

/** Return the picture, mirrored at its right and lower edge where it is smaller than width x height. */
export function mirrored(picture, width, height) {
  if (picture.width >= width && picture.height >= height) return picture;
  const [wide, tall] = [Math.max(width, picture.width), Math.max(height, picture.height)];
  const data = new Uint8ClampedArray(4 * wide * tall);
  for (let y = 0; y < tall; y++) {
    for (let x = 0; x < wide; x++) {
      const from = picture.at(reflected(x, picture.width), reflected(y, picture.height));
      data.set(picture.data.subarray(from, from + 4), 4 * (y * wide + x));
    }
  }
  return new Picture(data, wide, tall);
}

/** OpenCV's BORDER_REFLECT: fedcba|abcdef|fedcba. */
function reflected(at, length) {
  const place = at % (2 * length);
  return place < length ? place : 2 * length - 1 - place;
}

/** Return the result of a frame from those of its windows. run: of one Picture, gives a result with a mask. */
export async function inTiles(picture, { width, height }, run) {
  const whole = mirrored(picture, width, height);
  const columns = spans(picture.width, width);
  const rows = spans(picture.height, height);
  const joined = { classes: null };
  let labels = [];
  for (const row of rows) {
    for (const column of columns) {
      const { mask } = await run(whole.part(column.start, row.start, width, height));
      if (mask.labels.length > labels.length) labels = mask.labels;
      joined.classes = widened(joined.classes, mask.classes, picture.width * picture.height);
      paste(mask.classes, width, joined.classes, picture.width, row, column);
    }
  }
  return { task: "segment", predictions: [], ranking: [], mask: maskOf(joined.classes, picture.width, picture.height, labels) };
}

/** Return the joined classes in a type that holds those of the next window, too. */
function widened(joined, next, length) {
  if (joined === null) return new next.constructor(length);
  if (joined.BYTES_PER_ELEMENT >= next.BYTES_PER_ELEMENT) return joined;
  return next.constructor.from(joined, (value) => (value === unknownOf(joined) ? unknownOf(next) : value));
}

function paste(classes, width, joined, wide, row, column) {
  for (let y = row.first; y < row.end; y++) {
    const from = (y - row.start) * width + column.first - column.start;
    joined.set(classes.subarray(from, from + column.end - column.first), y * wide + column.first);
  }
}

