// The page: it starts the network, shows the camera's picture with what the network says, and obeys the controls.

import { cameraCount, closeCamera, openCamera } from "./camera.js";
import { draw, writeAnswers } from "./draw.js";
import { hooks } from "./hooks.js";
import { Network } from "./network.js";
import { keepOffline, reloadsForThreads } from "./offline.js";
import { element, showNote, showProblem, showRates, showResult, showStatus } from "./panel.js";
import { Rates } from "./rates.js";
import { checkBrowser, Problem, runtimeFor } from "./support.js";

const MOST_PIXELS = 1920; // of a picture file's longer side

const video = element("video");
const overlay = element("overlay");
const grabbed = document.createElement("canvas"); // the frame that the last result belongs to
const rates = new Rates();
const state = {
  network: null,
  stream: null,
  facing: "environment",
  threshold: 0,
  paused: false,
  busy: false,
  result: null,
  picture: false,
};

async function start() {
  checkBrowser();
  const spec = await (await fetch("model.json")).json();
  const why = await keepOffline();
  if (why === null && reloadsForThreads()) return;
  element("offline").textContent = why ?? "Kept for offline use.";
  element("authority").hidden = !why?.includes("certificate");
  showStatus("loading the network");
  const runtime = runtimeFor();
  state.network = new Network();
  const { fault } = await state.network.open(runtime);
  if (fault) {
    state.network.close();
    throw new Problem("The network does not work in this browser", `${fault}\nNo results are shown. Try another browser, or get the app again.`);
  }
  setUpThreshold(spec.task);
  Object.assign(hooks, { spec, runtime });
  element("choose").disabled = false;
  await startCamera();
}

/** Masks of several classes have no least score. */
function setUpThreshold(task) {
  const slider = element("threshold");
  state.threshold = task.threshold;
  slider.value = String(task.threshold);
  showThreshold();
  element("threshold-row").hidden = task.name === "segment" && (task.channels > 1 || task.numbered);
  slider.addEventListener("input", () => {
    state.threshold = Number(slider.value);
    showThreshold();
    if (state.picture || state.paused) lookAgain();
  });
}

function showThreshold() {
  element("threshold-value").textContent = `${Math.round(100 * state.threshold)}%`;
}

async function startCamera() {
  showProblem(null);
  closeCamera(state.stream);
  showStatus("opening the camera");
  state.stream = await openCamera(state.facing);
  for (const track of state.stream.getTracks()) track.addEventListener("ended", () => guarded(cameraLost));
  state.picture = false;
  element("picture").hidden = true;
  video.hidden = false;
  video.srcObject = state.stream;
  await video.play();
  element("switch").disabled = (await cameraCount()) < 2;
  setPaused(false);
  keepAwake();
  waitForFrame();
}

/** Another app may take the camera, or somebody unplug it. */
async function cameraLost() {
  state.stream = null;
  throw new Problem("The camera has stopped", "Another app may have taken it. Or choose a picture file below.", true);
}

/** The screen stays on while the camera runs, where the browser can do that. */
function keepAwake() {
  navigator.wakeLock?.request("screen").catch(() => {});
}

/** The newest frame wins: while the network is busy, frames pass by. */
function waitForFrame() {
  const { stream } = state;
  const take = async (now) => {
    if (state.stream !== stream || state.picture) return;
    if (!state.paused && !state.busy) await look(video, video.videoWidth, video.videoHeight, now);
    waitForFrame();
  };
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback((now, about) => take(about.captureTime ?? now));
  else requestAnimationFrame(take);
}

/** Run the network on what an image source shows, and show what it says. */
async function look(source, width, height, since) {
  if (!width || !height) return;
  if (grabbed.width !== width || grabbed.height !== height) Object.assign(grabbed, { width, height });
  const context = grabbed.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, width, height);
  await ask(context.getImageData(0, 0, width, height), since);
}

