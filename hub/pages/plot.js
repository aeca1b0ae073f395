// Plots as inline SVG. What a plot shows is also its label, for who cannot see it.
import { count } from "/pages/dom.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const ROW = 40, BAR = 8; // pixels
const SHARES_BAR = 28, SHARES_TOP = 38, LINE = 24; // pixels

function shape(name, attributes, text) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const labelOf = (title, items) => `${title}: ${items.map(({ name, value }) => `${name} ${count(value)}`).join("; ")}`;

// Bars below each other; widths are shares, so that the plot fits a phone as well.
export function bars(title, items) {
  const most = Math.max(1, ...items.map(({ value }) => value));
  const plot = shape("svg", { width: "100%", height: items.length * ROW, role: "img", "aria-label": labelOf(title, items) });
  for (const [n, { name, value }] of items.entries()) {
    const top = n * ROW;
    plot.append(
      shape("text", { x: 0, y: top + 18 }, name),
      shape("text", { x: "100%", y: top + 18, "text-anchor": "end", class: "soft" }, count(value)),
      shape("rect", { x: 0, y: top + 25, width: "100%", height: BAR, rx: 3, class: "track" }),
      shape("rect", { x: 0, y: top + 25, width: `${(100 * value) / most}%`, height: BAR, rx: 3, class: "bar" }));
  }
  return plot;
}

// How much of a whole has gone: one bar.
export function strip(title, value, whole) {
  const plot = shape("svg", { width: "100%", height: BAR, role: "img", "aria-label": title });
  const share = whole > 0 ? Math.min(1, Math.max(0, value / whole)) : 1;
  plot.append(
    shape("rect", { x: 0, y: 0, width: "100%", height: BAR, rx: 3, class: "track" }),
    shape("rect", { x: 0, y: 0, width: `${100 * share}%`, height: BAR, rx: 3, class: "bar" }));
  return plot;
}

// The parts of a whole side by side, with a line of its own for each below: its colour, name and amount.
// `items`: { name, value, text }; a part of nothing keeps its line.
export function shares(title, items) {
  const whole = items.reduce((sum, { value }) => sum + value, 0);
  const label = `${title}: ${items.map(({ name, text }) => `${name} ${text}`).join("; ")}`;
  const plot = shape("svg", { width: "100%", height: SHARES_TOP + items.length * LINE, role: "img", "aria-label": label, class: "shares" });
  plot.append(shape("rect", { x: 0, y: 0, width: "100%", height: SHARES_BAR, class: "track" }));
  let left = 0;
  for (const [n, { name, value, text }] of items.entries()) {
    const share = whole > 0 ? (100 * value) / whole : 0, top = SHARES_TOP + n * LINE;
    if (value > 0) plot.append(shape("rect", { x: `${left}%`, y: 0, width: `${share}%`, height: SHARES_BAR, class: `part-${n}` }));
    left += share;
    plot.append(
      shape("rect", { x: 0, y: top + 4, width: 14, height: 14, rx: 2, class: `part-${n}` }),
      shape("text", { x: 22, y: top + 16 }, name),
      shape("text", { x: "100%", y: top + 16, "text-anchor": "end", class: value > 0 ? "" : "soft" }, text));
  }
  return plot;
}

// Tiles where they lie to each other on a map. `items`: { name, value, x, y, width, height } in tiles.
export function tiles(title, items, size = 88) {
  const most = Math.max(1, ...items.map(({ value }) => value));
  const [right, below] = [Math.max(...items.map((each) => each.x + each.width)), Math.max(...items.map((each) => each.y + each.height))];
  const plot = shape("svg", { viewBox: `0 0 ${right * size} ${below * size}`, width: right * size, role: "img", "aria-label": labelOf(title, items) });
  for (const { name, value, x, y, width, height } of items) {
    const [left, top, middle] = [x * size + 3, y * size + 3, (x + width / 2) * size];
    plot.append(
      shape("rect", { x: left, y: top, width: width * size - 6, height: height * size - 6, rx: 8, class: "tile", "fill-opacity": (0.06 + (0.34 * value) / most).toFixed(2) }),
      shape("text", { x: middle, y: (y + height / 2) * size - 4, "text-anchor": "middle", class: "tile-name" }, name),
      shape("text", { x: middle, y: (y + height / 2) * size + 20, "text-anchor": "middle", class: "tile-count" }, count(value)));
  }
  return plot;
}
