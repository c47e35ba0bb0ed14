// What methods that were not used would save, as predicted from samples.

function estimatesPart(archive) {
  const estimates = object(archive.estimates);
  const methods = estimates ? list(estimates.methods).filter(object) : [];
  if (methods.length === 0 && !(estimates && estimates.note)) return null;
  const nameOf = (row) => text(row.method) + (row.floor ? `, floor ${row.floor}` : "");
  const order = methods.filter((row) => isNumber(row.bytes)).sort((a, b) => a.bytes - b.bytes);
  const stored = archive.archive_bytes;
  const within = (row) => (isNumber(row.bytes_within) ? row.bytes_within : 0);
  const bars = order.map((row) => ({
    name: nameOf(row),
    note: `${shortBytes(row.bytes)}, ${percent(row.ratio)}`,
    marks: [
      {
        from: 0,
        to: row.bytes,
        class: "c1",
        lines: [
          shortened(nameOf(row), 80),
          `${bytes(row.bytes)} predicted`,
          within(row) ? `within ${percent(within(row))}` : null,
        ],
      },
      ...(within(row)
        ? [
            {
              from: row.bytes * (1 - within(row)),
              to: row.bytes * (1 + within(row)),
              class: "range",
              height: 6,
              lines: [`within ${percent(within(row))}`],
            },
          ]
        : []),
    ],
  }));
  if (isNumber(stored))
    bars.push({
      name: "this archive",
      note: shortBytes(stored),
      marks: [{ from: 0, to: stored, class: "stored", lines: ["this archive", bytes(stored)] }],
    });
  const most = d3.max(bars, (bar) => d3.max(bar.marks, (mark) => mark.to)) || 1;
  const times = order.filter((row) => isNumber(row.seconds) && row.seconds > 0).sort((a, b) => a.seconds - b.seconds);
  const factor = (row) => (isNumber(row.seconds_within) && row.seconds_within > 1 ? row.seconds_within : 1);
  const timeBars = times.map((row) => ({
    name: nameOf(row),
    note: seconds(row.seconds),
    marks: [
      {
        from: 0,
        to: row.seconds,
        class: "c3",
        lines: [
          shortened(nameOf(row), 80),
          `${seconds(row.seconds)} predicted`,
          factor(row) > 1 ? `within a factor of ${factor(row)}` : null,
        ],
      },
      ...(factor(row) > 1
        ? [
            {
              from: row.seconds / factor(row),
              to: row.seconds * factor(row),
              class: "range",
              height: 6,
              lines: [`within a factor of ${factor(row)}`],
            },
          ]
        : []),
    ],
  }));
  const table = () =>
    folded(
      `Table of ${counted(methods.length, "method")}`,
      dataTable({
        caption: "Predictions",
        rows: [...order, ...methods.filter((row) => !order.includes(row))],
        columns: [
          nameColumn("Method", nameOf),
          numberColumn("Bytes", (row) => row.bytes),
          numberColumn(
            "Ratio",
            (row) => row.ratio,
            (value) => percent(value),
          ),
          numberColumn(
            "Within",
            (row) => row.bytes_within,
            (value) => (isNumber(value) ? `± ${percent(value)}` : missing),
          ),
          numberColumn(
            "Beside this archive",
            (row) => (isNumber(stored) && isNumber(row.bytes) ? row.bytes - stored : null),
            change,
          ),
          numberColumn("Time", (row) => row.seconds, seconds),
          numberColumn(
            "Within a factor of",
            (row) => row.seconds_within,
            (value) => (isNumber(value) ? bits(value) : missing),
          ),
          ...(methods.some((row) => row.note) ? [column("Note", (row) => row.note)] : []),
        ],
      }),
    );
  return part(
    3,
    "Predicted savings",
    estimates.note ? el("p", { class: "note" }, visible(estimates.note)) : null,
    order.length === 0
      ? methods.length > 0
        ? table()
        : null
      : figure({
          chart: "estimates",
          table: table(),
          label:
            "Predicted sizes, smallest first: " +
            order.map((row) => `${shortened(nameOf(row), 60)} ${bytes(row.bytes)}`).join("; "),
          draw: (svg, width) => drawBars(svg, width, bars, { format: axisBytes, domain: [0, most * 1.01] }),
          caption:
            "Predicted bytes of an archive of the same files by other methods. The outline at the end says how sure it is.",
        }),
    timeBars.length === 0
      ? null
      : figure({
          chart: "estimated-times",
          table: table(),
          label:
            "Predicted times, shortest first: " +
            times.map((row) => `${shortened(nameOf(row), 60)} ${seconds(row.seconds)}`).join("; "),
          draw: (svg, width) =>
            drawBars(svg, width, timeBars, {
              format: seconds,
              domain: [0, d3.max(timeBars, (bar) => d3.max(bar.marks, (mark) => mark.to))],
            }),
          caption: "Predicted time to pack on this machine.",
        }),
  );
}
