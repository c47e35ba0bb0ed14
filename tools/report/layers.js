// The layers of an archive in order: their bytes and ratios.

const mostBars = 240;

// Returns bars of layers in order, of several layers each if there are too many.
function barsOf(tallies) {
  const none = tallies.filter((row) => !isNumber(row.layer));
  const numbered = tallies.filter((row) => isNumber(row.layer)).sort((a, b) => a.layer - b.layer);
  const each = Math.ceil(numbered.length / mostBars) || 1;
  const bars = d3.range(0, numbered.length, each).map((first) => {
    const of = numbered.slice(first, first + each);
    const last = of[of.length - 1].layer;
    return { short: text(of[0].layer), name: of.length > 1 ? `layers ${of[0].layer} to ${last}` : `layer ${last}`, of };
  });
  if (none.length > 0) bars.unshift({ short: "none", name: "in no layer", of: none });
  return bars.map((bar) => ({
    ...bar,
    tensors: d3.sum(bar.of, (row) => amount(row.tensors)),
    bytes: d3.sum(bar.of, (row) => amount(row.bytes)),
    stored: d3.sum(bar.of, (row) => amount(row.stored_bytes)),
  }));
}

function drawLayers(svg, width, bars) {
  const left = 62;
  const [top, middle] = [78, 20];
  const height = 260;
  const x = d3
    .scaleBand()
    .domain(d3.range(bars.length))
    .range([left, width - 4])
    .padding(bars.length > 80 ? 0.15 : 0.3);
  const largestBytes = d3.max(bars, (bar) => Math.max(bar.bytes, bar.stored)) || 1;
  const y = d3
    .scaleLinear()
    .domain([0, largestBytes])
    .range([height, top + middle])
    .nice(4);
  const ratios = bars.map((bar) => ratioOf(bar.stored, bar.bytes)).filter(isNumber);
  const ratio = d3
    .scaleLinear()
    .domain([Math.min(0.5, d3.min(ratios) || 0), Math.max(1, d3.max(ratios) || 1)])
    .range([top - 8, 8])
    .nice(2);
  axisLeft(svg, y, { left, right: width - 4, format: axisBytes, ticks: 4 });
  axisLeft(svg, ratio, { left, right: width - 4, format: (value) => percent(value, 0), ticks: 2 });
  const lines = (bar) => [
    bar.name,
    `${bytes(bar.bytes)} original`,
    `${bytes(bar.stored)} stored`,
    `ratio ${percent(ratioOf(bar.stored, bar.bytes))}`,
  ];
  const marks = svg
    .selectAll("g.bar")
    .data(bars)
    .join("g")
    .attr("class", "bar")
    .attr("transform", (bar, at) => `translate(${x(at)},0)`);
  marks
    .append("rect")
    .attr("class", "original")
    .attr("width", x.bandwidth())
    .attr("y", (bar) => y(bar.bytes))
    .attr("height", (bar) => height - y(bar.bytes));
  marks
    .append("rect")
    .attr("class", "c1")
    .attr("width", x.bandwidth())
    .attr("y", (bar) => y(bar.stored))
    .attr("height", (bar) => height - y(bar.stored));
  const seen = marks.filter((bar) => ratioOf(bar.stored, bar.bytes) !== null);
  seen
    .append("circle")
    .attr("class", "c2")
    .attr("cx", x.bandwidth() / 2)
    .attr("cy", (bar) => ratio(ratioOf(bar.stored, bar.bytes)))
    .attr("r", Math.max(1.5, Math.min(4, x.bandwidth() / 2)));
  withTips(
    marks
      .append("rect")
      .attr("class", "catch")
      .attr("x", (-x.step() * x.padding()) / 2)
      .attr("width", x.step())
      .attr("y", 0)
      .attr("height", height),
    lines,
  );
  svg
    .append("line")
    .attr("class", "base")
    .attr("x1", left)
    .attr("x2", width - 4)
    .attr("y1", height)
    .attr("y2", height);
  const widest = d3.max(bars, (bar) => widthOf(bar.short)) + 10;
  const each = Math.max(1, Math.ceil(widest / x.step()));
  const shift = bars[0].short === "none" ? 1 : 0;
  bars.forEach((bar, at) => {
    if (at >= shift && (at - shift) % each !== 0) return;
    if (at < shift && widest > x.step() * 1.6 && bars.length > 1) return;
    svg
      .append("text")
      .attr("class", "label")
      .attr("x", x(at) + x.bandwidth() / 2)
      .attr("y", height + 17)
      .attr("text-anchor", "middle")
      .text(bar.short);
  });
  return height + 24;
}

function layersPart(archive) {
  const tallies = list(archive.layers).filter(object);
  if (!tallies.some((row) => isNumber(row.layer))) return null;
  const bars = barsOf(tallies);
  return part(
    3,
    "Layer by layer",
    figure({
      chart: "layers",
      label:
        `Bytes of ${counted(bars.length, "bar")} in the order of layers, from ${bytes(d3.min(bars, (bar) => bar.stored))} to ` +
        `${bytes(d3.max(bars, (bar) => bar.stored))} stored; their ratios are between ` +
        `${percent(d3.min(bars, (bar) => ratioOf(bar.stored, bar.bytes)))} and ${percent(d3.max(bars, (bar) => ratioOf(bar.stored, bar.bytes)))}`,
      draw: (svg, width) => drawLayers(svg, width, bars),
      below: legend([
        { name: "ratio, above", color: "dot c2" },
        { name: "stored bytes", color: "c1" },
        { name: "original bytes", color: "original" },
      ]),
      caption: "By the number of the layer. Tensors that belong to no layer, such as embeddings, are first.",
      table: folded(
        `Table of ${counted(tallies.length, "row")}`,
        dataTable({
          caption: "Layers",
          note: leftOut(archive, "layers"),
          columns: [
            numberColumn(
              "Layer",
              (row) => row.layer,
              (value) => (isNumber(value) ? exact(value) : "none"),
            ),
            ...tallyColumns,
          ],
          rows: tallies,
        }),
      ),
    }),
  );
}
