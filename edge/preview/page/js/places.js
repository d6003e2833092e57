// The list of lines and zones with its form, and the steps from "Add" to "Save".

import { change, element, tried } from "./api.js";
import { Shapes, least } from "./shapes.js";

const NO_TRACKER = "Lines count who crosses them, which needs a tracker: start edge-camera with --track. Zones need none.";
const TOUCH_HINTS = {
  draw: "Tap the picture to set corners, then tap Finish.",
  edit: "Drag the corners, then save.",
};
const KEY_HINTS = {
  draw: "Click to set corners; with the keys: arrows move, Space sets. Enter finishes, Backspace takes one back, Escape ends.",
  edit: "Drag the corners, or move to one with Tab and move it with the arrows; Delete removes it. Then save.",
};

export class Places {
  constructor() {
    this.all = {}; // by source; "" is every source
    this.camera = "";
    this.counts = new Map();
    this.shapes = new Shapes((what) => this.onEdit(what));
    element("add-zone").addEventListener("click", () => this.draw("zone"));
    element("add-line").addEventListener("click", () => this.draw("line"));
    element("draw-finish").addEventListener("click", () => this.finish());
    element("draw-undo").addEventListener("click", () => this.shapes.undo());
    element("draw-cancel").addEventListener("click", () => this.end());
    element("place-cancel").addEventListener("click", () => this.end());
    element("place-delete").addEventListener("click", () => this.remove(this.shapes.edited));
    element("place").addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
  }

  /** Show the lines and zones of a source. What is being edited stays. */
  show(all, camera) {
    if (camera !== this.camera) {
      this.end();
      this.shapes.setDrawn([]);
    }
    this.all = all;
    this.camera = camera;
    this.shapes.setShapes(this.rows().map(({ shape }) => shape));
    this.list();
  }

  /** Say before anybody draws a line that nothing would be counted at it. */
  setTracked(tracked) {
    element("add-line").disabled = !tracked;
    element("places-hint").textContent = tracked ? "" : NO_TRACKER;
    element("places-hint").hidden = tracked;
  }

  /** Show what was counted: the places of a result, which its picture shows already. */
  count(places) {
    this.counts = new Map((places ?? []).map((place) => [place.name, place.counts]));
    this.shapes.setDrawn([...this.counts.keys()]);
    for (const [name, node] of this.countNodes ?? []) {
      const words = Object.entries(this.counts.get(name) ?? {}).map(([what, count]) => `${what} ${count}`).join(" · ");
      if (words && node.textContent !== words) node.textContent = words;
    }
  }

  rows() {
    const keys = this.camera === "" ? [""] : ["", this.camera];
    return keys.flatMap((key) => (this.all[key] ?? []).map((shape) => ({ key, shape })));
  }

  /** Show the list, unless it is shown already: a button that is replaced would lose the focus. */
  list() {
    const rows = this.rows();
    const text = JSON.stringify(rows);
    if (text === this.listed) return;
    this.listed = text;
    this.countNodes = new Map();
    const items = rows.map(({ key, shape }) => {
      const item = document.createElement("li");
      const name = document.createElement("span");
      name.className = "name";
      name.textContent = shape.name;
      const detail = document.createElement("small");
      detail.textContent = shape.labels.join(", ") || `${shape.kind}, all labels`;
      this.countNodes.set(shape.name, detail);
      name.append(detail);
      const edit = document.createElement("button");
      edit.type = "button";
      edit.textContent = "Edit";
      edit.setAttribute("aria-label", `Edit ${shape.kind} ${shape.name}`);
      edit.addEventListener("click", () => this.open({ ...shape, points: shape.points.map((one) => [...one]), key, before: shape.name }));
      item.append(icon(shape.kind), name, edit);
      return item;
    });
    element("places").replaceChildren(...items);
  }

  draw(kind) {
    this.end();
    const names = new Set(this.rows().map(({ shape }) => shape.name));
    let number = 1;
    while (names.has(`${kind} ${number}`)) number += 1;
    const shape = { kind, name: `${kind} ${number}`, points: [], labels: [], anchor: "bottom", drawing: true };
    this.shapes.edit({ ...shape, dwell: 0, key: this.camera, before: null });
    this.controls();
    element("stage").focus();
    element("stage").scrollIntoView({ block: "nearest" });
  }

  finish() {
    const shape = this.shapes.edited;
    if (!shape?.drawing || shape.points.length < least(shape.kind)) return;
    this.open({ ...shape, drawing: false });
    element("place-name").select();
  }

  open(shape) {
    this.shapes.edit(shape);
    element("place-name").value = shape.name;
    element("place-labels").value = shape.labels.join(", ");
    element("place-anchor").value = shape.anchor;
    element("place-dwell").value = shape.dwell ?? 0;
    element("place-dwell-label").hidden = shape.kind !== "zone";
    element("place-delete").hidden = shape.before === null;
    element("place").setAttribute("aria-label", `Edit ${shape.kind}`);
    this.controls();
    element("place-name").focus();
  }

  end() {
    const back = this.shapes.edited && document.activeElement !== document.body;
    this.shapes.edit(null);
    this.controls();
    if (back) element("add-zone").focus({ preventScroll: true });
  }

  controls() {
    const shape = this.shapes.edited;
    element("drawing").hidden = !shape;
    element("place").hidden = !shape || Boolean(shape.drawing);
    element("places-add").hidden = Boolean(shape);
    for (const name of ["draw-finish", "draw-undo", "draw-cancel"]) element(name).hidden = !shape?.drawing;
    if (!shape) return;
    const fingerOnly = matchMedia("(any-pointer: coarse) and (not (any-pointer: fine))").matches;
    const hints = fingerOnly ? TOUCH_HINTS : KEY_HINTS;
    element("hint").textContent = hints[shape.drawing ? "draw" : "edit"];
    element("draw-finish").disabled = shape.points.length < least(shape.kind);
    element("draw-undo").disabled = !shape.points.length;
  }

  onEdit(what) {
    if (what === "finish") this.finish();
    else if (what === "cancel") this.end();
    else this.controls();
  }

  async save() {
    const { kind, points, key, before } = this.shapes.edited;
    const labels = element("place-labels").value.split(",").map((one) => one.trim()).filter(Boolean);
    const shape = { kind, name: element("place-name").value.trim(), points, labels, anchor: element("place-anchor").value };
    if (kind === "zone") shape.dwell = Number(element("place-dwell").value) || 0;
    const rows = this.all[key] ?? [];
    const place = rows.findIndex((one) => one.name === before);
    await this.send(key, place < 0 ? [...rows, shape] : rows.map((one, i) => (i === place ? shape : one)));
  }

  async remove({ key, before }) {
    await this.send(key, (this.all[key] ?? []).filter((one) => one.name !== before));
  }

  async send(key, rows) {
    const done = await tried(async () => {
      const settings = await change({ shapes: { [key]: rows } });
      this.all = settings.shapes;
    });
    if (!done) return;
    this.end();
    this.show(this.all, this.camera);
  }
}

function icon(kind) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", kind === "zone" ? "M4 8 13 4l7 7-4 9-10-2z" : "M4 19 20 5M12 12l5 5m0-4v4h-4");
  svg.append(path);
  return svg;
}
