// Elements, and numbers as people read them. Texts go in as text nodes only, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (functions become listeners; null and false are left out). */
function element(name, attributes = {}, ...children) {
  return dressed(document.createElement(name), attributes, children);
}

function svgElement(name, attributes = {}, ...children) {
  return dressed(document.createElementNS(SVG, name), attributes, children);
}

function dressed(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A name or label of the user's: its writing direction stays its own. */
function name(text, attributes = {}) {
  return element("bdi", attributes, text);
}

/** A message: what stands between backticks is a name or a value. */
function prose(text) {
  const parts = text.split("`");
  // An odd one has no partner.
  if (parts.length % 2 === 0) return [text];
  return parts.map((part, index) => (index % 2 === 0 ? part : element("code", {}, part)));
}

function counted(count, noun) {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A whole number with thin spaces between thousands. */
function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** A measured number: as it is when it is whole, else with three digits that count. */
function measured(number) {
  if (number === null) return "–";
  if (Number.isInteger(number)) return number < 0 ? String(number) : grouped(number);
  return Math.abs(number) >= 100 ? number.toFixed(1) : String(Number(number.toPrecision(3)));
}

function share(part, whole) {
  const percent = (100 * part) / whole;
  return percent >= 10 ? `${percent.toFixed(0)}%` : percent >= 0.1 ? `${percent.toFixed(1)}%` : "<0.1%";
}

const score = (value) => value.toFixed(2);
