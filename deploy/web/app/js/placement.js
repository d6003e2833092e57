// Where a frame lies in a network's input, and the way back (edge/placement.py, edge/imaging.py).

import { clip, f, rint } from "./numbers.js";

/** Return left, top, width and height of the scaled frame inside a letterbox. */
export function letterboxBox(width, height, toWidth, toHeight) {
  const scale = Math.min(toWidth / width, toHeight / height);
  const innerWidth = Math.max(1, rint(width * scale));
  const innerHeight = Math.max(1, rint(height * scale));
  return [
    Math.floor((toWidth - innerWidth) / 2),
    Math.floor((toHeight - innerHeight) / 2),
    innerWidth,
    innerHeight,
  ];
}

/** Return left, top, width and height of the largest centred part with the aspect width / height. */
export function centreBox(width, height, aspect) {
  const newWidth = Math.min(width, Math.max(1, rint(height * aspect)));
  const newHeight = Math.min(height, Math.max(1, rint(width / aspect)));
  return [Math.floor((width - newWidth) / 2), Math.floor((height - newHeight) / 2), newWidth, newHeight];
}

/** Return the placement of a frame of [width, height] in an input of [width, height]. */
export function placementOf(frame, to, resize) {
  const [width, height] = frame;
  if (resize === "letterbox") {
    const [left, top, innerWidth, innerHeight] = letterboxBox(width, height, ...to);
    return new Placement(frame, to, [innerWidth / width, innerHeight / height], [left, top]);
  }
  if (resize === "crop") {
    const [left, top, innerWidth, innerHeight] = centreBox(width, height, to[0] / to[1]);
    const scale = [to[0] / innerWidth, to[1] / innerHeight];
    return new Placement(frame, to, scale, [-left * scale[0], -top * scale[1]]);
  }
  return new Placement(frame, to, [to[0] / width, to[1] / height], [0, 0]);
}

/** input = frame * scale + offset, on each axis. */
export class Placement {
  constructor(frame, input, scale, offset) {
    Object.assign(this, { frame, input, scale, offset });
  }

  /** Map one coordinate of axis 0 (x) or 1 (y) from the input to the frame. */
  toFrame(value, axis) {
    return f((value - this.offset[axis]) / this.scale[axis]);
  }

  /** Map a box x0, y0, x1, y1 to the frame and clip it there. */
  boxToFrame(box) {
    const ends = [0, 1, 2, 3].map((k) => this.toFrame(box[k], k % 2));
    const low = [0, 1].map((k) => Math.min(ends[k], ends[k + 2]));
    const high = [0, 1].map((k) => Math.max(ends[k], ends[k + 2]));
    return [...low, ...high].map((value, k) => clip(value, 0, f(this.frame[k % 2])));
  }

  /**
   * Map a map of classes over the whole input to the pixels of the frame, by nearest neighbour.
   * classes: typed array of rows * columns; fill: the value of pixels that are not in the input.
   */
  maskToFrame(classes, rows, columns, fill) {
    const [width, height] = this.frame;
    const x = this.cells(0, width, columns);
    const y = this.cells(1, height, rows);
    const out = new classes.constructor(width * height);
    for (let row = 0, at = 0; row < height; row++) {
      const start = y[row] * columns;
      for (let column = 0; column < width; column++) out[at++] = classes[start + x[column]];
    }
    this.fillOutside(out, fill);
    return out;
  }

  /** Return the cell of a map in which the centre of each of `length` pixels lies. */
  cells(axis, length, cells) {
    const found = new Int32Array(length);
    for (let i = 0; i < length; i++) {
      const place = (((i + 0.5) * this.scale[axis] + this.offset[axis]) * cells) / this.input[axis];
      found[i] = clip(Math.floor(place), 0, cells - 1);
    }
    return found;
  }

  fillOutside(out, fill) {
    const [width, height] = this.frame;
    const ends = [0, 1].map((k) => [f(this.offset[k]), f(this.frame[k] * this.scale[k] + this.offset[k])]);
    if (ends.every(([low, high], k) => low >= -1e-3 && high <= this.input[k] + 1e-3)) return;
    const inside = (i, axis) => {
      const place = f((i + 0.5) * this.scale[axis] + this.offset[axis]);
      return place >= 0 && place <= this.input[axis];
    };
    const columns = Array.from({ length: width }, (_, i) => inside(i, 0));
    for (let row = 0, at = 0; row < height; row++) {
      const within = inside(row, 1);
      for (let column = 0; column < width; column++, at++) {
        if (!within || !columns[column]) out[at] = fill;
      }
    }
  }
}
