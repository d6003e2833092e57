// From a detector's candidates to its detections: threshold, suppression, the best ones (edge/decoders/select.py).
//
// Candidates are {count, classes, boxes, scores, points, landmarks, suppressed}: boxes has four numbers a row, scores
// one a row and class, points three a landmark. Detections are arrays of {box, score, index, points}, best first.

import { f } from "./numbers.js";

const LARGEST_COORDINATE = 1e7;
const MOST_CANDIDATES = 400;
const TINY = 1.1754943508222875e-38;

/** Return the detections among candidates. how: the fields of the device's Selection. */
export function select(candidates, how) {
  let found = above(candidates, how.scoreThreshold, how.bestClassOnly);
  if (!candidates.suppressed) found = suppressed(found, how);
  return bestFirst(found).slice(0, how.maxDetections);
}

/** Sorting is stable: of equal scores the earlier row is the better. */
function bestFirst(found) {
  return [...found].sort((a, b) => b.score - a.score);
}

/** Return every pair of box and class whose score reaches the threshold, best first. */
export function above(candidates, scoreThreshold, bestClassOnly) {
  const { count, classes, scores } = candidates;
  const threshold = f(scoreThreshold);
  const found = [];
  for (let row = 0; row < count; row++) {
    const best = bestClassOnly && classes > 1 ? bestClass(scores, row, classes) : -1;
    for (let index = 0; index < classes; index++) {
      const score = scores[row * classes + index];
      if (!(score >= threshold) || !Number.isFinite(score) || (best >= 0 && index !== best)) continue;
      const box = candidates.boxes.subarray(4 * row, 4 * row + 4);
      if (isThere(box)) found.push({ box: Array.from(box), score, index, points: pointsOf(candidates, row) });
    }
  }
  return bestFirst(found);
}

function bestClass(scores, row, classes) {
  let best = 0;
  let highest = -Infinity;
  for (let index = 0; index < classes; index++) {
    const score = scores[row * classes + index];
    const value = Number.isNaN(score) ? -1 : score;
    if (value > highest) [best, highest] = [index, value];
  }
  return best;
}

function isThere(box) {
  return box.every((value) => Math.abs(value) <= LARGEST_COORDINATE) && box[0] < box[2] && box[1] < box[3];
}

function pointsOf(candidates, row) {
  if (!candidates.points) return [];
  const wide = 3 * candidates.landmarks;
  const values = candidates.points.subarray(row * wide, (row + 1) * wide);
  return Array.from({ length: candidates.landmarks }, (_, k) => Array.from(values.subarray(3 * k, 3 * k + 3)));
}

function suppressed(found, how) {
  if (how.nms === "none" || found.length === 0) return found;
  if (how.nms === "class_agnostic") return suppress(found.slice(0, MOST_CANDIDATES), how.iouThreshold);
  const numbers = [...new Set(found.map((one) => one.index))].sort((a, b) => a - b);
  return numbers.flatMap((number) => oneClass(found.filter((one) => one.index === number), how));
}

function oneClass(found, how) {
  const best = found.slice(0, MOST_CANDIDATES);
  if (how.nms === "per_class") return suppress(best, how.iouThreshold);
  const threshold = f(how.scoreThreshold);
  return bestFirst(soften(best, how)).filter((one) => one.score >= threshold);
}

function area(box) {
  return f(f(box[2] - box[0]) * f(box[3] - box[1]));
}

function common(a, b) {
  const width = Math.max(f(Math.min(a[2], b[2]) - Math.max(a[0], b[0])), 0);
  const height = Math.max(f(Math.min(a[3], b[3]) - Math.max(a[1], b[1])), 0);
  return f(width * height);
}

/** Greedy non-maximum suppression of detections, which are given best first. */
export function suppress(found, iouThreshold) {
  const threshold = f(iouThreshold);
  const areas = found.map((one) => area(one.box));
  const left = found.map(() => true);
  const kept = [];
  for (let row = 0; row < found.length; row++) {
    if (!left[row]) continue;
    kept.push(found[row]);
    for (let other = row + 1; other < found.length; other++) {
      if (!left[other]) continue;
      const shared = common(found[row].box, found[other].box);
      left[other] = shared <= f(threshold * f(f(areas[row] + areas[other]) - shared));
    }
  }
  return kept;
}

/** Soft-NMS, Bodla et al. 2017, https://arxiv.org/abs/1704.04503: lower the scores of boxes that overlap better ones. */
export function soften(found, how) {
  const lowered = found.map((one) => ({ ...one }));
  let left = [...lowered];
  while (left.length > 1) {
    let best = left[0];
    for (const one of left) if (one.score > best.score) best = one;
    left = left.filter((one) => one !== best);
    for (const one of left) one.score = f(one.score * factor(overlap(best.box, one.box), how));
  }
  return lowered;
}

function overlap(a, b) {
  const shared = common(a, b);
  return f(shared / Math.max(f(f(area(a) + area(b)) - shared), TINY));
}

function factor(iou, how) {
  if (how.nms === "soft_gaussian") return f(Math.exp(f(-f(iou * iou) / f(how.sigma))));
  return iou >= f(how.iouThreshold) ? f(1 - iou) : 1;
}
