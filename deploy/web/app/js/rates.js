// Frames a second, time of the network and age of the results, over the last two seconds.

const SPAN_MS = 2000;

export class Rates {
  constructor() {
    this.rows = [];
  }

  add(now, inferMs, ageMs) {
    this.rows.push({ now, inferMs, ageMs });
    while (this.rows[0].now < now - SPAN_MS) this.rows.shift();
  }

  clear() {
    this.rows = [];
  }

  /** Return {frames, inferMs, ageMs}, or null before there are two results. */
  get means() {
    if (this.rows.length < 2) return null;
    const mean = (name) => this.rows.reduce((sum, row) => sum + row[name], 0) / this.rows.length;
    const span = this.rows.at(-1).now - this.rows[0].now;
    return { frames: (1000 * (this.rows.length - 1)) / span, inferMs: mean("inferMs"), ageMs: mean("ageMs") };
  }
}
