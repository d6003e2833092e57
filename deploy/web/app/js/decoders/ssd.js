// SSD and its relatives (edge/decoders/ssd.py), and the Ultra-Light-Fast face detectors (edge/decoders/rfb.py).

import { activate, probabilities } from "../activations.js";
import { candidates, decodeAnchors } from "./boxes.js";

/** Copy the scores of every class but the background, which is the first column. */
function withoutBackground(scores, columns, background, into) {
  const classes = columns - background;
  for (let i = 0; i < into.length; i++) {
    const row = Math.floor(i / classes);
    into[i] = scores[row * columns + background + (i % classes)];
  }
}

export function ssd(outputs, head) {
  const { anchors } = head;
  const [columns] = head.outputs.scores.shape.slice(-1);
  const given = activate(outputs.scores.real, head.activation, columns);
  const scores = probabilities(given, outputs.scores.spec.name);
  const found = candidates(anchors.length / 4, columns - head.background);
  decodeAnchors(outputs.boxes.real, anchors, {
    order: head.xywh ? [1, 0, 3, 2] : [0, 1, 2, 3],
    variances: head.variances,
    size: head.size,
    clipped: head.clip,
    into: found.boxes,
  });
  withoutBackground(scores, columns, head.background, found.scores);
  return found;
}

export function rfb(outputs, head) {
  const { anchors, size } = head;
  const found = candidates(anchors.length / 4, 1);
  const boxes = outputs.boxes.real;
  if (head.decoded) {
    for (let i = 0; i < found.boxes.length; i++) found.boxes[i] = boxes[i] * size[i % 2];
  } else {
    const variances = [0.1, 0.2];
    decodeAnchors(boxes, anchors, { order: [1, 0, 3, 2], variances, size, clipped: false, into: found.boxes });
  }
  withoutBackground(probabilities(outputs.scores.real, outputs.scores.spec.name), 2, 1, found.scores);
  return found;
}
