// The checks of what a page does when it is used. Each takes a page of playwright, and returns what is wrong.

// Tab goes through all that can be used, in the order of the page, beginning with the link that skips to the report.
export async function keyboard(page) {
  await page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
    scrollTo(0, 0);
    document.querySelectorAll("details").forEach((node) => {
      node.open = false;
    });
  });
  const expected = await page.evaluate(() => {
    const groups = new Set();
    return [...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")].filter((node) => {
      if (node.disabled || !node.checkVisibility({ visibilityProperty: true })) return false;
      if (node.type !== "radio") return true;
      if (groups.has(node.name)) return false;
      groups.add(node.name);
      return true;
    }).length;
  });
  const problems = [];
  const reached = new Set();
  for (let at = 0; at < expected; ++at) {
    await page.keyboard.press("Tab");
    const { key, tag, outlined } = await page.evaluate(() => {
      const node = document.activeElement;
      node.dataset.reached = node.dataset.reached || String(Math.random());
      const style = getComputedStyle(
        node.matches(".choice input") ? node.nextElementSibling : node.querySelector(":scope > .frame") || node,
      );
      return {
        key: node.dataset.reached,
        tag: `${node.tagName} ${node.className.baseVal ?? node.className} ${node.textContent.slice(0, 40)}`,
        outlined: style.outlineStyle !== "none" || style.stroke !== "none",
      };
    });
    if (at === 0 && !tag.includes("skip")) problems.push(`Tab comes to ${tag} before the link that skips to the report`);
    if (!outlined) problems.push(`the focus is not seen on ${tag}`);
    reached.add(key);
  }
  if (reached.size !== expected) problems.push(`Tab reaches ${reached.size} of ${expected} that can be used`);
  await page.evaluate(() =>
    document.querySelectorAll("[data-reached]").forEach((node) => {
      delete node.dataset.reached;
    }),
  );
  return problems;
}

// Arrows go from layer to layer, Enter opens one, Escape closes it, and each place has a name.
export async function treemapKeys(page) {
  const map = page.locator("figure[data-chart=treemap]").first();
  if ((await map.count()) === 0) return [];
  const problems = [];
  const focused = () =>
    page.evaluate(() => ({
      name: document.activeElement.getAttribute("aria-label"),
      role: document.activeElement.getAttribute("role"),
    }));
  const layers = await map.locator(".layer").count();
  await map.locator("[tabindex='0']").first().focus();
  const first = await focused();
  if (first.role !== "button" || !/stored/.test(first.name)) problems.push(`a layer of the treemap is called ${first.name}`);
  const seen = new Set([first.name]);
  for (const key of ["ArrowRight", "ArrowDown", "End", "ArrowLeft", "ArrowUp", "Home"]) {
    await page.keyboard.press(key);
    seen.add((await focused()).name);
  }
  if (layers > 1 && seen.size < 2) problems.push("arrow keys do not move in the treemap");
  if ((await focused()).name !== first.name) problems.push("Home does not lead to the first layer");
  await page.keyboard.press("Enter");
  if ((await map.locator(".layer").count()) !== 1) problems.push("Enter does not open a layer");
  const cell = await focused();
  if (cell.role !== "button" || !/stored/.test(cell.name || ""))
    problems.push(`the focus is lost when a layer opens: ${cell.name}`);
  await page.keyboard.press("Enter");
  if (!(await map.locator(".treemap-told").textContent()).includes("stored")) problems.push("Enter tells nothing of a tensor");
  await page.keyboard.press("Escape");
  if ((await map.locator(".layer").count()) !== layers) problems.push("Escape does not close a layer");
  if ((await focused()).name !== first.name) problems.push("the focus does not come back to the layer");
  await map.locator(".layer").first().click();
  if ((await map.locator(".layer").count()) !== 1) problems.push("a click does not open a layer");
  await map.getByRole("button", { name: "All layers" }).click();
  return problems;
}

// A table sorts both ways, filters and turns its pages.
export async function tables(page) {
  await page.evaluate(() =>
    document.querySelectorAll("details").forEach((node) => {
      node.open = true;
    }),
  );
  const problems = [];
  const largest = await page.evaluate(() =>
    Math.max(0, ...[...document.querySelectorAll("table")].map((table) => table.tBodies[0].rows.length)),
  );
  if (largest > 50) problems.push(`a table has ${largest} rows in the document`);
  const table = page
    .locator(".data-table", { has: page.locator(".controls") })
    .filter({ has: page.locator("thead th.number:last-child") })
    .first();
  if ((await table.count()) === 0) return problems;
  const values = async () =>
    (await table.locator("tbody tr td.number:last-child").allTextContents())
      .map((words) => parseFloat(words.replace("−", "-")))
      .filter((value) => !Number.isNaN(value));
  const head = table.locator("thead th").last();
  await head.locator("button").click();
  if ((await head.getAttribute("aria-sort")) !== "descending") problems.push("aria-sort does not say descending");
  const falling = await values();
  await head.locator("button").click();
  if ((await head.getAttribute("aria-sort")) !== "ascending") problems.push("aria-sort does not say ascending");
  const rising = await values();
  if (
    !falling.every((value, at) => at === 0 || value <= falling[at - 1]) ||
    !rising.every((value, at) => at === 0 || value >= rising[at - 1])
  )
    problems.push("a column is not sorted");
  const next = table.getByRole("button", { name: "Next" });
  if (await next.isEnabled()) {
    const before = await table.locator("tbody").textContent();
    await next.click();
    if ((await table.locator("tbody").textContent()) === before) problems.push("Next turns no page");
  }
  const name = (await table.locator("tbody th").first().textContent()).slice(0, 30);
  await table.locator("input").fill(name);
  const left = await table.locator("tbody th").allTextContents();
  if (left.length === 0 || !left.every((words) => words.toLowerCase().includes(name.toLowerCase().slice(0, 20))))
    problems.push(`the filter ${name} leaves ${left.length} rows`);
  await table.locator("input").fill("no such name is there");
  if (!(await table.locator("tbody").textContent()).includes("No row")) problems.push("the filter leaves rows that do not match");
  await table.locator("input").fill("");
  return problems;
}

// A command is copied, or selected if the page may not copy.
export async function copying(page) {
  const command = page.locator(".command", { has: page.locator("button") }).first();
  if ((await command.count()) === 0) return [];
  await command.locator("button").click();
  await command.locator(".copied:not(:empty)").waitFor();
  const said = await command.locator(".copied").textContent();
  const words = await page.evaluate(
    (copied) => (copied ? navigator.clipboard.readText() : String(getSelection())),
    said === "copied",
  );
  return words === (await command.locator("code").textContent()) ? [] : [`the button says ${said}, of ${words}`];
}

// The choice of a theme changes the colours at once.
export async function themes(page) {
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.locator("header .choice input[value=dark]").check();
  const dark = await paper();
  await page.locator("header .choice input[value=auto]").check();
  return light !== dark && (await paper()) === light ? [] : ["the choice of a theme does nothing"];
}
