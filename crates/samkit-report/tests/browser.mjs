// Opens pages in Chromium and uses them as people do. Not part of `cargo test`, because it needs a
// browser and Node:
//
//   cargo run --release -p samkit-report --example gallery -- /tmp/few.html 40 FOLDER…
//   cargo run --release -p samkit-report --example gallery -- /tmp/many.html 500 FOLDER…
//   npm install --prefix /tmp/browser playwright-core
//   NODE_PATH=/tmp/browser/node_modules node crates/samkit-report/tests/browser.mjs \
//       /tmp/few.html /tmp/many.html /tmp/shots
//
// The first page is used and photographed, the second is measured. CHROMIUM names the browser
// (/usr/bin/chromium). Some photographs must have objects with different labels, as COCO's.

import assert from "node:assert/strict";
import { mkdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const { chromium } = createRequire(import.meta.url)("playwright-core");
const [few, many, shots] = process.argv.slice(2).map((path) => resolve(path));
assert(few && many && shots, "expected two pages and a folder for screenshots");
mkdirSync(shots, { recursive: true });
const WIDTHS = [
  { width: 1400, height: 900, colorScheme: "light" },
  { width: 420, height: 860, colorScheme: "dark" },
];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
for (const look of WIDTHS) await use(look);
await measure();
await browser.close();

/** A page whose complaints and requests are kept. */
async function open(path, { width, height, colorScheme }) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  const [complaints, requests] = [[], []];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => complaints.push(`dialog: ${dialog.message()}`));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(`file://${path}`);
  const check = () => {
    assert.deepEqual(complaints, []);
    const others = requests.filter((url) => !/^(blob|data):/.test(url));
    assert.deepEqual(others.slice(1), [], "the page asks for nothing but itself");
  };
  return { page, check };
}

