// The page: it connects the streams with what shows them, and the controls with the settings.

import { change, element, tried } from "./api.js";
import { Events } from "./events.js";
import { Labels } from "./labels.js";
import { Places } from "./places.js";
import { showFacts, showResult, showStatus } from "./readings.js";
import { Stage } from "./stage.js";
import { Video } from "./video.js";

const SEND_AFTER = 120; // ms of rest before a moved slider is sent

let ownThreshold = null; // the network's, from 0 to 1; null when it has none or has not told it yet
let camera = null; // the name of the source that is shown; null until the server has told the names
let paused = false;
let sliding = -Infinity; // when the slider was moved last
const labels = new Labels();
const places = new Places();
const stage = new Stage((width, height) => places.shapes.setSize(width, height));
const video = new Video((image, part) => stage.show(image, part));
const events = new Events(onEvent, (state, why) => stage.setConnection(state, why));

function onEvent(kind, data) {
  if (kind === "state") onFacts(data);
  else if (kind === "settings") showSettings(data);
  else if (kind === "status") stage.setSourceState(showStatus(data, camera));
  else if (!paused) onResult(data);
}

function onFacts(facts) {
  showFacts(facts);
  ownThreshold = facts.own_threshold;
  const select = element("source");
  select.replaceChildren(...facts.sources.map((name) => new Option(name, name)));
  select.disabled = facts.sources.length < 2;
  if (!facts.sources.includes(camera)) watch(facts.sources[0], camera !== null);
  select.value = camera;
  labels.setNamed(facts.labels);
  places.setTracked(facts.tracked);
  showSettings(facts.settings);
}

function onResult(result) {
  stage.setClock(result.age_clock);
  showResult(result);
  labels.add((result.results ?? []).map((one) => one.label));
  places.count(result.places);
}

function showSettings(settings) {
  const own = settings.score_threshold === null;
  element("threshold-own").checked = own;
  if (!own && performance.now() - sliding > 1000) element("threshold").value = Math.round(settings.score_threshold * 100);
  showThreshold();
  labels.show(settings.labels && new Set(settings.labels));
  places.show(settings.shapes, camera ?? "");
}

function showThreshold() {
  const own = element("threshold-own").checked;
  const least = own ? ownThreshold : Number(element("threshold").value) / 100;
  element("threshold-value").textContent = least === null ? "its own" : `${Math.round(least * 100)}%`;
  element("threshold").setAttribute("aria-valuetext", own ? "the network's own" : `${element("threshold").value} percent`);
}

/** Show another source. ``reopen`` tells whether its results are to be asked for, too. */
function watch(name, reopen) {
  camera = name;
  stage.reset();
  element("snapshot").href = `/snapshot.jpg?source=${encodeURIComponent(name)}`;
  if (reopen) events.open(name);
  if (!paused && !document.hidden) video.play(name);
}

let timer;
element("threshold").addEventListener("input", () => {
  sliding = performance.now();
  element("threshold-own").checked = false;
  showThreshold();
  clearTimeout(timer);
  timer = setTimeout(() => tried(() => change({ score_threshold: Number(element("threshold").value) / 100 })), SEND_AFTER);
});
element("threshold-own").addEventListener("change", () => {
  showThreshold();
  const own = element("threshold-own").checked;
  tried(() => change({ score_threshold: own ? null : Number(element("threshold").value) / 100 }));
});
element("source").addEventListener("change", (event) => watch(event.target.value, true));
element("pause").addEventListener("click", () => {
  paused = !paused;
  element("pause").setAttribute("aria-pressed", paused);
  stage.setPaused(paused);
  if (paused) video.stop();
  else video.play(camera);
});
element("fullscreen").hidden = !document.fullscreenEnabled;
element("fullscreen").addEventListener("click", () => element("stage").requestFullscreen());

// A hidden page gives its two connections back: browsers have six for a server, and the camera need not encode.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    video.stop();
    events.close();
  } else {
    events.open(camera);
    stage.setPaused(paused);
    if (!paused && camera !== null) video.play(camera);
  }
});

// The token has done its work: it is in the cookie now.
if (location.search) history.replaceState(null, "", "/");
events.open(null);
