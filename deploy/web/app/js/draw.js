// Boxes, points, masks and captions over the picture, in the colours that the device draws with.

const COLOURS = ["#e6194b", "#3cb44b", "#ffe119", "#0082c8", "#f58230", "#911eb4", "#46f0f0"];
const OPACITY = 140;
const BACKGROUNDS = ["background", "_background_", "bg", "unlabeled", "0"];

export function colourOf(index) {
  return COLOURS[index % COLOURS.length];
}

/** Return the colour of a class of a mask: PASCAL VOC's, [red, green, blue]. */
function vocColour(number) {
  const colour = [0, 0, 0];
  for (let bit = 0; bit < 8; bit++) {
    for (let channel = 0; channel < 3; channel++) {
      colour[channel] |= ((number >> (3 * bit + channel)) & 1) << (7 - bit);
    }
  }
  return colour;
}

function hasBackground(labels) {
  return !labels.length || BACKGROUNDS.includes(labels[0].toLowerCase());
}

function maskColour(mask, number) {
  const plain = hasBackground(mask.labels);
  return vocColour((number % 255) + (plain ? 0 : 1));
}

/** Return [{label, share, colour}] of the classes in a mask, the largest first, without the background. */
export function legendOf(mask) {
  const counts = new Map();
  for (const value of mask.classes) counts.set(value, (counts.get(value) ?? 0) + 1);
  const plain = hasBackground(mask.labels);
  return [...counts]
    .filter(([number]) => number !== mask.unknown)
    .map(([number, count]) => ({ number, label: mask.labels[number], share: count / mask.classes.length }))
    .sort((a, b) => b.share - a.share)
    .map((one) => ({ ...one, colour: plain && one.number === 0 ? null : `rgb(${maskColour(mask, one.number)})` }));
}

function drawMask(context, mask) {
  const image = context.createImageData(mask.width, mask.height);
  const pixels = new Uint32Array(image.data.buffer);
  const plain = hasBackground(mask.labels);
  const colours = mask.labels.map((_, number) => {
    const [red, green, blue] = maskColour(mask, number);
    return plain && number === 0 ? 0 : (OPACITY << 24) | (blue << 16) | (green << 8) | red;
  });
  for (let i = 0; i < pixels.length; i++) {
    const value = mask.classes[i];
    pixels[i] = value === mask.unknown ? OPACITY << 24 : colours[value];
  }
  const layer = new OffscreenCanvas(mask.width, mask.height);
  layer.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(layer, 0, 0);
}

function caption(context, text, x, y, { colour, size, width: room }) {
  context.font = `600 ${size}px system-ui, sans-serif`;
  const width = context.measureText(text).width + 0.6 * size;
  const left = Math.max(0, Math.min(x, room - width));
  const top = Math.max(0, y - 1.35 * size);
  context.fillStyle = "rgba(16, 20, 28, 0.82)";
  context.fillRect(left, top, width, 1.35 * size);
  context.fillStyle = colour;
  context.fillRect(left, top, 0.15 * size, 1.35 * size);
  context.fillStyle = "#fff";
  context.fillText(text, left + 0.35 * size, top + 1.02 * size);
}

export function captionOf(one) {
  return `${one.label} ${Math.round(100 * one.score)}%`;
}

/** Draw a result over a picture. Without a result the canvas is cleared. scale: pixels of the canvas a frame pixel. */
export function draw(canvas, result, scale) {
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!result) return;
  const [width, height] = [canvas.width / scale, canvas.height / scale];
  const side = Math.min(width, height);
  const size = side / 24;
  if (result.mask) drawMask(context, result.mask);
  context.lineWidth = side / 150;
  const boxed = result.predictions.filter((one) => one.box).reverse(); // the best above the others
  for (const one of boxed) drawBox(context, one, side);
  for (const one of boxed) {
    const [x, y] = [one.box[0], Math.max(one.box[1], 1.35 * size)];
    caption(context, captionOf(one), x, y, { colour: colourOf(one.index), size, width });
  }
}

/** Write a classifier's answers into the upper left corner of a saved picture. */
export function writeAnswers(canvas, result) {
  const context = canvas.getContext("2d");
  const size = Math.min(canvas.width, canvas.height) / 18;
  const lines = result.predictions.filter((one) => !one.box).map(captionOf);
  lines.forEach((line, i) => {
    caption(context, line, 0, 1.35 * size * (i + 1), { colour: "#fff", size, width: canvas.width });
  });
}

function drawBox(context, one, side) {
  const [x0, y0, x1, y1] = one.box;
  context.strokeStyle = colourOf(one.index);
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  context.fillStyle = colourOf(one.index);
  for (const [x, y] of one.points) {
    context.beginPath();
    context.arc(x, y, side / 100, 0, 2 * Math.PI);
    context.fill();
  }
}