async function ask({ data, width, height }, since) {
  state.busy = true;
  const answer = await state.network.run(new Uint8Array(data.buffer), width, height, state.threshold);
  state.busy = false;
  state.result = answer.fault ? null : answer.result;
  drawOverlay(width, height);
  if (answer.fault) {
    showNote(answer.fault);
    return;
  }
  element("snapshot").disabled = false;
  showResult(answer.result);
  const now = performance.now();
  rates.add(now, answer.inferMs, now - since);
  if (rates.means) showRates(rates.means);
  hooks.saw({ data: answer.data, width, height, result: answer.result, threshold: state.threshold });
}

/** Draw the result in the screen's own resolution, which is often higher than the camera's. */
function drawOverlay(width, height) {
  const wanted = (overlay.clientWidth * window.devicePixelRatio) / width;
  const scale = Math.max(1, Math.min(4, Math.round(wanted)));
  const [wide, tall] = [width * scale, height * scale];
  if (overlay.width !== wide || overlay.height !== tall) Object.assign(overlay, { width: wide, height: tall });
  draw(overlay, state.result, scale);
}

/** Run the network once more on the frame that is shown, with another threshold. */
async function lookAgain() {
  if (state.busy || !grabbed.width) return;
  const context = grabbed.getContext("2d");
  await ask(context.getImageData(0, 0, grabbed.width, grabbed.height), performance.now());
}

function setPaused(paused) {
  state.paused = paused;
  element("pause").setAttribute("aria-pressed", String(paused));
  element("pause").disabled = false;
  element("pause").lastElementChild.textContent = state.picture ? "Camera" : "Pause";
  element("pause-icon").toggleAttribute("hidden", state.picture);
  element("camera-icon").toggleAttribute("hidden", !state.picture);
  if (paused) video.pause();
  else if (video.srcObject) video.play().catch(() => {});
  rates.clear();
  showStatus(state.picture ? "picture" : paused ? "paused" : "live");
}

async function switchCamera() {
  state.facing = state.facing === "environment" ? "user" : "environment";
  await startCamera();
}

async function showPicture(file) {
  if (!file) return;
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Problem("The file is no picture that this browser reads", "Choose a JPEG, PNG or WebP file.", true);
  });
  const shrink = Math.min(1, MOST_PIXELS / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * shrink)));
  closeCamera(state.stream);
  Object.assign(state, { stream: null, picture: true });
  video.srcObject = null;
  video.hidden = true;
  const canvas = element("picture");
  Object.assign(canvas, { width, height, hidden: false });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, width, height);
  showProblem(null);
  setPaused(false);
  await idle();
  await look(canvas, width, height, performance.now());
}

async function idle() {
  while (state.busy) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Save the frame of the last result with what was drawn over it. */
function saveSnapshot() {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: grabbed.width, height: grabbed.height });
  const context = canvas.getContext("2d");
  context.drawImage(grabbed, 0, 0);
  context.drawImage(overlay, 0, 0, canvas.width, canvas.height);
  if (state.result) writeAnswers(canvas, state.result);
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `snapshot-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }, "image/png");
}

/** Run a task of a control; a problem is shown in the place of the picture. */
async function guarded(task) {
  try {
    await task();
  } catch (error) {
    const shown = error instanceof Problem ? error : new Problem("The page failed", `${error.message ?? error}`, true);
    showProblem(shown);
    element("pause").disabled = true;
    showStatus("stopped");
  }
}

function onClick(id, task) {
  element(id).addEventListener("click", () => guarded(task));
}

onClick("pause", async () => (state.picture ? startCamera() : setPaused(!state.paused)));
onClick("switch", switchCamera);
onClick("snapshot", async () => saveSnapshot());
onClick("choose", async () => element("file").click());
onClick("again", async () => (state.network ? startCamera() : window.location.reload()));
element("file").addEventListener("change", ({ target }) => guarded(() => showPicture(target.files[0])));
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !video.srcObject || state.paused) return;
  video.play().catch(() => {});
  keepAwake();
});
guarded(start);
