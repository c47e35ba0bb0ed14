// The checks of a page. Each takes a page of playwright that has been drawn, and returns what is wrong, a sentence each.
import fs from "node:fs";
import { hostileNames as names } from "./sample_parts.mjs";

// Figures are there, with marks, a name for a screen reader, a caption and a table with rows; nothing failed to be drawn.
export async function drawn(page, charts, least = []) {
  const { figures, failed } = await page.evaluate(() => ({
    figures: [...document.querySelectorAll("figure")].map((figure) => {
      const svg = figure.querySelector(".plot svg");
      const box = svg ? svg.getBoundingClientRect() : { width: 0, height: 0 };
      return {
        chart: figure.dataset.chart,
        width: box.width,
        height: box.height,
        label: (svg && svg.getAttribute("aria-label")) || "",
        role: svg && svg.getAttribute("role"),
        marks: svg ? svg.querySelectorAll("rect, circle, path").length : 0,
        caption: (figure.querySelector("figcaption") || {}).textContent || "",
        rows: figure.querySelectorAll("table tbody tr th[scope=row]").length,
        heads: figure.querySelectorAll("table thead th[scope=col]").length,
        captions: figure.querySelectorAll("table > caption").length,
        bad: svg ? /NaN|undefined|Infinity/.test(svg.outerHTML) : false,
      };
    }),
    failed: [...document.querySelectorAll(".failed")].map((node) => node.textContent),
  }));
  const problems = failed.map((words) => `it says "${words}"`);
  for (const { chart, ...figure } of figures) {
    if (!chart) problems.push("a figure without data-chart");
    if (figure.width < 100 || figure.height < 30) problems.push(`${chart} is ${figure.width} × ${figure.height} pixels`);
    if (figure.marks === 0) problems.push(`${chart} has no marks`);
    if (figure.label.length < 15) problems.push(`${chart} has no aria-label that says what it shows`);
    if (figure.role !== "img" && figure.role !== "group") problems.push(`${chart} has the role ${figure.role}`);
    if (figure.caption.length < 10) problems.push(`${chart} has no caption`);
    if (figure.rows === 0 || figure.heads === 0 || figure.captions === 0) problems.push(`${chart} has no table`);
    if (figure.bad) problems.push(`${chart} has a number that is none`);
  }
  const found = [...new Set(figures.map(({ chart }) => chart))].sort().join(",");
  if (charts && found !== [...charts].sort().join(","))
    problems.push(`the charts are ${found || "none"}, and ${charts.join(",") || "none"} were expected`);
  for (const chart of least) if (!figures.some((figure) => figure.chart === chart)) problems.push(`there is no chart ${chart}`);
  const cells = await page.locator("figure[data-chart=treemap] .cell").count();
  if (cells > 2000 + 450) problems.push(`the treemap has ${cells} cells`);
  if (charts && charts.includes("treemap") && cells === 0) problems.push("the treemap has no cells");
  return problems;
}

// One h1, headings that skip no level, landmarks, names that are met once, a policy that allows nothing from elsewhere.
export async function structure(page) {
  return page.evaluate(() => {
    const problems = [];
    const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map((node) => Number(node.tagName[1]));
    if (levels.filter((level) => level === 1).length !== 1 || levels[0] !== 1) problems.push("it does not begin with its one h1");
    levels.forEach((level, at) => {
      if (at > 0 && level > levels[at - 1] + 1) problems.push(`an h${level} follows an h${levels[at - 1]}`);
    });
    for (const landmark of ["header", "nav[aria-label]", "main#main", "footer"]) {
      if (document.querySelectorAll(landmark).length !== 1) problems.push(`it has not one ${landmark}`);
    }
    const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
    if (new Set(ids).size !== ids.length) problems.push("an id is there twice");
    for (const link of document.querySelectorAll("a[href^='#']")) {
      if (!document.getElementById(link.getAttribute("href").slice(1)))
        problems.push(`${link.getAttribute("href")} leads nowhere`);
    }
    const policy = document.querySelector("meta[http-equiv='Content-Security-Policy']");
    if (!policy || !policy.content.includes("default-src 'none'") || policy.content.includes("unsafe"))
      problems.push("its policy allows what it need not");
    if (!document.documentElement.lang) problems.push("its language is not stated");
    return problems;
  });
}

