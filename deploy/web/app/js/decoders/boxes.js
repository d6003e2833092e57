// What several decoders share: grids, the forms of a box, decoding against anchors.

import { clip, f } from "../numbers.js";

const LARGEST_GROWTH = f(Math.log(1000));

/** Make candidates of four numbers a row. */
export function candidates(count, classes, more = {}) {
  return {
    count,
    classes,
    boxes: new Float32Array(4 * count),
    scores: new Float32Array(classes * count),
    points: null,
    landmarks: 0,
    suppressed: false,
    ...more,
  };
}

/** Write x0, y0, x1, y1 of a centre and two sides. */
export function putCorners(boxes, row, x, y, width, height) {
  const halfWidth = f(f(width) / 2);
  const halfHeight = f(f(height) / 2);
  boxes[4 * row] = x - halfWidth;
  boxes[4 * row + 1] = y - halfHeight;
  boxes[4 * row + 2] = x + halfWidth;
  boxes[4 * row + 3] = y + halfHeight;
}

/** Return [rows, columns] of the map at each stride. */
export function gridSizes([width, height], strides) {
  return strides.map((stride) => [Math.ceil(height / stride), Math.ceil(width / stride)]);
}

/** Return {x, y, step}: column, row and stride of each place, map after map and row after row. */
export function grid(size, strides) {
  const x = [];
  const y = [];
  const step = [];
  gridSizes(size, strides).forEach(([rows, columns], level) => {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        x.push(column);
        y.push(row);
        step.push(strides[level]);
      }
    }
  });
  return { x, y, step };
}

/**
 * Decode offsets of centre y, centre x, height, width against anchors (edge/decoders/anchors.py) and write
 * x0, y0, x1, y1 in pixels. order: the positions of the four offsets in a row; variances: of centres and of sides.
 */
export function decodeAnchors(offsets, anchors, { order, variances, size, clipped, into }) {
  const [centre, side] = variances.map(f);
  const [width, height] = size;
  const limit = clipped ? (value) => clip(value, 0, 1) : (value) => value;
  for (let row = 0; row < anchors.length / 4; row++) {
    const offset = (k) => clip(f(offsets[4 * row + order[k]] * (k < 2 ? centre : side)), -1e6, 1e6);
    const [anchorY, anchorX, tall, wide] = anchors.subarray(4 * row, 4 * row + 4);
    const y = f(f(offset(0) * tall) + anchorY);
    const x = f(f(offset(1) * wide) + anchorX);
    const halfY = f(f(f(Math.exp(Math.min(offset(2), LARGEST_GROWTH))) * tall) / 2);
    const halfX = f(f(f(Math.exp(Math.min(offset(3), LARGEST_GROWTH))) * wide) / 2);
    into[4 * row] = limit(f(x - halfX)) * width;
    into[4 * row + 1] = limit(f(y - halfY)) * height;
    into[4 * row + 2] = limit(f(x + halfX)) * width;
    into[4 * row + 3] = limit(f(y + halfY)) * height;
  }
}
