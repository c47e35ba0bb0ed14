// What all parts of the page are made with: values that may be missing, elements, and the parts of a page.

const list = (value) => (Array.isArray(value) ? value : []);
const object = (value) => (value && typeof value === "object" && !Array.isArray(value) ? value : null);
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
// A number of the data in a sum or a length, in which one that is missing counts nothing.
const amount = (value) => (isNumber(value) && value > 0 ? value : 0);
const ratioOf = (stored, original) => (amount(original) > 0 && isNumber(stored) ? stored / original : null);
const text = (value) => (value === null || value === undefined ? "" : String(value));

// Returns an element. Children are nodes or texts, and a text is never taken for HTML. An attribute that is null or false is
// left out; a function is a listener.
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined && child !== false) node.append(child);
  return node;
}

let idCount = 0;
const newId = (stem) => `${stem}-${++idCount}`;

// Returns an inline note that only a screen reader says.
const spoken = (words) => el("span", { class: "spoken" }, words);

// Returns a part of the page under a heading of level 2, which is a landmark, or 3, and remembers it for the contents.
const contents = [];
function part(level, title, ...children) {
  const id = newId("part");
  const heading = el(`h${level}`, { id: `${id}-title` }, title);
  const node = el(
    "section",
    { id, class: `part part-${level}`, "aria-labelledby": level === 2 ? heading.id : null },
    heading,
    children,
  );
  contents.push({ id, level, heading });
  return node;
}

// Returns what `make` returns. If it throws, says so in place of it: the rest of the report is still of use.
function guarded(what, make) {
  try {
    return make();
  } catch (error) {
    console.error(`${what}: ${error.stack || error}`);
    return el("p", { class: "failed" }, `${what} could not be drawn. bbz report --json prints the data.`);
  }
}

// Returns a list of figures, each a name and a value, and below the value what it means.
function keyFigures(entries) {
  return el(
    "dl",
    { class: "key-figures" },
    entries
      .filter(Boolean)
      .map(([name, value, meaning]) =>
        el(
          "div",
          {},
          el("dt", {}, name),
          el("dd", {}, el("span", { class: "value" }, value), meaning ? el("span", { class: "meaning" }, meaning) : null),
        ),
      ),
  );
}

// Returns a group of radio buttons; `choose` is called with the key that was chosen.
function choice(legend, options, chosen, choose) {
  const name = newId("choice");
  return el(
    "fieldset",
    { class: "choice" },
    el("legend", {}, legend),
    options.map(([key, label]) => {
      const input = el("input", { type: "radio", name, value: key, checked: key === chosen, change: () => choose(key) });
      return el("label", {}, input, el("span", {}, label));
    }),
  );
}
