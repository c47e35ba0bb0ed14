// The tensors as areas: size by stored bytes, colour by ratio, layers around them. A layer opens by click or Enter.

const mostCells = 2000;
const mostLayers = 400;

// Returns the tensors with stored bytes as { name, layer, bytes, stored, dtype, shape, codec, form }, and the tables' rows.
function tensorRows(archive) {
  const tensors = object(archive.tensors) || {};
  const places = new Map(list(tensors.columns).map((name, at) => [name, at]));
  const get = (name) => {
    const at = places.get(name);
    return at === undefined ? () => null : (row) => row[at];
  };
  return { rows: list(tensors.rows).filter(Array.isArray), get, rest: object(tensors.rest), count: tensors.count };
}

// Returns the layers, largest first, each with its largest cells. What is too small to be drawn is summed.
function treeOf(archive, limit) {
  const { rows, get, rest } = tensorRows(archive);
  const [name, layer, original, stored] = ["name", "layer", "bytes", "stored_bytes"].map(get);
  const cells = rows
    .map((row) => ({ name: text(name(row)), layer: layer(row), bytes: amount(original(row)), stored: amount(stored(row)), row }))
    .filter((cell) => cell.stored > 0);
  const groups = new Map();
  for (const cell of cells) {
    const key = isNumber(cell.layer) ? cell.layer : null;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(cell);
  }
  let layers = [...groups]
    .map(([key, of]) => ({
      name: key === null ? "no layer" : `layer ${key}`,
      cells: of,
      count: of.length,
      bytes: d3.sum(of, (cell) => cell.bytes),
      stored: d3.sum(of, (cell) => cell.stored),
    }))
    .sort((a, b) => b.stored - a.stored);
  if (rest && amount(rest.stored_bytes) > 0) {
    layers.push({
      name: "tensors not listed",
      cells: [],
      count: rest.tensors,
      bytes: amount(rest.bytes),
      stored: amount(rest.stored_bytes),
      closed: true,
    });
  }
  if (layers.length > mostLayers) {
    const others = layers.slice(mostLayers);
    layers = [
      ...layers.slice(0, mostLayers),
      {
        name: `${others.length} other layers`,
        cells: others.flatMap((one) => one.cells),
        count: d3.sum(others, (one) => amount(one.count)),
        bytes: d3.sum(others, (one) => one.bytes),
        stored: d3.sum(others, (one) => one.stored),
      },
    ];
  }
  // So many of all cells are drawn, by size.
  const sizes = cells.map((cell) => cell.stored).sort((a, b) => b - a);
  const least = sizes.length > limit ? sizes[limit] : 0;
  for (const one of layers) {
    one.cells.sort((a, b) => b.stored - a.stored);
    one.drawn = summed(one.cells, Math.max(1, one.cells.filter((cell) => cell.stored > least).length));
    if (one.cells.length === 0) one.drawn = [{ ...one, name: counted(one.count, "tensor"), sum: true }];
  }
  return layers;
}
function summed(cells, limit) {
  if (cells.length <= limit + 1) return cells;
  const others = cells.slice(limit);
  return [
    ...cells.slice(0, limit),
    {
      name: counted(others.length, "smaller tensor"),
      sum: true,
      bytes: d3.sum(others, (cell) => cell.bytes),
      stored: d3.sum(others, (cell) => cell.stored),
    },
  ];
}

// What a cell is called within its layer: "model.layers.3.mlp.up_proj.weight" there is "mlp.up_proj".
const withinLayer = (cell) =>
  (isNumber(cell.layer) ? cell.name.replace(new RegExp(`^.*?\\.${Math.trunc(cell.layer)}\\.`), "") : cell.name).replace(
    cell.sum ? / tensors?$/ : /\.weight$/,
    "",
  );

