// The list of results below the picture, the rates and the messages.

import { colourOf, legendOf } from "./draw.js";

const MOST_ROWS = 20;
const LEAST_SHARE = 0.005;

export const element = (id) => document.getElementById(id);

function cell(kind, className, text) {
  const found = document.createElement(kind);
  found.className = className;
  found.textContent = text;
  return found;
}

function row({ label, share, colour, kind }) {
  const item = cell("li", colour === undefined ? `${kind} plain` : kind, "");
  const swatch = cell("span", "swatch", "");
  swatch.hidden = colour === undefined; // a classifier's labels have no colours
  swatch.style.background = colour ?? "transparent";
  const meter = document.createElement("meter");
  meter.value = share;
  meter.setAttribute("aria-hidden", "true");
  item.append(swatch, cell("span", "name", label), meter, cell("span", "score", `${Math.round(100 * share)}%`));
  return item;
}

function rowsOf(result) {
  if (result.mask) {
    const rows = legendOf(result.mask).filter((one) => one.share >= LEAST_SHARE);
    return rows.map((one, i) => ({ ...one, kind: i ? "" : "first" }));
  }
  if (result.task === "detect") return objectRows(result.predictions);
  const said = new Set(result.predictions.map((one) => one.index));
  const others = result.ranking.filter((one) => !said.has(one.index)).map((one) => ({ ...one, kind: "other" }));
  return [...result.predictions.map((one, i) => ({ ...one, kind: i ? "" : "first" })), ...others].map((one) => ({
    label: one.label,
    share: one.score,
    kind: one.kind,
  }));
}

/** Return a row for each class of objects: how many there are and the best score. */
function objectRows(predictions) {
  const classes = new Map();
  for (const one of predictions) {
    const known = classes.get(one.index) ?? { ...one, count: 0 };
    classes.set(one.index, { ...known, count: known.count + 1 });
  }
  return [...classes.values()].map((one, i) => ({
    label: one.count > 1 ? `${one.label} × ${one.count}` : one.label,
    share: one.score,
    colour: colourOf(one.index),
    kind: i ? "" : "first",
  }));
}

/** Show a result; what the page says instead of one is a note. */
export function showResult(result) {
  const rows = rowsOf(result).slice(0, MOST_ROWS);
  if (result.predictions.length === 0 && !result.mask) {
    const note = cell("li", "note", "nothing above the least score");
    element("results").replaceChildren(note, ...rows.map(row));
    return;
  }
  element("results").replaceChildren(...rows.map(row));
}

export function showNote(text) {
  element("results").replaceChildren(cell("li", "note", text));
}

export function showRates(means) {
  element("rate-frames").textContent = means.frames.toFixed(1);
  element("rate-infer").textContent = `${means.inferMs.toFixed(0)} ms`;
  element("rate-age").textContent = `${means.ageMs.toFixed(0)} ms`;
}

export function showStatus(text) {
  element("status").textContent = text;
}

/** Show a problem in the place of the picture; null takes it away. */
export function showProblem(problem) {
  element("problem").hidden = problem === null;
  if (problem === null) return;
  element("problem-title").textContent = problem.message;
  element("problem-advice").textContent = problem.advice ?? "";
  element("again").hidden = !problem.retry;
}
