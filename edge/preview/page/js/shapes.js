// Lines and zones over the picture: shown, drawn and moved with the mouse, a finger or the keys.

import { element } from "./api.js";

const SVG = "http://www.w3.org/2000/svg";
const STEP = 0.01;
const BIG_STEP = 0.05;
const HANDLE = 9; // pixels of the screen
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const clamp = (value) => Math.min(1, Math.max(0, value));
const rounded = (value) => Math.round(clamp(value) * 10000) / 10000;
export const least = (kind) => (kind === "zone" ? 3 : 2);

function make(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

export class Shapes {
  /** @param onEdit called when the edited shape changes or a key ends the drawing: "changed", "finish", "cancel" */
  constructor(onEdit) {
    this.svg = element("overlay");
    this.stage = element("stage");
    this.size = [640, 360];
    this.shapes = [];
    this.drawn = []; // the names of those that are drawn in the picture itself
    this.edited = null; // {kind, name, points, drawing}
    this.cursor = [0.5, 0.5];
    this.onEdit = onEdit;
    this.svg.addEventListener("pointerdown", (event) => this.down(event));
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    this.svg.addEventListener("pointerup", () => (this.dragged = null));
    this.svg.addEventListener("pointercancel", () => (this.dragged = null));
    this.stage.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.render()).observe(this.stage);
  }

  setSize(width, height) {
    this.size = [width, height];
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.render();
  }

  setShapes(shapes) {
    this.shapes = shapes;
    this.render();
  }

  setDrawn(names) {
    if (names.join("\n") === this.drawn.join("\n")) return;
    this.drawn = names;
    this.render();
  }

  edit(shape) {
    this.edited = shape;
    this.cursor = [0.5, 0.5];
    this.dragged = null;
    this.svg.classList.toggle("editing", shape !== null);
    this.render();
  }

  undo() {
    this.edited.points.pop();
    this.changed();
  }

  changed() {
    this.render();
    this.onEdit("changed");
  }

  /** Return where a pointer is, as fractions of the frame. */
  at(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return [rounded(point.x / this.size[0]), rounded(point.y / this.size[1])];
  }

  down(event) {
    if (!this.edited || event.button !== 0) return;
    event.preventDefault();
    const handle = event.target.dataset?.corner;
    if (handle !== undefined) {
      if (this.edited.drawing && handle === "0" && this.edited.points.length >= least(this.edited.kind)) {
        this.onEdit("finish"); // the first corner closes a zone
        return;
      }
      this.dragged = Number(handle);
      this.svg.setPointerCapture(event.pointerId);
    } else if (this.edited.drawing) {
      this.cursor = this.at(event);
      this.edited.points.push(this.cursor);
      this.changed();
    }
  }

  move(event) {
    if (!this.edited) return;
    if (this.dragged !== null && this.dragged !== undefined) {
      this.edited.points[this.dragged] = this.at(event);
      this.changed();
    } else if (this.edited.drawing) {
      this.cursor = this.at(event);
      this.render();
    }
  }

  key(event) {
    if (!this.edited) return;
    const corner = event.target.dataset?.corner;
    const arrow = ARROWS[event.key];
    if (arrow) {
      const step = event.shiftKey ? BIG_STEP : STEP;
      const moved = ([x, y]) => [rounded(x + arrow[0] * step), rounded(y + arrow[1] * step)];
      if (corner !== undefined) this.edited.points[corner] = moved(this.edited.points[corner]);
      else this.cursor = moved(this.cursor);
    } else if (event.key === " " && this.edited.drawing) this.edited.points.push([...this.cursor]);
    else if (event.key === "Enter" && this.edited.drawing) return this.done(event, "finish");
    else if (event.key === "Escape") return this.done(event, "cancel");
    else if (event.key === "Backspace" && this.edited.drawing) this.edited.points.pop();
    else if (event.key === "Delete" && corner !== undefined && this.edited.points.length > least(this.edited.kind)) {
      this.edited.points.splice(corner, 1);
    } else return;
    event.preventDefault();
    this.changed();
    if (corner !== undefined) this.svg.querySelector(`[data-corner="${corner}"]`)?.focus();
  }

  done(event, what) {
    event.preventDefault();
    this.onEdit(what);
  }

  place([x, y]) {
    return [x * this.size[0], y * this.size[1]];
  }

  /** Return the length in the drawing of pixels of the screen. */
  pixels(count) {
    const shown = this.svg.getScreenCTM()?.a || 1;
    return count / shown;
  }

  render() {
    const others = this.shapes.filter((one) => !this.drawn.includes(one.name) && one.name !== this.edited?.before);
    const nodes = others.flatMap((shape) => this.outline(shape, false));
    if (this.edited) {
      nodes.push(...this.outline(this.edited, true), ...this.edited.points.map((point, i) => this.handle(point, i)));
      if (this.edited.drawing) nodes.push(this.cross());
    }
    this.svg.replaceChildren(...nodes);
  }

  outline(shape, active) {
    if (!shape.points.length) return [];
    const points = shape.points.map((point) => this.place(point));
    const form = shape.kind === "zone" && points.length > 2 ? "polygon" : "polyline";
    const text = points.map((point) => point.join(",")).join(" ");
    const nodes = [
      make(form, { class: "shape-rim", points: text }),
      make(form, { class: active ? "shape active" : "shape", points: text }),
    ];
    if (shape.kind === "line" && points.length > 1) nodes.push(...this.arrow(points, active));
    if (shape.name && !active) nodes.push(this.name(shape.name, points));
    return nodes;
  }

  /** Return an arrow to the side that counts as "in": the right one, seen along the line. */
  arrow(points, active) {
    const half = Math.floor((points.length - 1) / 2);
    const [[x0, y0], [x1, y1]] = [points[half], points[half + 1]];
    const long = Math.hypot(x1 - x0, y1 - y0) || 1;
    const [along, across] = [[(x1 - x0) / long, (y1 - y0) / long], [-(y1 - y0) / long, (x1 - x0) / long]];
    const size = this.pixels(16);
    const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
    const tip = [x + across[0] * size, y + across[1] * size];
    const wing = (side) =>
      [0, 1].map((axis) => tip[axis] - across[axis] * size * 0.4 + side * along[axis] * size * 0.4).join(" ");
    const d = `M${x} ${y}L${tip.join(" ")}M${wing(1)}L${tip.join(" ")}L${wing(-1)}`;
    return [make("path", { class: "shape-rim", d }), make("path", { class: active ? "shape active" : "shape", d })];
  }

  name(name, points) {
    const [x, y] = points.reduce((best, point) => (point[1] < best[1] ? point : best));
    const size = this.pixels(13);
    const label = make("text", { class: "shape-name", "font-size": size, x: x + size / 3, y: Math.max(size, y - size / 2) });
    label.textContent = name;
    return label;
  }

  handle(point, index) {
    const [cx, cy] = this.place(point);
    const [x, y] = point.map((value) => Math.round(value * 100));
    const label = `Corner ${index + 1}, ${x} % from the left, ${y} % from the top`;
    const attributes = { class: "handle", cx, cy, r: this.pixels(HANDLE), "data-corner": index };
    return make("circle", { ...attributes, tabindex: 0, role: "button", "aria-label": label });
  }

  cross() {
    const [x, y] = this.place(this.cursor);
    const size = this.pixels(10);
    return make("path", { class: "cross", d: `M${x - size} ${y}H${x + size}M${x} ${y - size}V${y + size}` });
  }
}
