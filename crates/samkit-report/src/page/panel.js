// What stands beside an enlarged image.

function panel(card, objects) {
  const failures = [
    ...(card.failure ? [[null, card.failure]] : []),
    ...card.results.filter((result) => result.failure).map((result) => [result.step, result.failure]),
  ];
  const warnings = [...card.warnings, ...card.results.flatMap((result) => result.warnings)];
  return [
    ...failures.map(([step, failure]) => problem(step, failure)),
    ...warnings.map((warning) => element("p", { class: "note" }, ...prose(warning))),
    objectList(objects),
    facts(card),
    files(card),
  ].filter(Boolean);
}

/** A failure with its reason and what to do. */
function problem(step, failure) {
  const title = step ? element("b", {}, name(step), " failed: ") : null;
  const help = failure.help ? element("span", { class: "hint" }, ...prose(failure.help)) : null;
  return element("p", { class: "problem" }, title, ...prose(failure.message), help);
}

function facts(card) {
  const rows = [];
  if (card.size) rows.push(["Size", `${grouped(card.size[0])} × ${grouped(card.size[1])}`]);
  if (card.seconds !== null) rows.push(["Time", duration(card.seconds)]);
  const several = card.results.filter((result) => result.numbers.length > 0).length > 1;
  for (const result of card.results) {
    for (const [title, number] of result.numbers) {
      rows.push([several ? `${result.step}: ${title}` : title, measured(number)]);
    }
  }
  if (rows.length === 0) return null;
  const cells = rows.map(([title, value]) =>
    element("div", {}, element("dt", {}, name(title)), element("dd", {}, value)),
  );
  return element("dl", { class: "numbers" }, ...cells);
}

/** Links to files on disk, relative to the page. */
function files(card) {
  const paths = card.results.flatMap((result) => result.files);
  if (paths.length === 0) return null;
  const link = (path) => {
    const href = `./${path.split("/").map(encodeURIComponent).join("/")}`;
    return element("li", {}, element("a", { href, target: "_blank", rel: "noopener" }, name(path)));
  };
  return element("div", { class: "files" }, element("h3", {}, "Files"), element("ul", {}, ...paths.map(link)));
}

function objectList(objects) {
  if (!show.result?.objects) return null;
  if (objects.length === 0) return element("p", { class: "hint" }, "Nothing was found in this image.");
  const order = objects.map((object, number) => number);
  // The most certain first; without scores the largest, which is the order they come in.
  order.sort((a, b) => (objects[b].score ?? -1) - (objects[a].score ?? -1) || a - b);
  const list = element("ul", { class: "objects" });
  for (const number of order) {
    show.rows[number] = row(objects[number], number);
    list.append(show.rows[number]);
  }
  const all = (on) => () => show.rows.forEach((row, number) => turn(number, on));
  const button = (text, on) => element("button", { type: "button", class: "quiet", click: all(on) }, text);
  const head = element(
    "div",
    { class: "list-head" },
    element("h3", {}, counted(objects.length, "object")),
    button("All", true),
    button("None", false),
  );
  return element("div", {}, head, list);
}

function row(object, number) {
  const [width, height] = show.entry.card.size;
  const box = element("input", { type: "checkbox", change: () => turn(number, box.checked) });
  box.checked = true;
  box.addEventListener("focus", () => box.matches(":focus-visible") && light(number));
  const title = titleOf(object);
  const node = element(
    "li",
    { class: "row" },
    element(
      "label",
      {},
      box,
      element("i", { class: "swatch", style: `--color: ${color(number)}` }),
      name(title, { class: "label", title }),
      element("span", { class: "score", title: "score" }, object.score === null ? "" : score(object.score)),
      element("span", { class: "area", title: "share of the image" }, share(object.area, width * height)),
    ),
  );
  node.addEventListener("pointerenter", () => light(number));
  node.addEventListener("pointerleave", () => light(show.pinned));
  return node;
}

/** Shows or hides an object. */
function turn(number, on) {
  show.shapes[number].classList.toggle("off", !on);
  show.rows[number].classList.toggle("off", !on);
  show.rows[number].querySelector("input").checked = on;
}
