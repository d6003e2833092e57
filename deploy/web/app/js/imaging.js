// From the pixels of a frame to a network's input, byte by byte what edge/imaging.py makes on the device. A canvas
// scales in another way, so the resize of OpenCV (INTER_LINEAR on 8 bits) is written out here.

import { arrayOf, f, rint } from "./numbers.js";
import { centreBox, letterboxBox, placementOf } from "./placement.js";

const BITS = 2048; // OpenCV's fixed-point weights of 8-bit pixels have 11 bits
const PADDING = 114;

/** A picture: RGBA bytes of which a rectangle is looked at. */
export class Picture {
  constructor(data, width, height, left = 0, top = 0, stride = width) {
    Object.assign(this, { data, width, height, left, top, stride });
  }

  part(left, top, width, height) {
    return new Picture(this.data, width, height, this.left + left, this.top + top, this.stride);
  }

  /** The position of a pixel's red value in the data. */
  at(x, y) {
    return 4 * ((this.top + y) * this.stride + this.left + x);
  }
}

/** Return the picture as RGB bytes, three for each pixel. */
function copied(picture) {
  const out = new Uint8Array(3 * picture.width * picture.height);
  for (let y = 0, to = 0; y < picture.height; y++) {
    for (let x = 0, from = picture.at(0, y); x < picture.width; x++, from += 4) {
      out[to++] = picture.data[from];
      out[to++] = picture.data[from + 1];
      out[to++] = picture.data[from + 2];
    }
  }
  return out;
}

/** Return RGB bytes of the picture, resized to width x height. */
export function resized(picture, width, height) {
  if (picture.width === width && picture.height === height) return copied(picture);
  if (picture.width === 2 * width && picture.height === 2 * height) return halved(picture, width, height);
  return interpolated(picture, width, height);
}

/** OpenCV takes the mean of four pixels where both sides are halved. */
function halved(picture, width, height) {
  const out = new Uint8Array(3 * width * height);
  const { data } = picture;
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const first = picture.at(2 * x, 2 * y);
      const second = picture.at(2 * x, 2 * y + 1);
      for (let c = 0; c < 3; c++) {
        out[to++] = (data[first + c] + data[first + c + 4] + data[second + c] + data[second + c + 4] + 2) >> 2;
      }
    }
  }
  return out;
}

/**
 * Return, for each of `to` pixels, the two source pixels and their weights in 1/2048.
 * edge: whether the weights at the border are those of one pixel, as OpenCV has it for x and not for y.
 */
function taps(from, to, edge) {
  const scale = 1 / (to / from);
  const near = new Int32Array(to);
  const far = new Int32Array(to);
  const nearWeight = new Int32Array(to);
  const farWeight = new Int32Array(to);
  for (let i = 0; i < to; i++) {
    const place = f((i + 0.5) * scale - 0.5);
    let start = Math.floor(place);
    let share = f(place - start);
    if (edge && start < 0) [start, share] = [0, 0];
    if (edge && start >= from - 1) [start, share] = [from - 1, 0];
    near[i] = Math.min(Math.max(start, 0), from - 1);
    far[i] = Math.min(Math.max(start + 1, 0), from - 1);
    nearWeight[i] = rint(f(f(1 - share) * BITS));
    farWeight[i] = rint(f(share * BITS));
  }
  return { near, far, nearWeight, farWeight };
}

function interpolated(picture, width, height) {
  const x = taps(picture.width, width, true);
  const y = taps(picture.height, height, false);
  const rows = new Map(); // the rows of the source that were resized in x; never more than two are needed
  const row = (index) => {
    if (!rows.has(index)) {
      if (rows.size > 2) rows.delete(rows.keys().next().value);
      rows.set(index, resizedRow(picture, index, x, width));
    }
    return rows.get(index);
  };
  const out = new Uint8Array(3 * width * height);
  for (let i = 0, to = 0; i < height; i++) {
    const upper = row(y.near[i]);
    const lower = row(y.far[i]);
    const [a, b] = [y.nearWeight[i], y.farWeight[i]];
    for (let k = 0; k < 3 * width; k++) {
      out[to++] = (((a * (upper[k] >> 4)) >> 16) + ((b * (lower[k] >> 4)) >> 16) + 2) >> 2;
    }
  }
  return out;
}

function resizedRow(picture, index, x, width) {
  const out = new Int32Array(3 * width);
  const { data } = picture;
  const start = picture.at(0, index);
  for (let i = 0, to = 0; i < width; i++) {
    const near = start + 4 * x.near[i];
    const far = start + 4 * x.far[i];
    const a = x.nearWeight[i];
    const b = x.farWeight[i];
    out[to++] = data[near] * a + data[far] * b;
    out[to++] = data[near + 1] * a + data[far + 1] * b;
    out[to++] = data[near + 2] * a + data[far + 2] * b;
  }
  return out;
}

/** Return the grey value of a pixel as OpenCV's COLOR_RGB2GRAY has it. */
function grey(r, g, b) {
  return (r * 9798 + g * 19235 + b * 3735 + (1 << 14)) >> 15;
}

/** Turns a frame into the tensor that the network takes. */
export class Preprocessor {
  /** input: of model.json; its table has the input's number for each pixel value and channel. */
  constructor(input) {
    this.input = input;
    this.table = arrayOf(input.dtype).from(input.table);
  }

  /** Return {tensor, placement} of a Picture. */
  call(picture) {
    const { width, height, resize } = this.input;
    const placement = placementOf([picture.width, picture.height], [width, height], resize);
    return { tensor: this.tensorOf(this.fit(picture)), placement };
  }

  fit(picture) {
    const { width, height, resize } = this.input;
    const same = picture.width === width && picture.height === height;
    if (resize === "letterbox" && !same) return this.padded(picture);
    if (resize === "crop" && !same) {
      return resized(picture.part(...centreBox(picture.width, picture.height, width / height)), width, height);
    }
    return resized(picture, width, height);
  }

  padded(picture) {
    const { width, height } = this.input;
    const [left, top, innerWidth, innerHeight] = letterboxBox(picture.width, picture.height, width, height);
    const inner = resized(picture, innerWidth, innerHeight);
    const out = new Uint8Array(3 * width * height).fill(PADDING);
    for (let y = 0; y < innerHeight; y++) {
      const row = inner.subarray(3 * y * innerWidth, 3 * (y + 1) * innerWidth);
      out.set(row, 3 * ((top + y) * width + left));
    }
    return out;
  }

  /** Return the tensor of RGB bytes: the order of the channels, the table, the order of the axes. */
  tensorOf(rgb) {
    const { width, height, colour, layout } = this.input;
    const channels = colour === "GRAY" ? 1 : 3;
    const plane = width * height;
    const { table } = this;
    const out = new table.constructor(plane * channels);
    const [pixelStep, channelStep] = layout === "NCHW" ? [1, plane] : [channels, 1];
    for (let i = 0, from = 0, to = 0; i < plane; i++, from += 3, to += pixelStep) {
      if (channels === 1) {
        out[to] = table[grey(rgb[from], rgb[from + 1], rgb[from + 2])];
        continue;
      }
      const [first, third] = colour === "BGR" ? [rgb[from + 2], rgb[from]] : [rgb[from], rgb[from + 2]];
      out[to] = table[3 * first];
      out[to + channelStep] = table[3 * rgb[from + 1] + 1];
      out[to + 2 * channelStep] = table[3 * third + 2];
    }
    return out;
  }
}
