// Opens pages of `bbz report` in Chromium, and says what is wrong with them.
//   node check.mjs [--charts A,B] [--with A,B] [--hostile] [--large] PAGE...    the options are about the next page
// It must have the charts A and B, and with --charts no others.
// CHROMIUM is the browser, and MODULES a directory of node_modules with playwright-core and axe-core.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import * as checks from "./checks.mjs";
import * as use from "./use_checks.mjs";
import * as looks from "./view_checks.mjs";

const require = createRequire(path.join(path.resolve(process.env.MODULES), "/"));
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const views = {
  light: { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark", reducedMotion: "reduce" },
  narrow: { viewport: { width: 360, height: 740 }, colorScheme: "light" },
  scriptless: { javaScriptEnabled: false },
};

let failures = 0;
function report(file, view, problems) {
  for (const problem of problems) console.log(`FAILED ${path.basename(file)}, ${view}: ${problem}`);
  failures += problems.length;
}

// Opens a page, and calls `look` with it; then looks at what the page said and asked for.
async function opened(browser, file, view, look) {
  const context = await browser.newContext({ ...views[view], permissions: ["clipboard-read", "clipboard-write"] });
  const page = await context.newPage();
  page.setDefaultTimeout(10000);
  const url = pathToFileURL(path.resolve(file)).href;
  const problems = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:")) problems.push(`asked for ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.goto(url);
  if (view !== "scriptless") await page.waitForSelector("html[data-drawn]", { state: "attached", timeout: 30000 });
  problems.push(...(await look(page)));
  report(file, view, problems);
  await context.close();
}

async function checkPage(browser, file, { charts, least, hostile, large }) {
  const before = failures;
  // Runs checks one after another. One that cannot go on is a problem as well, and the next one runs.
  const all =
    (...list) =>
    async (page) => {
      const problems = [];
      for (const check of list.filter(Boolean)) {
        try {
          problems.push(...(await check(page)));
        } catch (error) {
          problems.push(`${check.name || "a check"} ended with: ${error.message.split("\n")[0]}`);
        }
      }
      return problems;
    };
  await opened(
    browser,
    file,
    "light",
    all(
      (page) => checks.drawn(page, charts, least),
      checks.structure,
      large && ((page) => checks.quick(page, file)),
      checks.onlyItself,
      use.keyboard,
      hostile && checks.hostileNames,
      use.treemapKeys,
      use.tables,
      use.themes,
      use.copying,
    ),
  );
  await opened(browser, file, "scriptless", all(checks.withoutScripts));
  for (const view of ["light", "dark", "narrow"]) {
    await opened(
      browser,
      file,
      view,
      all((page) => looks.accessible(page, axe), looks.readable, view === "narrow" && looks.narrow),
    );
  }
  await opened(browser, file, "dark", all(looks.printed));
  console.log(`${failures === before ? "passed" : "FAILED"} ${path.basename(file)}`);
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
console.log(`Chromium ${browser.version()}`);
let options = {};
const words = process.argv.slice(2);
let pages = 0;
while (words.length > 0) {
  const word = words.shift();
  if (word === "--charts") options.charts = words.shift().split(",").filter(Boolean);
  else if (word === "--with") options.least = words.shift().split(",");
  else if (word === "--hostile") options.hostile = true;
  else if (word === "--large") options.large = true;
  else {
    await checkPage(browser, word, options);
    ++pages;
    options = {};
  }
}
await browser.close();
if (pages === 0) {
  console.log("FAILED: no page was named");
  failures = 1;
}
process.exit(failures === 0 ? 0 : 1);
