// The filter of labels: a checkbox for each, those of the network and those that were seen.

import { change, element, tried } from "./api.js";

const MOST_SEEN = 500;

export class Labels {
  constructor() {
    this.rows = new Map();
    this.kept = null; // a Set, or null for all
    element("labels-search").addEventListener("input", () => this.search());
    element("labels-all").addEventListener("click", () => this.send(null));
    element("labels-none").addEventListener("click", () => this.send(new Set()));
  }

  /** Add labels that are not there yet. */
  add(labels) {
    const fresh = labels.filter((label) => !this.rows.has(label));
    if (!fresh.length || this.rows.size > MOST_SEEN + this.named) return;
    for (const label of fresh) this.rows.set(label, this.row(label));
    element("labels").append(...fresh.map((label) => this.rows.get(label).item));
    element("known-labels").append(...fresh.map((label) => new Option(label, label)));
    this.show(this.kept);
    this.search();
  }

  setNamed(labels) {
    this.named = labels.length;
    this.add(labels);
  }

  show(kept) {
    this.kept = kept;
    for (const [label, { box }] of this.rows) box.checked = !kept || kept.has(label);
    const shown = [...this.rows.keys()].filter((label) => !kept || kept.has(label)).length;
    element("labels-count").textContent = this.rows.size ? `${shown} of ${this.rows.size}` : "";
  }

  row(label) {
    const item = document.createElement("li");
    const line = document.createElement("label");
    line.className = "check";
    const box = document.createElement("input");
    box.type = "checkbox";
    const name = document.createElement("span");
    name.textContent = label;
    line.append(box, name);
    item.append(line);
    box.addEventListener("change", () => {
      const kept = new Set(this.kept ?? this.rows.keys());
      if (box.checked) kept.add(label);
      else kept.delete(label);
      this.send([...this.rows.keys()].every((one) => kept.has(one)) ? null : kept);
    });
    return { item, box };
  }

  search() {
    const words = element("labels-search").value.trim().toLowerCase();
    for (const [label, { item }] of this.rows) item.hidden = !label.toLowerCase().includes(words);
  }

  async send(kept) {
    const before = this.kept;
    this.show(kept);
    if (!(await tried(() => change({ labels: kept && [...kept] })))) this.show(before);
  }
}
