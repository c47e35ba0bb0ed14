// Figures: a drawing that fits the width, its caption, and the same numbers as a table.

const plots = [];

// Returns a figure. `label` says in a sentence what the drawing shows, for those who do not see it; `draw(svg, width)` draws
// into an empty <svg> and returns its height. `below` is shown between the drawing and its caption.
function figure({ chart, label, caption, draw, below = null, table, role = "img" }) {
  const svg = d3.create("svg").attr("role", role).attr("aria-label", label);
  const plot = el("div", { class: "plot" }, svg.node());
  const node = el("figure", { "data-chart": chart }, plot, below, el("figcaption", {}, caption), table);
  const entry = { plot, svg, draw, width: 0 };
  plots.push(entry);
  return node;
}

function redraw(entry, force = false) {
  const width = Math.floor(entry.plot.clientWidth);
  if (width === 0 || (width === entry.width && !force)) return;
  entry.width = width;
  entry.svg.selectAll("*").remove();
  const height = guarded("A figure", () => entry.draw(entry.svg, width));
  if (isNumber(height)) entry.svg.attr("viewBox", `0 0 ${width} ${height}`).attr("width", width).attr("height", height);
}

// Draws all figures, and again if their widths change.
function drawFigures() {
  for (const entry of plots) redraw(entry);
  let queued = false;
  const observer = new ResizeObserver(() => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => {
      queued = false;
      for (const entry of plots) redraw(entry);
    });
  });
  for (const entry of plots) observer.observe(entry.plot);
}
const redrawFigure = (node) => plots.filter((entry) => node.contains(entry.plot)).forEach((entry) => redraw(entry, true));

// How wide a text is in the font of drawings.
const measuring = document.createElement("canvas").getContext("2d");
function widthOf(words, size = 12) {
  measuring.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  return measuring.measureText(words).width;
}
// Returns so much of a name as fits.
function fitted(name, width, size = 12) {
  if (name.length < 200 && widthOf(visible(name), size) <= width) return visible(name);
  let limit = Math.floor(width / (size * 0.5));
  let words = shortened(name, Math.max(limit, 2));
  while (limit > 2 && widthOf(words, size) > width) words = shortened(name, (limit = Math.floor(limit * 0.9)));
  return limit > 2 ? words : "";
}

// The powers of ten in the domain of a logarithmic scale, at most eight of them.
function powersOf(scale) {
  const [low, high] = scale.domain().map((value) => Math.round(Math.log10(value)));
  return d3.range(low, high + 1, Math.max(1, Math.ceil((high - low) / 8))).map((power) => 10 ** power);
}
// Draws an axis with grid lines across a drawing.
function axisBelow(svg, scale, { top, bottom, format, ticks }) {
  const axis = svg
    .append("g")
    .attr("class", "axis")
    .attr("transform", `translate(0,${bottom})`)
    .call(
      d3
        .axisBottom(scale)
        .tickValues(scale.base ? powersOf(scale) : scale.ticks(ticks))
        .tickFormat(format)
        .tickSize(-(bottom - top))
        .tickPadding(7),
    );
  axis.select(".domain").remove();
  return axis;
}
function axisLeft(svg, scale, { left, right, format, ticks }) {
  const axis = svg
    .append("g")
    .attr("class", "axis")
    .attr("transform", `translate(${left},0)`)
    .call(
      d3
        .axisLeft(scale)
        .ticks(ticks)
        .tickFormat(format)
        .tickSize(-(right - left))
        .tickPadding(7),
    );
  axis.select(".domain").remove();
  return axis;
}

// A label that follows the pointer. It repeats what tables and labels say.
const tip = el("div", { id: "tip", "aria-hidden": "true", hidden: true });
function hideTip() {
  tip.hidden = true;
}
function showTip(lines, x, y) {
  tip.replaceChildren(...lines.map((line, at) => el(at === 0 ? "b" : "span", {}, line)));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 4))}px`;
  tip.style.top = `${y + 18 + height > innerHeight ? Math.max(4, y - height - 10) : y + 18}px`;
}
// Shows `lines(datum)` over each mark of a selection.
function withTips(selection, lines) {
  return selection
    .on("pointermove", (datum) => showTip(lines(datum).filter(Boolean), d3.event.clientX, d3.event.clientY))
    .on("pointerleave", hideTip);
}

// Returns a legend: names of the colours 1 to 8, which the style sheet defines, and a figure beside each.
function legend(entries) {
  return el(
    "ul",
    { class: "legend" },
    entries.map(({ name, color, figure: value }) =>
      el(
        "li",
        {},
        el("span", { class: `swatch ${color}`, "aria-hidden": "true" }),
        el("span", {}, name),
        value ? el("span", { class: "figure" }, value) : null,
      ),
    ),
  );
}

// Draws horizontal bars, one a row: { name, marks: [{ from, to, class, lines, height, dot }], note }; `dot` marks the end only.
// Names are above the bars if it is narrow.
function drawBars(svg, width, rows, { format, domain, ticks = null, scale = d3.scaleLinear() }) {
  const wide = width > 560;
  const names = wide ? Math.min(width * 0.34, 16 + d3.max(rows, (row) => widthOf(shortened(row.name, 48)))) : 0;
  const notes = 10 + d3.max(rows, (row) => widthOf(row.note || ""));
  const step = !wide ? 42 : rows.length > 14 ? 21 : 26;
  const top = 4;
  const bottom = top + rows.length * step + 4;
  const x = scale.domain(domain).range([names + 1, Math.max(width - notes - 2, names + 40)]);
  const axis = axisBelow(svg, x, { top, bottom, format, ticks: ticks || Math.max(2, Math.floor((x.range()[1] - names) / 90)) });
  // At the edge, half of a label would be outside.
  axis
    .selectAll(".tick text")
    .filter((value) => x(value) < 20)
    .attr("text-anchor", "start");
  rows.forEach((row, at) => {
    const y = top + at * step + (wide ? 5 : 20);
    svg
      .append("text")
      .attr("class", "label")
      .attr("x", wide ? names - 8 : 1)
      .attr("y", wide ? y + 12 : y - 5)
      .attr("text-anchor", wide ? "end" : "start")
      .text(fitted(row.name, wide ? names - 10 : width - 4));
    let end = x.range()[0];
    for (const mark of row.marks) {
      const from = x(mark.from);
      const to = x(mark.to);
      end = Math.max(end, from, to);
      if (mark.dot) {
        svg
          .append("line")
          .attr("class", "stem")
          .attr("x1", from)
          .attr("x2", to)
          .attr("y1", y + 8)
          .attr("y2", y + 8);
        withTips(
          svg
            .append("circle")
            .datum(mark)
            .attr("class", mark.class)
            .attr("cx", to)
            .attr("cy", y + 8)
            .attr("r", 5),
          (datum) => datum.lines,
        );
        continue;
      }
      const height = mark.height || 16;
      withTips(
        svg
          .append("rect")
          .datum(mark)
          .attr("class", mark.class)
          .attr("x", Math.min(from, to))
          .attr("y", y + (16 - height) / 2)
          .attr("width", Math.max(Math.abs(to - from), 1))
          .attr("height", height),
        (datum) => datum.lines,
      );
    }
    if (row.note)
      svg
        .append("text")
        .attr("class", "note")
        .attr("x", end + 7)
        .attr("y", y + 12)
        .text(row.note);
  });
  return bottom + 24;
}
