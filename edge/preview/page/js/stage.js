// The video's place on the page: the picture, its age, and what is wrong with it.

import { element } from "./api.js";

const FROZEN = 3000; // ms without a new picture, or five times the usual interval

const CLOCKS = { arrival: "its arrival", decode: "its decoding", pts: "its time stamp", sender: "its sending" };

export class Stage {
  constructor(onSize) {
    this.canvas = element("picture");
    this.context = this.canvas.getContext("2d");
    this.onSize = onSize;
    this.connection = { state: "waiting", why: "" };
    this.paused = false;
    this.reset();
    setInterval(() => this.tick(), 250);
  }

  /** Forget the last picture, when another source is shown. */
  reset() {
    this.shown = null;
    this.usual = 0;
    this.began = performance.now();
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  show(image, part) {
    if (this.canvas.width !== image.width || this.canvas.height !== image.height) {
      this.canvas.width = image.width;
      this.canvas.height = image.height;
      this.onSize(image.width, image.height);
    }
    this.context.drawImage(image, 0, 0);
    if (this.shown) {
      const since = part.arrived - this.shown.arrived;
      this.usual = this.usual ? 0.8 * this.usual + 0.2 * since : since;
    }
    this.shown = part;
    this.tick();
  }

  /** @param clock what ages count from, as results state it */
  setClock(clock) {
    this.clock = clock;
  }

  setConnection(state, why) {
    this.connection = { state, why };
    if (state === "live" && this.wasBroken) this.began = performance.now();
    this.wasBroken = state === "disconnected";
    this.tick();
  }

  setPaused(paused) {
    this.paused = paused;
    this.began = performance.now();
    this.usual = 0;
    this.shown = paused ? this.shown : null;
    this.tick();
  }

  setSourceState(text) {
    this.sourceState = text;
  }

  tick() {
    const now = performance.now();
    const quiet = now - Math.max(this.shown?.arrived ?? 0, this.began);
    const frozen = !this.paused && quiet > Math.max(FROZEN, 5 * this.usual);
    const broken = this.connection.state === "disconnected";
    const seconds = Math.floor(quiet / 1000);
    let notice = "";
    if (broken) notice = this.connection.why;
    else if (this.paused) notice = "Paused; the camera goes on";
    else if (frozen) notice = `No new picture for ${seconds} s${this.sourceState ? `: ${this.sourceState}` : ""}`;
    this.say(notice, (broken || frozen) && !this.paused);
    this.pill(broken ? "disconnected" : frozen ? "frozen" : this.connection.state);
    element("age").textContent = this.age(now);
    const clock = this.clock ? `since ${CLOCKS[this.clock] ?? this.clock}` : "";
    if (element("age-clock").textContent !== clock) element("age-clock").textContent = clock || "\u00a0";
  }

  age(now) {
    if (this.paused) return "paused";
    if (!this.shown) return "–";
    const ms = this.shown.age + now - this.shown.arrived;
    return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
  }

  say(notice, dim) {
    const place = element("notice");
    if (place.textContent !== notice) place.textContent = notice;
    place.hidden = !notice;
    element("stage").classList.toggle("dim", dim);
  }

  pill(state) {
    const words = { live: "Live", waiting: "Connecting", frozen: "Frozen", disconnected: "Disconnected" };
    const place = element("connection");
    if (place.dataset.state === state && place.textContent === words[state]) return;
    place.dataset.state = state;
    place.textContent = words[state];
  }
}
