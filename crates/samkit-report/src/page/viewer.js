// One image enlarged, with its objects.

const viewer = document.getElementById("viewer");
const part = (selector) => viewer.querySelector(selector);
const HINT = "Point at an object here or in the list.";

/** What is on show: the card's entry, the result chosen, objects by number. */
const show = { index: null, entry: null, result: null, original: false, shapes: [], rows: [], pinned: null };

function openViewer(index) {
  load(index);
  if (!viewer.open) viewer.showModal();
  document.documentElement.classList.add("still");
  part(".panel").scrollTop = 0;
}

function load(index) {
  const entry = takeUp(index);
  if (show.entry) putDown(show.index);
  Object.assign(show, { index, entry, original: false });
  const { card } = entry;
  zoom(false);
  show.result = resultOf(card, look.step) ?? card.results.findLast(hasView) ?? null;
  part("h2").replaceChildren(name(card.name));
  const order = shown.findIndex((cell) => cell.summary.index === index);
  part(".position").textContent = order < 0 ? "" : `${order + 1} of ${shown.length}`;
  part("[name=previous]").disabled = order <= 0;
  part("[name=next]").disabled = order < 0 || order + 1 >= shown.length;
  draw();
}

/** Draws the picture, the switches and the panel for what is chosen. */
function draw() {
  const { card } = show.entry;
  const { result } = show;
  Object.assign(show, { shapes: [], rows: [], pinned: null });
  const objects = result?.objects ?? [];
  if (!card.picture) part(".frame").replaceChildren(element("p", { class: "bare" }, "no picture"));
  else if (result?.picture) {
    const picture = show.original ? card.picture : result.picture;
    showOn(image(show.entry, picture, card.name));
  } else {
    show.shapes = objects.map(largeShape);
    show.shapes.forEach((shape, number) => listen(shape, number));
    showOn(
      image(show.entry, card.picture, card.name),
      drawing(card.picture, show.shapes, { "aria-hidden": "true" }),
    );
  }
  switches();
  part(".matter").replaceChildren(...panel(card, objects));
  light(null);
  conceal();
  // What had the focus may be gone, and keys would go nowhere.
  if (viewer.open && !viewer.contains(document.activeElement)) viewer.focus();
}

/** Puts a picture and what lies on it into the frame, whatever its zoom. */
function showOn(...layers) {
  part(".frame").replaceChildren(element("div", { class: "canvas" }, ...layers));
}

function switches() {
  const { card } = show.entry;
  const views = [...new Set(card.results.filter(hasView).map((result) => result.step))];
  const choice = (text, pressed, choose) =>
    element("button", { type: "button", "aria-pressed": String(pressed), click: choose }, name(text));
  const original = choice("Image", show.original, () => choose(true, show.result));
  const others = views.map((step) =>
    choice(step, !show.original && step === show.result?.step, () => choose(false, resultOf(card, step))),
  );
  part(".switches .segments").replaceChildren(...(views.length > 0 ? [original, ...others] : []));
}

function choose(original, result) {
  const same = result === show.result && !result?.picture;
  Object.assign(show, { original, result });
  if (same) {
    conceal();
    switches();
  } else draw();
  part(".switches [aria-pressed=true]")?.focus();
}

/** Hides the drawing over the original image. */
function conceal() {
  part(".frame").classList.toggle("plain", show.original);
}

function listen(node, number) {
  node.addEventListener("pointerenter", () => light(number));
  node.addEventListener("pointerleave", () => light(show.pinned));
  node.addEventListener("click", () => {
    show.pinned = show.pinned === number ? null : number;
    light(show.pinned ?? number);
  });
}

/** Lights up one object in the picture and in the list; none for null. */
function light(number) {
  part(".frame").classList.toggle("lit", number !== null);
  show.shapes.forEach((shape, other) => shape.classList.toggle("lit", other === number));
  show.rows.forEach((row, other) => row.classList.toggle("lit", other === number));
  const objects = show.result?.objects ?? [];
  const caption = part(".caption");
  if (number === null) caption.textContent = objects.length > 0 ? HINT : "";
  else {
    caption.replaceChildren(...description(objects[number], number));
    bringIntoView(show.rows[number]);
  }
}

/** Scrolls the panel, and nothing around it, so that a row is seen. */
function bringIntoView(row) {
  const [around, inside] = [part(".panel").getBoundingClientRect(), row.getBoundingClientRect()];
  const above = Math.min(0, inside.top - around.top);
  const below = Math.max(0, inside.bottom - around.bottom);
  part(".panel").scrollTop += above + below;
}

function description(object, number) {
  const [width, height] = show.entry.card.size;
  const [x0, y0, x1, y1] = object.box;
  const facts = [
    object.score !== null && `score ${score(object.score)}`,
    `${grouped(object.area)} px (${share(object.area, width * height)})`,
    `at ${x0}, ${y0} · ${x1 - x0} × ${y1 - y0}`,
  ].filter(Boolean);
  const swatch = element("i", { class: "swatch", style: `--color: ${color(number)}` });
  return [swatch, element("b", {}, name(titleOf(object))), ` ${facts.join(" · ")}`];
}

const titleOf = (object) => object.label || `object ${object.number}`;

function step(by) {
  const order = shown.findIndex((cell) => cell.summary.index === show.index);
  const next = order < 0 ? undefined : shown[order + by];
  if (next) load(next.summary.index);
}

part("[name=previous]").addEventListener("click", () => step(-1));
part("[name=next]").addEventListener("click", () => step(1));
part("[name=close]").addEventListener("click", () => viewer.close());
viewer.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "ArrowLeft") step(-1);
  else if (event.key === "ArrowRight") step(1);
  else if (event.key === "z") turnZoom();
  else if (event.key === "o") choose(!show.original, show.result);
  else return;
  event.preventDefault();
});
viewer.addEventListener("close", () => {
  document.documentElement.classList.remove("still");
  const { open, node } = cells[show.index];
  putDown(show.index);
  Object.assign(show, { index: null, entry: null, result: null, shapes: [], rows: [] });
  part(".frame").replaceChildren();
  node.scrollIntoView({ block: "nearest" });
  open.focus({ preventScroll: true });
});
