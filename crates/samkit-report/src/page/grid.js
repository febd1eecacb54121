// The grid of images. A cell's pictures exist only while it is near the window.

const grid = document.getElementById("grid");
/** How far beyond the window cells are filled, in pixels. */
const MARGIN = 800;
/** How long a frame may be spent on filling cells, in milliseconds. */
const SLICE = 6;

/** What is chosen for all cells. */
const look = { step: null, view: "both" };
const cells = summaries.map((summary) => cell(summary));
const waiting = new Set();

function cell(summary) {
  const facts = [
    summary.size && `${summary.size[0]} × ${summary.size[1]}`,
    summary.objects !== null && counted(summary.objects, "object"),
    summary.seconds !== null && duration(summary.seconds),
  ].filter(Boolean);
  const node = element("li", { class: "cell", "data-index": summary.index });
  const panes = element("span", { class: "panes" });
  const open = element(
    "button",
    {
      type: "button",
      class: "open",
      "aria-label": `Enlarge ${summary.name}, ${facts.join(", ")}`,
      click: () => openViewer(summary.index),
    },
    panes,
  );
  node.append(
    open,
    element("h3", { title: summary.name }, name(summary.name)),
    element("p", { class: "facts" }, facts.join(" · ")),
    ...labelLine(summary),
    ...summary.failures.map(([step, failure]) =>
      element("p", { class: "problem" }, ...prose(step ? `${step}: ${failure.message}` : failure.message)),
    ),
  );
  return { summary, node, open, panes, filled: false };
}

function labelLine(summary) {
  if (summary.labels.length === 0) return [];
  const labels = [...summary.labels].sort((a, b) => b[1] - a[1]);
  const words = labels.flatMap(([label, count], index) => [
    index > 0 ? " · " : "",
    name(label),
    count > 1 ? ` ${count}` : "",
  ]);
  return [element("p", { class: "found", title: labels.map(([label]) => label).join(", ") }, ...words)];
}

function fill(cell) {
  cell.filled = true;
  const entry = takeUp(cell.summary.index);
  const { card } = entry;
  if (!card.picture) {
    cell.panes.replaceChildren(element("span", { class: "pane bare" }, "no picture"));
    return;
  }
  const result = resultOf(card, look.step);
  const panes = [];
  if (look.view !== "result" || !result) panes.push(pane(image(entry, card.picture, "")));
  if (look.view !== "input" && result) panes.push(resultPane(entry, result));
  cell.panes.replaceChildren(...panes);
}

function resultPane(entry, result) {
  const { card } = entry;
  if (result.picture) return pane(image(entry, result.picture, ""));
  const shapes = result.objects.map(smallShape);
  const empty = shapes.length === 0 ? element("span", { class: "nothing" }, "nothing found") : null;
  return pane(image(entry, card.picture, ""), drawing(card.picture, shapes), empty);
}

const pane = (...children) => element("span", { class: "pane" }, ...children.filter(Boolean));

function empty(cell) {
  cell.panes.replaceChildren();
  if (cell.filled) putDown(cell.summary.index);
  cell.filled = false;
}

/** Fills what waits, a few cells a frame, so that scrolling never stops for it. */
function work() {
  const end = performance.now() + SLICE;
  for (const cell of waiting) {
    waiting.delete(cell);
    if (!cell.filled) fill(cell);
    if (performance.now() > end) break;
  }
  if (waiting.size > 0) requestAnimationFrame(work);
}

const watcher = new IntersectionObserver(
  (entries) => {
    const idle = waiting.size === 0;
    for (const { target, isIntersecting } of entries) {
      const cell = cells[target.dataset.index];
      if (isIntersecting) waiting.add(cell);
      else {
        waiting.delete(cell);
        empty(cell);
      }
    }
    if (idle && waiting.size > 0) requestAnimationFrame(work);
  },
  { rootMargin: `${MARGIN}px 0px` },
);

/** Draws what is filled again, after a choice for all cells has changed. */
function refill() {
  grid.dataset.view = look.view;
  for (const cell of cells.filter((cell) => cell.filled)) {
    // Its old pictures stay until the new ones are there.
    cell.filled = false;
    putDown(cell.summary.index);
    waiting.add(cell);
  }
  requestAnimationFrame(work);
}