async function use(look) {
  const { page, check } = await open(few, look);
  const shoot = async (title) => {
    // Pictures are decoded beside the page's own work.
    await page.waitForTimeout(500);
    await page.screenshot({ path: `${shots}/${look.width}-${title}.png` });
  };
  const count = () => page.locator(".cell:visible").count();
  const overflow = () =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

  await page.locator(".pane img").first().waitFor();
  const all = await count();
  assert.equal(all, await page.locator("script.card").count());
  await shoot("top");
  assert.equal(await overflow(), 0, "nothing is wider than the window");

  console.log(`${look.width}: names that look like markup`);
  const broken = page.locator(".cell h3", { hasText: "<b>\"broken\"</b> & </script>" });
  assert.equal(await broken.count(), 1);
  assert.equal(await page.locator(".cell h3 b, .failures li").first().evaluate((node) => node.tagName), "LI");
  assert.equal(await page.locator("#failures li").count(), 2);
  await page.locator("#settings > summary").click();
  await shoot("settings");
  await page.locator("#settings > summary").click();

  console.log(`${look.width}: filters and order`);
  const find = page.locator("[name=find]");
  await find.fill("BROKEN");
  assert.equal(await count(), 1);
  await find.fill("no such thing at all");
  assert.equal(await count(), 0);
  await page.locator("#empty button").click();
  assert.equal(await count(), all);
  const chip = page.locator("#labels .chip").first();
  const label = await chip.locator("bdi").textContent();
  const having = Number(await chip.locator(".aside-count").textContent());
  await chip.click();
  assert.equal(await count(), having);
  await shoot("label");
  await chip.click();
  await find.fill(label);
  assert((await count()) >= having);
  await find.fill("");
  const objects = () =>
    page.locator(".cell:visible .facts").evaluateAll((all) =>
      all.map((facts) => facts.textContent.match(/(\d+) object/)).filter(Boolean).map((found) => Number(found[1])),
    );
  await page.locator("[name=sort]").selectOption("objects");
  const most = await objects();
  assert.deepEqual(most, most.toSorted((a, b) => b - a));
  await page.locator("[name=reverse]").click();
  const least = await objects();
  assert.deepEqual(least, least.toSorted((a, b) => a - b));
  assert.match(await page.locator(".cell:visible h3").last().textContent(), /broken/, "no number comes last");
  await page.locator("[name=reverse]").click();

  console.log(`${look.width}: what cells show`);
  await page.locator(".tools .segments label", { hasText: "Result" }).click();
  await shoot("results");
  const first = page.locator(".cell:visible").first();
  assert.equal(await first.locator(".pane").count(), 1);
  assert((await first.locator("svg path").count()) > 0);
  await page.locator("[name=step]").selectOption("edges");
  await page.waitForTimeout(300);
  assert.equal(await first.locator("svg").count(), 0);
  await shoot("edges");
  await page.locator("[name=step]").selectOption("masks");
  await page.locator(".tools .segments label", { hasText: "Both" }).click();
  await page.waitForTimeout(300);
  assert.equal(await first.locator(".pane").count(), 2);

  console.log(`${look.width}: the viewer`);
  await first.locator(".open").focus();
  await page.keyboard.press("Enter");
  const viewer = page.locator("#viewer");
  assert(await viewer.isVisible());
  await shoot("viewer");
  const shapes = page.locator(".object");
  const rows = page.locator(".row");
  assert.equal(await shapes.count(), most[0]);
  assert.equal(await rows.count(), most[0]);

  // The drawing lies on the picture: same place, same shape.
  const together = await page.evaluate(() => {
    const [image, svg] = [".frame img", ".frame svg"].map((one) => document.querySelector(one));
    const [a, b] = [image.getBoundingClientRect(), svg.getBoundingClientRect()];
    const box = svg.viewBox.baseVal;
    return (
      a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height &&
      box.width === image.naturalWidth && box.height === image.naturalHeight
    );
  });
  assert(together);

  await rows.nth(1).hover();
  assert.equal(await page.locator(".object.lit").count(), 1);
  assert.match(await page.locator(".caption").textContent(), /px \(/);
  await shoot("row");
  // The other way: point at the last one, which lies on top of the others.
  const place = await page.evaluate(() => {
    const last = [...document.querySelectorAll(".object")].at(-1);
    const { x, y, width, height } = last.getBoundingClientRect();
    for (let step = 0; step < 400; step += 1) {
      const point = [x + (width * ((step % 20) + 0.5)) / 20, y + (height * (Math.floor(step / 20) + 0.5)) / 20];
      if (last.contains(document.elementFromPoint(...point))) return point;
    }
    return null;
  });
  await page.mouse.move(...place);
  assert(await shapes.last().evaluate((shape) => shape.classList.contains("lit")));
  assert.equal(await page.locator(".row.lit").count(), 1);
  // Once chosen it stays lit when the pointer goes on.
  await page.mouse.click(...place);
  await page.mouse.move(2, 300);
  assert.equal(await page.locator(".object.lit").count(), 1);
  await shoot("object");

  await rows.first().locator("input").uncheck();
  assert.equal(await page.locator(".object.off").count(), 1);
  await page.getByRole("button", { name: "None", exact: true }).click();
  assert.equal(await page.locator(".object:visible").count(), 0);
  await page.getByRole("button", { name: "All", exact: true }).click();
  assert.equal(await page.locator(".object:visible").count(), most[0]);
  await page.keyboard.press("o");
  assert.equal(await page.locator(".frame svg").isVisible(), false);
  await page.keyboard.press("o");
  assert(await page.locator(".frame svg").isVisible());
  const wide = () => page.locator(".canvas").evaluate((canvas) => canvas.clientWidth);
  const fitting = await wide();
  await page.keyboard.press("z");
  assert.equal(await wide(), Math.round(2.5 * fitting));
  await shoot("closer");
  await page.keyboard.press("z");
  assert.equal(await wide(), fitting);
  for (const title of ["edges", "found"]) {
    await page.locator(".switches .segments button", { hasText: title }).click();
    await shoot(`viewer-${title}`);
  }
  assert.equal(await page.locator(".object.box").count(), most[0]);

  const title = () => page.locator("#viewer-name").textContent();
  const before = await title();
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await title(), before);
  await page.keyboard.press("ArrowLeft");
  assert.equal(await title(), before);
  await page.keyboard.press("Escape");
  assert.equal(await viewer.isVisible(), false);
  const focused = await page.evaluate(() => document.activeElement.closest(".cell")?.querySelector("h3").textContent);
  assert.equal(focused, before, "focus goes back to the image's cell");

  await page.locator("#failures .link").first().click();
  assert(await page.locator(".panel .problem .hint").isVisible());
  await shoot("failed");
  await page.keyboard.press("Escape");
  check();
  await page.close();
}

/** Time to load, and the longest task while the whole page is scrolled through. */
async function measure() {
  const { page, check } = await open(many, WIDTHS[0]);
  const timing = await page.evaluate(() => {
    const [navigation] = performance.getEntriesByType("navigation");
    return { loaded: navigation.loadEventEnd, interactive: navigation.domInteractive };
  });
  await page.locator(".pane img").first().waitFor();
  const scrolled = await page.evaluate(async () => {
    const tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((task) => task.duration))).observe({
      type: "longtask",
    });
    const frames = [];
    const end = document.documentElement.scrollHeight - innerHeight;
    let last = performance.now();
    for (let y = 0; y < end; y += 90) {
      scrollTo(0, y);
      await new Promise(requestAnimationFrame);
      frames.push(performance.now() - last);
      last = performance.now();
    }
    await new Promise((done) => setTimeout(done, 300));
    frames.sort((a, b) => a - b);
    return {
      frames: frames.length,
      median_frame_ms: frames[frames.length >> 1],
      p99_frame_ms: frames[Math.floor(frames.length * 0.99)],
      longest_frame_ms: frames.at(-1),
      long_tasks: tasks.length,
      longest_task_ms: Math.max(0, ...tasks),
      pictures_left: document.querySelectorAll(".pane img").length,
    };
  });
  await page.screenshot({ path: `${shots}/many-end.png` });
  assert(scrolled.pictures_left < 200, "pictures far from the window are given back");
  const cards = await page.locator("script.card").count();
  console.log({ cards, bytes: statSync(many).size, ...timing, ...scrolled });
  check();
  await page.close();
}