// The document has its own scripts and no image or frame, and nothing set what a name would set if it ran.
export async function onlyItself(page) {
  return page.evaluate(() => {
    const problems = [];
    if (document.scripts.length !== 3) problems.push(`it has ${document.scripts.length} scripts`);
    const foreign = document.querySelectorAll(
      "img, iframe, object, embed, video, audio, form, base, script[src], link:not([href^='data:']), [onerror], [onclick], [onload]",
    );
    if (foreign.length > 0) problems.push(`it has ${foreign[0].outerHTML.slice(0, 100)}`);
    if ("hostile" in window) problems.push(`a name ran as a script: ${window.hostile}`);
    return problems;
  });
}

export async function hostileNames(page) {
  await page.evaluate(() =>
    document.querySelectorAll("details").forEach((node) => {
      node.open = true;
    }),
  );
  const { shown, unseen } = await page.evaluate(() => {
    const walker = document.createTreeWalker(document.getElementById("page"), NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    const bad =
      /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u3164]|[\ud800-\udfff](?![\udc00-\udfff])(?<![\ud800-\udbff][\udc00-\udfff])|\u{e0041}/u;
    const found = [];
    for (let node = walker.currentNode; node; node = walker.nextNode()) {
      const words = node.nodeType === Node.TEXT_NODE ? [node.data] : [...node.attributes].map((attribute) => attribute.value);
      found.push(...words.filter((word) => bad.test(word)));
    }
    return { shown: document.getElementById("page").innerText, unseen: found };
  });
  const problems = unseen.slice(0, 5).map((word) => `an unseen character is in ${JSON.stringify(word.slice(0, 100))}`);
  const expected = [
    ...names.slice(0, 6),
    "right\\u202eot.tfel",
    "nul\\u0000nul",
    "bell\\u0007\\u001b[31mred",
    "\\u2066isolated\\u2069",
    "zero\\u200bwidth\\ufeff",
    "tag\\u{e0041}",
    "line\\u2028end\\u000anew",
    "lone\\ufffdsurrogate|lone\\ud800surrogate|lone�surrogate",
    "עברית.weight",
    "\\u0301\\u0301\\u0301",
    "(no name)",
    "${window.hostile = 5}",
    "__proto__",
    "constructor",
    "' onclick='window.hostile=6",
    "\\u3164",
  ];
  for (const name of expected)
    if (!name.split("|").some((one) => shown.includes(one))) problems.push(`the name ${name} is not shown`);

  // The longest name is shortened, and all of it is there for the asking.
  const name = await page
    .locator("table .long-name", { hasText: /WWWW.*4,096/ })
    .first()
    .elementHandle({ timeout: 2000 })
    .catch(() => null);
  if (!name) return [...problems, "a name of 4,096 characters is not shortened"];
  const shownName = async () => (await name.$("bdi")).textContent();
  if ((await shownName()).length > 200) problems.push("a name of 4,096 characters is not shortened");
  await (await name.$("button")).click();
  if ((await shownName()) !== "W".repeat(4096)) problems.push("the button beside a long name does not show all of it");
  return problems;
}

// Without JavaScript, the page says what there is to do.
export async function withoutScripts(page) {
  const words = await page.locator("noscript").innerText();
  return words.includes("--json") ? [] : [`without JavaScript, it says ${words}`];
}

// The bounds of a page of 100,000 tensors.
export async function quick(page, file) {
  const size = fs.statSync(file).size;
  const timeOf = async () => Number(await page.getAttribute("html", "data-drawn"));
  // The machine may be busy with other tests: the best of three counts.
  const times = [await timeOf()];
  while (times[times.length - 1] >= 3000 && times.length < 3) {
    await page.reload();
    await page.waitForSelector("html[data-drawn]", { state: "attached", timeout: 30000 });
    times.push(await timeOf());
  }
  const time = Math.min(...times);
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  console.log(`100,000 tensors: ${(size / 1e6).toFixed(2)} MB, drawn ${times.join(", ")} ms after navigation, ${nodes} elements`);
  const problems = [];
  if (!(time > 0 && time < 3000)) problems.push(`it was drawn after ${time} ms, and 3,000 are allowed`);
  if (size >= 10e6) problems.push(`it has ${size} bytes, and 10,000,000 are allowed`);
  if (nodes > 12000) problems.push(`the document has ${nodes} elements`);
  return problems;
}
