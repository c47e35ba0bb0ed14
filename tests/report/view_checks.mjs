// The checks of how a page looks to those who see, to those who do not, on a phone and on paper. Each takes a page of playwright,
// and returns what is wrong.

export async function accessible(page, axe) {
  await page.evaluate(() =>
    document.querySelectorAll("details").forEach((node) => {
      node.open = true;
    }),
  );
  await page.evaluate(axe);
  const violations = await page.evaluate(async () =>
    (
      await window.axe.run(document, {
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
        resultTypes: ["violations"],
      })
    ).violations.map(({ id, impact, help, nodes }) => ({
      id,
      impact,
      help,
      at: nodes.slice(0, 3).map((node) => node.html.slice(0, 160)),
    })),
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, impact, help, at }) => `axe-core: ${impact}: ${id}: ${help}: ${at.join(" | ")}`);
}

// What is written on marks has a contrast of 4.5, and colours of marks one of 3 to the paper; axe-core does not look at these.
export async function readable(page) {
  return page.evaluate(() => {
    const channel = (value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const luminance = (color) => {
      const [r, g, b] = color.match(/[\d.]+/g).map((value) => channel(Number(value) / 255));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (a, b) => (Math.max(luminance(a), luminance(b)) + 0.05) / (Math.min(luminance(a), luminance(b)) + 0.05);
    const problems = new Set();
    const cells = [...document.querySelectorAll(".cell rect")].map((node) => ({
      box: node.getBoundingClientRect(),
      fill: getComputedStyle(node).fill,
    }));
    for (const words of document.querySelectorAll(".labels text:not(.head)")) {
      const box = words.getBoundingClientRect();
      const [x, y] = [box.x + 1, box.y + box.height / 2];
      const under = cells.find((cell) => cell.box.left <= x && x <= cell.box.right && cell.box.top <= y && y <= cell.box.bottom);
      if (!under) {
        problems.add("a label of the treemap is on no cell");
        continue;
      }
      const value = contrast(getComputedStyle(words).fill, under.fill);
      if (value < 4.5) problems.add(`a cell of the treemap has the contrast ${value.toFixed(2)}`);
    }
    const paper = getComputedStyle(document.body).backgroundColor;
    for (const words of document.querySelectorAll("svg .axis text, svg .label, svg .note")) {
      if (contrast(getComputedStyle(words).fill, paper) < 4.5) problems.add("a label of a drawing is too pale");
    }
    const probe = document.body.appendChild(document.createElement("span"));
    for (let at = 1; at <= 8; ++at) {
      probe.className = `c${at}`;
      const color = getComputedStyle(probe).backgroundColor;
      if (contrast(color, paper) < 2.9)
        problems.add(`the color ${at} has the contrast ${contrast(color, paper).toFixed(2)} to the paper`);
      probe.style.color = `var(--on${at})`;
      if (contrast(color, getComputedStyle(probe).color) < 4.5) problems.add(`what is written on color ${at} is too pale`);
    }
    probe.remove();
    return [...problems];
  });
}

// Nothing is wider than a phone, but within regions that scroll.
export async function narrow(page) {
  const problems = [];
  for (const width of [360, 320]) {
    await page.setViewportSize({ width, height: 740 });
    await page.waitForTimeout(150);
    const found = await page.evaluate(() => ({
      width: document.documentElement.scrollWidth,
      wide: [...document.querySelectorAll("#page *")]
        .filter((node) => node.getBoundingClientRect().right > innerWidth + 1 && !node.closest(".scroll, .spoken"))
        .slice(0, 3)
        .map((node) => node.outerHTML.slice(0, 120)),
    }));
    if (found.width > width) problems.push(`it is ${found.width} pixels wide at ${width}: ${found.wide.join(" | ")}`);
  }
  return problems;
}

// Printing gives a PDF on white with open tables, and leaves the page as it was.
export async function printed(page) {
  const problems = [];
  await page.evaluate(() => {
    window.opened = [];
    addEventListener("beforeprint", () => window.opened.push(...document.querySelectorAll("details.data:not([open])")));
  });
  const pdf = await page.pdf({ format: "A4", printBackground: true });
  const pages = pdf.toString("latin1").match(/\/Type\s*\/Page[^s]/g) || [];
  if (!pdf.subarray(0, 5).equals(Buffer.from("%PDF-")) || pages.length === 0 || pages.length > 60)
    problems.push(`its PDF has ${pages.length} pages`);
  if ((await page.evaluate(() => window.opened.length)) > 0) problems.push("a table is closed when the page is printed");
  await page.emulateMedia({ media: "print" });
  const seen = await page.evaluate(() => ({
    paper: getComputedStyle(document.body).backgroundColor,
    controls: [...document.querySelectorAll("nav, .controls, .choice, .command button, .skip")].filter((node) =>
      node.checkVisibility(),
    ).length,
  }));
  if (seen.controls > 0) problems.push(`${seen.controls} controls are printed`);
  if (!/^rgb\(2[45]\d, 2[45]\d, 2[45]\d\)$/.test(seen.paper)) problems.push(`it prints on ${seen.paper}`);
  await page.emulateMedia({ media: null });
  return problems;
}
