// The sizes of an archive at a glance: its figures, and what its bytes are by codec, dtype and kind.

const kindNames = {
  tensors: "tensors",
  bytes: "bytes that are no tensors",
  views: "views of other tensors",
  storages: "storages of views",
  operands: "operands of groups",
};
const tallyColumns = [
  numberColumn("Tensors", (row) => row.tensors),
  numberColumn("Chunks", (row) => row.chunks),
  numberColumn("Original bytes", (row) => row.bytes),
  numberColumn("Stored bytes", (row) => row.stored_bytes),
  numberColumn(
    "Ratio",
    (row) => ratioOf(row.stored_bytes, row.bytes),
    (value) => percent(value),
  ),
];
const mostColors = 7;

// Returns the largest of tallies by stored bytes, and the sum of the others.
function largest(tallies) {
  const order = [...tallies].sort((a, b) => amount(b.stored_bytes) - amount(a.stored_bytes));
  if (order.length <= mostColors + 1) return order;
  const others = order.slice(mostColors);
  return [
    ...order.slice(0, mostColors),
    {
      name: `${others.length} others`,
      bytes: d3.sum(others, (row) => amount(row.bytes)),
      stored_bytes: d3.sum(others, (row) => amount(row.stored_bytes)),
    },
  ];
}

// Draws two bars on one scale, the original bytes and the stored ones, each in the colours of its tallies.
function drawSizes(svg, width, tallies) {
  const names = widthOf("original") + 12;
  const total = Math.max(
    d3.sum(tallies, (row) => amount(row.bytes)),
    d3.sum(tallies, (row) => amount(row.stored_bytes)),
    1,
  );
  const x = d3
    .scaleLinear()
    .domain([0, total])
    .range([names, width - 8]);
  axisBelow(svg, x, { top: 2, bottom: 92, format: axisBytes, ticks: Math.max(2, Math.floor(width / 110)) });
  [
    ["original", "bytes", 8],
    ["stored", "stored_bytes", 50],
  ].forEach(([label, field, y]) => {
    svg
      .append("text")
      .attr("class", "label")
      .attr("x", names - 9)
      .attr("y", y + 21)
      .attr("text-anchor", "end")
      .text(label);
    let at = 0;
    tallies.forEach((row, color) => {
      const from = x(at);
      at += amount(row[field]);
      const wide = x(at) - from;
      if (wide <= 0) return;
      withTips(
        svg
          .append("rect")
          .datum(row)
          .attr("class", `c${color + 1} segment`)
          .attr("x", from)
          .attr("y", y)
          .attr("width", Math.max(wide, 0.5))
          .attr("height", 34),
        (datum) => [
          shortened(datum.name, 80),
          `${bytes(amount(datum.bytes))} original`,
          `${bytes(amount(datum.stored_bytes))} stored`,
          `ratio ${percent(ratioOf(datum.stored_bytes, datum.bytes))}`,
        ],
      );
      const words = fitted(row.name, wide - 12);
      if (wide > 40 && words.length > 3) {
        svg
          .append("text")
          .attr("class", `on${color + 1} inside`)
          .attr("x", from + 7)
          .attr("y", y + 21)
          .text(words);
      }
    });
  });
  return 116;
}

function sizesFigure(archive) {
  const groups = [
    ["codecs", "Codec"],
    ["dtypes", "Dtype"],
    ["kinds", "Kind"],
  ]
    .map(([key, title]) => {
      const rows = list(archive[key])
        .filter(object)
        .map((row) => ({ ...row, name: key === "kinds" ? kindNames[row.name] || row.name : row.name }));
      return { key, title, rows, top: largest(rows) };
    })
    .filter(({ rows }) => rows.some((row) => amount(row.bytes) + amount(row.stored_bytes) > 0));
  if (groups.length === 0) return null;
  let shown = groups[0];
  const label = () =>
    `Original and stored bytes by ${shown.title.toLowerCase()}: ` +
    shown.top
      .map((row) => `${shortened(row.name, 40)} ${bytes(amount(row.bytes))} stored in ${bytes(amount(row.stored_bytes))}`)
      .join("; ");
  const below = el("div");
  const table = el("div");
  const fill = () => {
    below.replaceChildren(
      legend(
        shown.top.map((row, at) => ({
          name: el("bdi", {}, shortened(row.name, 40)),
          color: `c${at + 1}`,
          figure: `${bytes(amount(row.stored_bytes))}, ratio ${percent(ratioOf(row.stored_bytes, row.bytes))}`,
        })),
      ),
    );
    table.replaceChildren(
      folded(
        `Table by ${shown.title.toLowerCase()}`,
        dataTable({
          caption: `Sizes by ${shown.title.toLowerCase()}`,
          columns: [nameColumn(shown.title, (row) => row.name), ...tallyColumns],
          rows: shown.rows,
        }),
        table.firstChild ? table.firstChild.open : false,
      ),
    );
  };
  fill();
  const node = figure({
    chart: "sizes",
    label: label(),
    draw: (svg, width) => drawSizes(svg, width, shown.top),
    below,
    table,
    caption: "Original bytes above, stored bytes below, on one scale.",
  });
  const pick =
    groups.length < 2
      ? null
      : choice(
          "Bytes by",
          groups.map(({ key, title }) => [key, title.toLowerCase()]),
          shown.key,
          (key) => {
            shown = groups.find((group) => group.key === key);
            node.querySelector("svg").setAttribute("aria-label", label());
            fill();
            redrawFigure(node);
          },
        );
  return el("div", {}, pick, node);
}

function glance(archive) {
  const original = archive.original_bytes;
  const stored = archive.archive_bytes;
  const tensors = object(archive.tensors) || {};
  const saved = isNumber(original) && isNumber(stored) ? original - stored : null;
  return part(
    3,
    "At a glance",
    keyFigures([
      ["Ratio", percent(isNumber(archive.ratio) ? archive.ratio : ratioOf(stored, original)), "stored by original"],
      ["Original", bytes(original), `${exact(original)} bytes`],
      ["Stored", bytes(stored), `${exact(stored)} bytes`],
      saved === null
        ? null
        : [saved < 0 ? "Grown by" : "Saved", bytes(Math.abs(saved)), `${share(Math.abs(saved), original)} of the original`],
      [
        "Tensors",
        isNumber(tensors.count) ? exact(tensors.count) : missing,
        counted(list(archive.files).length + amount((object(archive.files_rest) || {}).count), "file"),
      ],
      object(archive.quality) && isNumber(archive.quality.nll)
        ? [
            "Log-likelihood",
            small(archive.quality.nll),
            `negative, nats a token, over ${counted(archive.quality.tokens, "token")}`,
          ]
        : null,
      isNumber(archive.overhead_bytes)
        ? ["Overhead", bytes(archive.overhead_bytes), `${share(archive.overhead_bytes, stored)} of the archive`]
        : null,
    ]),
    sizesFigure(archive),
  );
}
