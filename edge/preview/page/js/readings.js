// The figures of the loop and the machine, and what is in the picture.

import { element } from "./api.js";

const MOST = 5;
const set = (id, text) => {
  const place = element(id);
  if (place.textContent !== text) place.textContent = text;
};
const rate = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));

export function showFacts(facts) {
  const parts = [facts.model, facts.task, facts.backend && `on ${facts.backend}`].filter(Boolean);
  set("network", parts.join(" · ") || `edgekit ${facts.version}`);
  document.title = facts.model ? `${facts.model} - Camera preview` : "Camera preview";
}

export function showStatus(status, camera) {
  set("fps", rate(status.rates.frames));
  const ms = (value) => (value === null ? "–" : value < 100 ? value.toFixed(1) : value.toFixed(0));
  set("infer", `${ms(status.infer_median)} ms`);
  set("median", `results ${ms(status.age_median)} ms old`);
  for (const name of ["dropped", "skipped", "lost"]) {
    set(name, rate(status.rates[name]));
    set(`${name}-total`, `per second, ${status[name].toLocaleString("en")} in all`);
  }
  const sinks = Object.entries(status.lost_by_sink).map(([name, count]) => `${name}: ${count}`);
  element("lost").title = sinks.join(", ");
  set("temperature", status.temperature === null ? "–" : `${status.temperature.toFixed(0)} °C`);
  set("throttled", status.throttled === null ? "not known here" : status.throttled ? "throttled" : "not throttled");
  element("throttled").classList.toggle("alert", status.throttled === true);
  const source = status.sources.find((one) => one.name === camera) ?? status.sources[0];
  const state = sourceState(source);
  set("source-state", state);
  element("source-state").classList.toggle("alert", state !== "delivering" && state !== "idle");
  set("source-idle", source.name);
  element("source-idle").title = source.name;
  return state === "delivering" ? "" : state;
}

/** Return one word for how a source is. The source's own word comes first. */
function sourceState(source) {
  if (source.state && source.state !== "ok") return source.state;
  if (source.idle === null) return "no frame yet";
  if (source.idle <= 3) return "delivering";
  return source.live ? "stalled" : "idle";
}

export function showResult(result) {
  const list = element("results");
  const rows = (result.results ?? []).slice(0, MOST).map((one) => row(one));
  if (!rows.length) rows.push(text(result.line));
  else if (result.results.length > MOST) {
    rows[MOST - 1] = text(`and ${result.results.length - MOST + 1} more`);
  }
  list.replaceChildren(...rows);
}

function row(one) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = one.id === undefined ? one.label : `${one.label} #${one.id}`;
  const bar = document.createElement("meter");
  bar.value = one.score ?? 0;
  bar.setAttribute("aria-hidden", "true");
  const score = document.createElement("span");
  score.className = "score";
  score.textContent = `${Math.round((one.score ?? 0) * 100)}%`;
  item.append(name, bar, score);
  return item;
}

function text(words) {
  const item = document.createElement("li");
  item.className = "text";
  item.textContent = words;
  return item;
}