function treemapFigure(archive, limit) {
  const layers = treeOf(archive, limit);
  if (layers.length === 0) return null;
  const { get } = tensorRows(archive);
  const about = (cell) =>
    `${bytes(cell.stored)} stored of ${bytes(cell.bytes)}, ratio ${percent(ratioOf(cell.stored, cell.bytes))}`;
  const details = (cell) =>
    cell.row
      ? [get("dtype")(cell.row), list(get("shape")(cell.row)).join(" × "), get("codec")(cell.row), get("form")(cell.row)]
          .filter((value) => value !== null && value !== "")
          .map(visible)
          .join(", ")
      : "";
  let open = null; // the layer that is shown alone
  let focus = 0;

  const place = el("p", { class: "treemap-place", role: "status" });
  const out = el("button", { type: "button", hidden: true, click: () => zoom(null) }, "← All layers");
  const told = el("p", { class: "treemap-told", role: "status" }, "");

  function zoom(layer) {
    focus = layer === null ? Math.max(0, layers.indexOf(open)) : 0;
    open = layer;
    hideTip();
    fill();
    redrawFigure(node);
    const item = node.querySelector("svg [tabindex='0']");
    if (item) item.focus({ preventScroll: true });
  }
  function fill() {
    out.hidden = open === null;
    place.textContent =
      open === null
        ? `${counted(layers.filter((one) => !one.closed).length, "layer")}; choose one to see it alone.`
        : `${open.name}: ${counted(open.count, "tensor")}, ${about(open)}.`;
    told.textContent = "";
  }

  function draw(svg, width) {
    const height = Math.round(Math.max(280, Math.min(520, width * 0.56)));
    const items = open === null ? layers : [{ ...open, drawn: summed(open.cells, mostCells) }];
    const root = d3
      .hierarchy({ children: items }, (datum) => datum.children || datum.drawn)
      .sum((datum) => (datum.children || datum.drawn ? 0 : datum.stored));
    d3
      .treemap()
      .size([width, height])
      .round(true)
      .paddingInner((one) => (one.depth === 0 ? 3 : 1))
      .paddingTop((one) => (one.depth === 1 && open === null && one.value / root.value > 0.004 ? 17 : 0))(root);
    // Beside the cells, not in them: the name of a layer as a button is not all that is written on it.
    const labels = d3.create("svg:g").attr("class", "labels").attr("aria-hidden", "true");
    const groups = svg.selectAll("g.layer").data(root.children).join("g").attr("class", "layer");
    groups
      .append("rect")
      .attr("class", "frame")
      .attr("x", (one) => one.x0)
      .attr("y", (one) => one.y0)
      .attr("width", (one) => one.x1 - one.x0)
      .attr("height", (one) => one.y1 - one.y0);
    groups
      .filter((one) => open === null && one.x1 - one.x0 > 30 && one.y1 - one.y0 > 17)
      .each((one) => {
        const room = one.x1 - one.x0 - 6;
        const words = [one.data.name, one.data.name.replace("layer ", ""), ""].find((name) => widthOf(name, 11) <= room);
        if (words)
          labels
            .append("text")
            .attr("class", "head")
            .attr("x", one.x0 + 4)
            .attr("y", one.y0 + 13)
            .text(words);
      });
    const cells = groups
      .selectAll("g.cell")
      .data((one) => one.children || [])
      .join("g")
      .attr("class", (one) => (one.data.sum ? "cell sum" : "cell"));
    cells
      .append("rect")
      .attr("x", (one) => one.x0)
      .attr("y", (one) => one.y0)
      .attr("width", (one) => Math.max(0, one.x1 - one.x0))
      .attr("height", (one) => Math.max(0, one.y1 - one.y0))
      .attr("fill", (one) => colorOf(one.data));
    cells
      .filter((one) => one.x1 - one.x0 > 46 && one.y1 - one.y0 > 16)
      .each((one) => {
        const room = one.x1 - one.x0 - 8;
        const ink = onColor(colorOf(one.data));
        const write = (words, line) =>
          words &&
          labels
            .append("text")
            .attr("x", one.x0 + 4)
            .attr("y", one.y0 + 13 + 13 * line)
            .attr("class", ink)
            .text(words);
        write(fitted(withinLayer(one.data), room, 11), 0);
        [shortBytes(one.data.stored), percent(ratioOf(one.data.stored, one.data.bytes))].forEach((words, at) => {
          if (one.y1 - one.y0 > 30 + 14 * at && widthOf(words, 11) <= room) write(words, at + 1);
        });
      });
    svg.append(() => labels.node());
    withTips(cells, (one) => [visible(shortened(one.data.name, 200)), about(one.data), details(one.data)]);
    operate(open === null ? groups : cells);
    return height;
  }

  // Makes layers, or the cells of the one that is open, buttons: one is in the order of the tab key, and arrows go on from it.
  function operate(items) {
    const act = (one) => {
      if (open === null && !one.data.closed) zoom(one.data);
      else if (open !== null)
        told.replaceChildren(
          nameNode(one.data.name, 400),
          `: ${about(one.data)}${details(one.data) ? `; ${details(one.data)}` : ""}`,
        );
    };
    const all = items.nodes();
    focus = Math.min(focus, all.length - 1);
    items
      .attr("role", "button")
      .attr("tabindex", (one, at) => (at === focus ? 0 : -1))
      .attr("aria-label", (one) =>
        open === null
          ? `${one.data.name}: ${counted(one.data.count, "tensor")}, ${about(one.data)}`
          : `${shortened(one.data.name, 200)}: ${about(one.data)}`,
      )
      .on("click", act)
      .on("keydown", (one, at) => {
        const { key } = d3.event;
        if (key === "Enter" || key === " ") act(one);
        else if (key === "Escape" && open !== null) zoom(null);
        else if (key === "Home") move(all, at, 0);
        else if (key === "End") move(all, at, all.length - 1);
        else if (key.startsWith("Arrow")) move(all, at, nextTo(items.data(), at, key));
        else return;
        d3.event.preventDefault();
      });
  }
  function move(all, from, to) {
    all[from].setAttribute("tabindex", -1);
    all[to].setAttribute("tabindex", 0);
    all[to].focus();
    focus = to;
  }

  fill();
  const node = figure({
    chart: "treemap",
    role: "group",
    draw,
    label: `Tensors by stored bytes, in ${counted(layers.length, "group")}. Arrow keys go from one to the next, Enter opens a layer, Escape closes it.`,
    below: el("div", {}, told, ratioLegend()),
    caption: "Area: stored bytes. Colour: stored by original bytes. Click or Enter opens a layer, Escape closes it.",
    table: tensorsTable(archive),
  });
  node.prepend(el("div", { class: "treemap-bar" }, out, place));
  return node;
}

// Returns the place of the item that is nearest in the direction of an arrow key, or `at`.
function nextTo(items, at, key) {
  const middle = (one) => [(one.x0 + one.x1) / 2, (one.y0 + one.y1) / 2];
  const [x, y] = middle(items[at]);
  const along = key === "ArrowLeft" || key === "ArrowRight" ? 0 : 1;
  const sign = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
  let best = at;
  let least = Infinity;
  items.forEach((one, other) => {
    const [dx, dy] = [middle(one)[0] - x, middle(one)[1] - y];
    const [ahead, aside] = along === 0 ? [sign * dx, dy] : [sign * dy, dx];
    const distance = ahead + 2 * Math.abs(aside);
    if (other !== at && ahead > 0.5 && distance < least) [best, least] = [other, distance];
  });
  return best;
}
