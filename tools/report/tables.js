// Tables that stay small: of many rows, a page is in the document. Columns are sorted by buttons in their headings.

const rowsOfAPage = 50;
const rowsWithoutControls = 15;
const fewRows = 5; // which nobody sorts

// Returns a column. `get` returns what a row is sorted and filtered by, `show` what its cell shows: a text or a node.
function column(title, get, show = null, options = {}) {
  return {
    title,
    get,
    show: show || ((value) => (isNumber(value) ? exact(value) : text(value).length > 60 ? nameNode(value, 60) : visible(value))),
    ...options,
  };
}
const nameColumn = (title, get) => column(title, get, (value) => nameNode(value), { isName: true });
const numberColumn = (title, get, show = exact, options = {}) => column(title, get, show, { numeric: true, ...options });

const collator = new Intl.Collator("en", { numeric: true });
// Returns -1, 0 or 1; what is missing comes last in both directions.
function compared(a, b, descending, natural) {
  const noA = a === null || a === undefined;
  const noB = b === null || b === undefined;
  if (noA || noB) return noA - noB;
  const order = typeof a === "string" && typeof b === "string" && natural ? collator.compare(a, b) : a < b ? -1 : a > b ? 1 : 0;
  return descending ? -order : order;
}

// Returns a table of `rows` under a caption. `sorted` is the place of a column by which the rows are in order already.
function dataTable({ caption, columns, rows, note = null, sorted = null }) {
  const state = { sort: sorted, descending: sorted !== null, filter: "", page: 0, order: null };
  const body = el("tbody");
  const headings = columns.map((entry, at) => {
    const heading = el("th", { scope: "col", class: entry.numeric ? "number" : null });
    heading.append(
      rows.length < fewRows
        ? el("span", {}, entry.title)
        : el("button", { type: "button", click: () => sortBy(at) }, entry.title),
    );
    return heading;
  });
  const table = el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, headings)), body);
  const place = el("span", { class: "place", role: "status" });
  const printedPlace = el("p", { class: "note printed" });
  const back = el("button", { type: "button", click: () => turn(-1) }, "Previous");
  const next = el("button", { type: "button", click: () => turn(1) }, "Next");
  const names = columns.filter((entry) => entry.isName || !entry.numeric);

  function sortBy(at) {
    state.descending = state.sort === at ? !state.descending : Boolean(columns[at].numeric);
    state.sort = at;
    state.page = 0;
    state.order = null;
    fill();
  }
  function turn(step) {
    state.page += step;
    fill();
  }
  function ordered() {
    if (state.order) return state.order;
    const wanted = state.filter.toLowerCase();
    let order = d3.range(rows.length);
    if (wanted) {
      order = order.filter((at) =>
        names.some((entry) => {
          const value = text(entry.get(rows[at])).toLowerCase();
          return value.includes(wanted) || (unseen.test(value) && visible(value).includes(wanted));
        }),
      );
    }
    if (state.sort !== null && (state.sort !== sorted || !state.descending)) {
      const values = rows.map(columns[state.sort].get);
      order.sort((a, b) => compared(values[a], values[b], state.descending, rows.length <= 5000) || a - b);
    }
    return (state.order = order);
  }
  function cell(entry, row, at) {
    const shown = entry.show(entry.get(row), row);
    const attributes = { class: entry.numeric ? "number" : entry.isName ? "of-name" : entry.tight ? "tight" : null };
    return at === 0 ? el("th", { scope: "row", ...attributes }, shown) : el("td", attributes, shown);
  }
  function fill() {
    const order = ordered();
    const pages = Math.max(1, Math.ceil(order.length / rowsOfAPage));
    state.page = Math.min(Math.max(state.page, 0), pages - 1);
    const first = state.page * rowsOfAPage;
    const shown = order.slice(first, first + rowsOfAPage);
    body.replaceChildren(
      ...shown.map((at) =>
        el(
          "tr",
          {},
          columns.map((entry, number) => cell(entry, rows[at], number)),
        ),
      ),
    );
    if (shown.length === 0) body.append(el("tr", {}, el("td", { colspan: columns.length }, "No row matches.")));
    headings.forEach((heading, at) => {
      if (at === state.sort) heading.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    });
    place.textContent =
      order.length === 0
        ? "none"
        : `${grouped(first + 1)}–${grouped(first + shown.length)} of ${grouped(order.length)}` +
          (order.length < rows.length ? ` that match, of ${grouped(rows.length)}` : "");
    printedPlace.textContent = `Rows ${place.textContent}.`;
    back.disabled = state.page === 0;
    next.disabled = state.page === pages - 1;
  }

  fill();
  const region = el("div", { class: "scroll", role: "group", "aria-label": `${caption}, table`, tabindex: "0" }, table);
  const input = el("input", {
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    input: () => {
      state.filter = input.value.trim();
      state.page = 0;
      state.order = null;
      fill();
    },
  });
  const controls =
    rows.length > rowsWithoutControls
      ? el("div", { class: "controls" }, el("label", {}, "Filter ", input), el("span", { class: "pager" }, back, place, next))
      : null;
  return el(
    "div",
    { class: "data-table" },
    controls,
    region,
    controls ? printedPlace : null,
    note ? el("p", { class: "note" }, note) : null,
  );
}

// Returns what the page says of the rows of `holder[key]` that are not in it, or null.
function leftOut(holder, key) {
  const rest = object(holder[`${key}_rest`]);
  if (!rest || amount(rest.count) === 0) return null;
  const unlisted = amount(rest.unlisted) > 0 ? ` all but ${exact(rest.unlisted)} of` : "";
  return `${counted(rest.count, "more row")} are not listed here, to keep the page small. bbz report --json lists${unlisted} them.`;
}

// Returns a table behind a summary, for the foot of a figure.
const folded = (summary, table, open = false) => el("details", { class: "data", open }, el("summary", {}, summary), table);
