// The page: failures, filters, order.

const tools = document.getElementById("tools");
const labelBar = document.getElementById("labels");
/** Cells that fit the filters, in the order that is chosen. */
let shown = cells;
let chosenLabel = null;

const ORDERS = {
  run: () => 0,
  name: (a, b) => compareNames(a.name, b.name),
  objects: (a, b) => b.objects - a.objects,
  score: (a, b) => b.score - a.score,
  seconds: (a, b) => b.seconds - a.seconds,
};
const { compare: compareNames } = new Intl.Collator(undefined, { numeric: true });

/** Puts the cells in order and hides those that do not fit. */
function arrange() {
  const words = tools.elements.find.value.trim().toLowerCase();
  const sort = tools.elements.sort.value;
  const turned = tools.elements.reverse.getAttribute("aria-pressed") === "true" ? -1 : 1;
  const fits = ({ summary }) =>
    summary.words.includes(words) &&
    (chosenLabel === null || summary.labels.some(([label]) => label === chosenLabel));
  const known = ({ summary }) => sort === "run" || sort === "name" || summary[sort] !== null;
  const compare = (a, b) =>
    // What has no value comes last, whatever the direction.
    known(b) - known(a) ||
    (known(a) && turned * ORDERS[sort](a.summary, b.summary)) ||
    turned * (a.summary.index - b.summary.index);
  const ordered = [...cells].sort(compare);
  shown = ordered.filter(fits);
  const visible = new Set(shown);
  for (const cell of cells) cell.node.hidden = !visible.has(cell);
  grid.replaceChildren(...ordered.map((cell) => cell.node));
  const all = counted(cells.length, "image");
  tools.querySelector(".count").textContent =
    shown.length === cells.length ? all : `${grouped(shown.length)} of ${all}`;
  document.getElementById("empty").hidden = shown.length > 0 || cells.length === 0;
}

/** The most frequent labels, as buttons. */
function labelButtons() {
  const images = new Map();
  for (const [label] of summaries.flatMap((summary) => summary.labels)) {
    images.set(label, (images.get(label) ?? 0) + 1);
  }
  const frequent = [...images].sort((a, b) => b[1] - a[1]).slice(0, 16);
  const button = ([label, count]) => {
    const choose = () => {
      chosenLabel = chosenLabel === label ? null : label;
      for (const other of labelBar.children) {
        other.setAttribute("aria-pressed", String(other === node && chosenLabel !== null));
      }
      arrange();
    };
    const node = element(
      "button",
      { type: "button", class: "chip", "aria-pressed": "false", click: choose },
      name(label),
      element("span", { class: "aside-count" }, grouped(count)),
    );
    return node;
  };
  labelBar.replaceChildren(...frequent.map(button));
  labelBar.hidden = images.size < 2;
}

/** Failures, at the top. Long lists are cut until they are asked for. */
function failureList() {
  const FIRST = 6;
  const failed = summaries.filter((summary) => summary.failures.length > 0);
  const section = document.getElementById("failures");
  section.hidden = failed.length === 0;
  section.querySelector("h2").textContent = `${counted(failed.length, "image")} with failures`;
  const list = section.querySelector("ul");
  list.replaceChildren(...failed.slice(0, FIRST).map(failureItem));
  const more = section.querySelector(":scope > button");
  more.hidden = failed.length <= FIRST;
  more.textContent = `Show all ${grouped(failed.length)}`;
  more.addEventListener("click", () => {
    list.append(...failed.slice(FIRST).map(failureItem));
    more.hidden = true;
    list.children[FIRST].querySelector("button").focus();
  });
}

function failureItem(summary) {
  return element("li", {}, linkTo(summary), ...summary.failures.map(([step, failure]) => problem(step, failure)));
}

function linkTo(summary) {
  return element(
    "button",
    { type: "button", class: "link", click: () => openViewer(summary.index) },
    name(summary.name),
  );
}

function warningList() {
  const warned = summaries.filter((summary) => summary.warnings.length > 0);
  const fold = document.getElementById("warnings");
  fold.hidden = warned.length === 0;
  fold.querySelector("summary").textContent = `${counted(warned.length, "image")} with warnings`;
  const item = (summary) =>
    element("li", {}, linkTo(summary), ...summary.warnings.map((text) => element("p", {}, ...prose(text))));
  fold.querySelector("ul").replaceChildren(...warned.map(item));
}

/** The steps to choose from, and the last that finds things, or else the last, as the first choice. */
function stepChoice() {
  const hasObjects = new Map(summaries.flatMap((summary) => summary.steps));
  const steps = [...hasObjects.keys()];
  look.step = steps.findLast((step) => hasObjects.get(step)) ?? steps.at(-1) ?? null;
  const select = tools.elements.step;
  select.replaceChildren(...steps.map((step) => element("option", { value: step }, step)));
  if (look.step !== null) select.value = look.step;
  select.closest("label").hidden = steps.length < 2;
  tools.querySelector(".segments").hidden = steps.length === 0;
}

function listenToTools() {
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.elements.find.addEventListener("input", arrange);
  tools.elements.sort.addEventListener("change", arrange);
  tools.elements.reverse.addEventListener("click", ({ currentTarget: button }) => {
    const turned = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(turned));
    button.textContent = turned ? "↑" : "↓";
    arrange();
  });
  tools.elements.step.addEventListener("change", ({ target }) => {
    look.step = target.value;
    refill();
  });
  for (const radio of tools.querySelectorAll("[name=view]")) {
    radio.addEventListener("change", () => {
      look.view = radio.value;
      refill();
    });
  }
  document.querySelector("#empty button").addEventListener("click", () => {
    tools.elements.find.value = "";
    chosenLabel = null;
    for (const button of labelBar.children) button.setAttribute("aria-pressed", "false");
    arrange();
    tools.elements.find.focus();
  });
}

failureList();
warningList();
labelButtons();
stepChoice();
listenToTools();
document.getElementById("settings").hidden = !document.querySelector(".settings section");
tools.hidden = cells.length === 0;
grid.dataset.view = look.view;
arrange();
cells.forEach((cell) => watcher.observe(cell.node));
// Paper has no window to be near to.
addEventListener("beforeprint", () => shown.forEach((cell) => cell.filled || fill(cell)));
