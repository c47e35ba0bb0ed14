// Puts the page together from the data that stands in it.

function themeChoice() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let wanted = "auto";
  try {
    wanted = localStorage.getItem("bbz-theme") || "auto";
  } catch {
    /* Pages that are files may have no storage. */
  }
  const apply = () => {
    document.documentElement.dataset.theme = wanted === "auto" ? (dark.matches ? "dark" : "light") : wanted;
  };
  dark.addEventListener("change", apply);
  apply();
  return choice(
    "Theme",
    [
      ["auto", "auto"],
      ["light", "light"],
      ["dark", "dark"],
    ],
    wanted,
    (key) => {
      wanted = key;
      try {
        localStorage.setItem("bbz-theme", key);
      } catch {
        /* It holds for this view. */
      }
      apply();
    },
  );
}

function contentsList() {
  const shown = contents.filter(({ level }) => level === 2).length > 6 ? contents.filter(({ level }) => level === 2) : contents;
  const items = shown.map(({ id, level, heading }) => {
    const name = Array.from(heading.textContent).length > 60 ? shortened(heading.textContent, 40) : heading.textContent;
    return el("li", { class: `level-${level}` }, el("a", { href: `#${id}` }, el("bdi", {}, name)));
  });
  const wide = matchMedia("(min-width: 1000px)");
  const details = el("details", { open: wide.matches }, el("summary", {}, "Contents"), el("ol", {}, items));
  wide.addEventListener("change", () => {
    details.open = wide.matches;
  });
  return el("nav", { "aria-label": "Contents", class: "contents" }, details);
}

// For the time of printing, tables are open, without those that would take many pages.
function openForPrint() {
  let closed = [];
  addEventListener("beforeprint", () => {
    hideTip();
    closed = [...document.querySelectorAll("details.data:not([open])")];
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
}

function drawPage() {
  const data = JSON.parse(document.getElementById("report").textContent);
  if (data.schema !== 1) throw new Error(`schema ${visible(data.schema)} of the data, where 1 was expected`);
  const archives = list(data.archives).filter(object);
  const title = archives.length === 1 ? shortened(archives[0].name, 60) : counted(archives.length, "archive");
  document.title = `Report of ${title}`;
  const cells = Math.max(150, Math.floor(mostCells / Math.max(1, archives.length)));
  // In the order of the page, which the contents have as well.
  const parts = [
    guarded("The gates", () => gatesPart(data.gates)),
    ...archives.map((archive) => guarded("An archive", () => archivePart(archive, cells))),
    guarded("What changed", () => againstPart(data.against)),
    guarded("The history", () => historyPart(data.history)),
  ].filter(Boolean);
  const sections = parts.flatMap((node) => [node, ...node.querySelectorAll("section")]);
  const places = new Map(sections.map((node, at) => [node.id, at]));
  contents.sort((a, b) => places.get(a.id) - places.get(b.id));
  const head = el(
    "header",
    { class: "head" },
    el(
      "div",
      {},
      el("h1", {}, "Report of ", archives.length === 1 ? nameNode(archives[0].name, 80) : title),
      el("p", { class: "made" }, `Made ${date(data.made)} by bbz ${visible(data.bbz) || missing}.`),
    ),
    themeChoice(),
  );
  const main = el("main", { id: "main", tabindex: "-1" }, parts.length > 0 ? parts : el("p", {}, "There is nothing to report."));
  const foot = el(
    "footer",
    {},
    el(
      "p",
      {},
      "Sizes are in powers of 1000. This file has all that it shows, and asks no network. ",
      el("code", {}, "bbz report --json"),
      " prints its data. Drawn with d3, © Mike Bostock; its licenses are in the source of this page.",
    ),
  );
  document.getElementById("page").replaceChildren(head, el("div", { class: "columns" }, contentsList(), main), foot, tip);
  drawFigures();
  openForPrint();
}
try {
  drawPage();
} catch (error) {
  console.error(error);
  document
    .getElementById("page")
    .replaceChildren(
      el(
        "main",
        { id: "main" },
        el("h1", {}, "Report of bbz"),
        el("p", { class: "failed" }, `The report could not be drawn: ${error.message}. bbz report --json prints the data.`),
      ),
    );
}
// When the first frame with it is on the screen, in milliseconds from the start of navigation.
requestAnimationFrame(() =>
  setTimeout(() => {
    document.documentElement.dataset.drawn = String(Math.round(performance.now()));
  }),
);
addEventListener("keydown", (event) => {
  if (event.key === "Escape") hideTip();
});
