// Runs over time: ratios, sizes and speeds, each in a drawing of its own.

const mostSeries = 6;
const shapes = [d3.symbolCircle, d3.symbolSquare, d3.symbolTriangle, d3.symbolDiamond, d3.symbolCross, d3.symbolStar];

// Returns the rows with a value as series, those with most points first.
function seriesOf(rows, keyOf, valueOf) {
  const series = new Map();
  for (const row of rows) {
    const value = valueOf(row);
    const time = new Date(text(row.date)).getTime();
    if (!isNumber(value) || Number.isNaN(time)) continue;
    const key = keyOf(row);
    if (!series.has(key)) series.set(key, { name: key, points: [] });
    series.get(key).points.push({ time, value, row });
  }
  const all = [...series.values()].sort((a, b) => b.points.length - a.points.length);
  for (const one of all) one.points.sort((a, b) => a.time - b.time);
  return { shown: all.slice(0, mostSeries), left: Math.max(0, all.length - mostSeries) };
}

function drawTrend(svg, width, series, { format, low = null }) {
  const [left, top, bottom] = [66, 8, 190];
  const points = series.flatMap((one) => one.points);
  const [least, most] = d3.extent(points, (point) => point.value);
  const room = (most - least) * 0.12 || Math.abs(most) * 0.05 || 1;
  const times = d3.extent(points, (point) => point.time);
  const hour = 3600e3;
  const x = d3
    .scaleUtc()
    .domain(times[0] === times[1] ? [times[0] - hour, times[1] + hour] : times)
    .range([left + 10, width - 14]);
  const y = d3
    .scaleLinear()
    .domain([low === null ? least - room : Math.min(low, least), most + room])
    .range([bottom, top])
    .nice(4);
  axisLeft(svg, y, { left, right: width - 4, format, ticks: 4 });
  const axis = svg
    .append("g")
    .attr("class", "axis")
    .attr("transform", `translate(0,${bottom})`)
    .call(
      d3
        .axisBottom(x)
        .ticks(Math.max(2, Math.floor(width / 130)))
        .tickSizeOuter(0)
        .tickPadding(7),
    );
  axis.select(".domain").remove();
  const line = d3
    .line()
    .x((point) => x(point.time))
    .y((point) => y(point.value));
  series.forEach((one, at) => {
    svg
      .append("path")
      .attr("class", `line l${at + 1}`)
      .attr("d", line(one.points));
    const symbol = d3
      .symbol()
      .type(shapes[at])
      .size(one.points.length > 80 ? 14 : 42);
    withTips(
      svg
        .append("g")
        .attr("class", `s${at + 1}`)
        .selectAll("path")
        .data(one.points)
        .join("path")
        .attr("class", `c${at + 1} point`)
        .attr("transform", (point) => `translate(${x(point.time)},${y(point.value)})`)
        .attr("d", symbol()),
      (point) => [
        shortened(one.name, 80),
        format(point.value),
        date(point.row.date),
        point.row.archive ? shortened(point.row.archive, 80) : null,
      ],
    );
  });
  return bottom + 26;
}

function trendLegend(series) {
  return el(
    "ul",
    { class: "legend" },
    series.map((one, at) => {
      const svg = d3
        .create("svg")
        .attr("class", "mark")
        .attr("viewBox", "-12 -7 24 14")
        .attr("width", 24)
        .attr("height", 14)
        .attr("aria-hidden", "true");
      svg
        .append("path")
        .attr("class", `line l${at + 1}`)
        .attr("d", "M-12,0H12");
      svg
        .append("path")
        .attr("class", `c${at + 1} point`)
        .attr("d", d3.symbol().type(shapes[at]).size(42)());
      const last = one.points[one.points.length - 1];
      return el(
        "li",
        {},
        svg.node(),
        el("bdi", {}, shortened(one.name, 40)),
        el("span", { class: "figure" }, one.format(last.value)),
      );
    }),
  );
}

function historyPart(history) {
  const rows = object(history) ? list(history.rows).filter(object) : [];
  if (rows.length === 0) return null;
  const archiveOf = (row) => text(row.archive) || "archive";
  const quality = (row) => object(row.quality) || {};
  const trends = [
    ["ratio", "Ratio", archiveOf, (row) => row.ratio, (value) => percent(value, 2), "Stored by original bytes, by archive."],
    ["archive-bytes", "Archive bytes", archiveOf, (row) => row.archive_bytes, shortBytes, "Length of the archive."],
    [
      "speed",
      "Speed",
      (row) => text(row.command) || "command",
      (row) => row.bytes_per_second,
      speed,
      "Original bytes a second, by command.",
      0,
    ],
    [
      "likelihood",
      "Difference of the negative log-likelihood",
      archiveOf,
      (row) => quality(row).nll_difference,
      small,
      "Measured quality, by archive.",
    ],
  ];
  const table = () => {
    const measured = rows.some((row) => isNumber(quality(row).nll_difference));
    return folded(
      `Table of ${counted(rows.length, "run")}`,
      dataTable({
        caption: "Runs",
        rows: [...rows].reverse(),
        note: leftOut(history, "rows"),
        columns: [
          column("Date", (row) => row.date, date, { tight: true }),
          column("Command", (row) => row.command),
          nameColumn("Archive", (row) => row.archive),
          column("Version", (row) => row.version),
          numberColumn("Original bytes", (row) => row.original_bytes),
          numberColumn("Archive bytes", (row) => row.archive_bytes),
          numberColumn(
            "Ratio",
            (row) => row.ratio,
            (value) => percent(value, 2),
          ),
          numberColumn("Time", (row) => row.seconds, seconds),
          numberColumn("Speed", (row) => row.bytes_per_second, speed),
          numberColumn("Threads", (row) => row.threads),
          measured ? numberColumn("Difference of likelihood", (row) => quality(row).nll_difference, small) : null,
          column(
            "Root digest",
            (row) => row.root_digest,
            (value) => (value ? digest(shortened(value, 24)) : missing),
          ),
        ].filter(Boolean),
      }),
    );
  };
  const figures = trends
    .map(([chart, title, keyOf, valueOf, format, caption, low = null]) => {
      const { shown, left } = seriesOf(rows, keyOf, valueOf);
      if (shown.length === 0) return null;
      for (const one of shown) one.format = format;
      return part(
        3,
        title,
        figure({
          chart: `trend-${chart}`,
          table: table(),
          below: trendLegend(shown),
          label:
            `${title} over time. ` +
            shown
              .map(
                (one) =>
                  `${shortened(one.name, 60)}: ${counted(one.points.length, "run")}, first ` +
                  `${format(one.points[0].value)}, last ${format(one.points[one.points.length - 1].value)}`,
              )
              .join("; "),
          draw: (svg, width) => drawTrend(svg, width, shown, { format, low }),
          caption: `${caption} Beside each name, its last value.${left > 0 ? ` ${left} more are in the table only.` : ""}`,
        }),
      );
    })
    .filter(Boolean);
  return part(2, el("span", {}, "History in ", nameNode(history.name, 80)), figures.length > 0 ? figures : table());
}
