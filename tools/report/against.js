// What was asked of the archive, and what changed against another.

function gatesPart(gates) {
  const rows = list(gates).filter(object);
  if (rows.length === 0) return null;
  const failed = rows.filter((gate) => gate.passed !== true).length;
  const figureOf = (value) => (isNumber(value) ? (Number.isInteger(value) ? exact(value) : small(value)) : missing);
  const verdict = (passed) =>
    el("span", { class: passed === true ? "passed" : "not-passed" }, passed === true ? "✓ passed" : "✗ failed");
  return part(
    2,
    "Gates",
    el(
      "p",
      { class: "verdict" },
      failed === 0 ? verdict(true) : verdict(false),
      ` ${
        failed === 0 ? `All of ${counted(rows.length, "gate")} passed.` : `${failed} of ${counted(rows.length, "gate")} failed.`
      }`,
    ),
    dataTable({
      caption: "Gates",
      rows,
      columns: [
        ...(new Set(rows.map((gate) => gate.archive)).size > 1 ? [nameColumn("Archive", (gate) => gate.archive)] : []),
        column(
          "Gate",
          (gate) => gate.gate,
          (value) => el("code", {}, nameNode(value, 100)),
          { isName: true },
        ),
        column(
          "Verdict",
          (gate) => (gate.passed === true ? "passed" : "failed"),
          (value) => verdict(value === "passed"),
        ),
        column("Figure", (gate) => gate.figure),
        numberColumn("Value", (gate) => gate.value, figureOf),
        numberColumn("Limit", (gate) => gate.limit, figureOf),
        ...(rows.some((gate) => gate.why) ? [column("Why", (gate) => gate.why)] : []),
      ],
    }),
  );
}

const growth = (row) => (isNumber(row.new_stored) ? row.new_stored : 0) - (isNumber(row.old_stored) ? row.old_stored : 0);

function changesFigure(rows, note) {
  const grown = rows
    .filter((row) => growth(row) > 0)
    .sort((a, b) => growth(b) - growth(a))
    .slice(0, 12);
  const shrunk = rows
    .filter((row) => growth(row) < 0)
    .sort((a, b) => growth(a) - growth(b))
    .slice(0, 12)
    .reverse();
  const shown = [...grown, ...shrunk];
  const table = folded(
    `Table of ${counted(rows.length, "tensor")}`,
    dataTable({
      caption: "Changes of tensors",
      rows,
      note,
      columns: [
        nameColumn("Tensor", (row) => row.name),
        column("State", (row) => row.state),
        numberColumn("Old bytes", (row) => row.old_bytes),
        numberColumn("New bytes", (row) => row.new_bytes),
        numberColumn("Old stored", (row) => row.old_stored),
        numberColumn("New stored", (row) => row.new_stored),
        numberColumn("Change of stored", growth, change),
      ],
    }),
  );
  if (shown.length === 0) return table;
  const bars = shown.map((row) => ({
    name: text(row.name),
    note: `${change(growth(row))}${row.state === "changed" ? "" : `, ${shortened(row.state, 16)}`}`,
    marks: [
      {
        from: 0,
        to: growth(row),
        class: growth(row) > 0 ? "c2" : "c1",
        lines: [
          shortened(row.name, 200),
          shortened(row.state, 16),
          `stored ${shortBytes(row.old_stored)} before, ${shortBytes(row.new_stored)} now`,
        ],
      },
    ],
  }));
  const most = d3.max(shown, (row) => Math.abs(growth(row)));
  return figure({
    chart: "changes",
    table,
    label:
      "Tensors whose stored bytes changed most: " +
      shown.map((row) => `${shortened(row.name, 80)} ${change(growth(row))}`).join("; "),
    draw: (svg, width) =>
      drawBars(svg, width, bars, {
        format: axisChange,
        domain: [shrunk.length > 0 ? -most : 0, grown.length > 0 ? most : 0],
        ticks: width > 700 ? 5 : 3,
      }),
    below: legend(
      [
        grown.length > 0 ? { name: "more stored bytes", color: "c2" } : null,
        shrunk.length > 0 ? { name: "fewer", color: "c1" } : null,
      ].filter(Boolean),
    ),
    caption: `Stored bytes now less those before, of the tensors that grew and shrank most.`,
  });
}

// Of a likelihood, so many digits that a small difference is seen.
const nats = (value) => (isNumber(value) ? String(Number(value.toPrecision(7))) : missing);

function againstPart(against) {
  if (!object(against)) return null;
  const before = object(against.old) || {};
  const now = object(against.new) || {};
  const summary = object(against.summary);
  const quality = object(against.quality);
  const difference = (a, b, show) => (isNumber(a) && isNumber(b) ? show(b - a) : null);
  const relative = (a, b) => (isNumber(a) && isNumber(b) && a > 0 ? `${b >= a ? "+" : ""}${percent((b - a) / a, 2)}` : "");
  const rows = [
    {
      name: "Original bytes",
      old: exact(before.original_bytes),
      now: exact(now.original_bytes),
      change: difference(before.original_bytes, now.original_bytes, change),
      relative: relative(before.original_bytes, now.original_bytes),
    },
    {
      name: "Stored bytes",
      old: exact(before.stored_bytes),
      now: exact(now.stored_bytes),
      change: difference(before.stored_bytes, now.stored_bytes, change),
      relative: relative(before.stored_bytes, now.stored_bytes),
    },
    {
      name: "Ratio",
      old: percent(before.ratio, 2),
      now: percent(now.ratio, 2),
      change: difference(
        before.ratio,
        now.ratio,
        (value) => `${value > 0 ? "+" : ""}${(100 * value).toFixed(2).replace("-", "−")} points`,
      ),
      relative: "",
    },
  ];
  if (quality && isNumber(quality.nll_old)) {
    rows.push({
      name: "Negative log-likelihood",
      old: nats(quality.nll_old),
      now: nats(quality.nll_new),
      change: small(quality.nll_difference),
      relative: "",
    });
  }
  const plain = (value) => value || missing;
  const tensors = list(against.tensors).filter(object);
  return part(
    2,
    el("span", {}, "Against ", nameNode(against.name, 80)),
    summary
      ? keyFigures(
          [
            ["same", "the same"],
            ["changed", "changed"],
            ["added", "added"],
            ["removed", "removed"],
            ["unknown", "not compared"],
          ]
            .filter(([key]) => isNumber(summary[key]))
            .map(([key, name]) => [`Tensors ${name}`, exact(summary[key])]),
        )
      : null,
    dataTable({
      caption: "Before and now",
      rows,
      columns: [
        column("Figure", (row) => row.name),
        numberColumn("Before", (row) => row.old, plain),
        numberColumn("Now", (row) => row.now, plain),
        numberColumn("Change", (row) => row.change, plain),
        numberColumn("Relative", (row) => row.relative, plain),
      ],
    }),
    tensors.length > 0 ? part(3, "What grew and what shrank", changesFigure(tensors, leftOut(against, "tensors"))) : null,
    quality
      ? part(
          3,
          "Quality",
          el(
            "dl",
            { class: "facts" },
            [
              ["Tokens", exact(quality.tokens)],
              ["Difference of the negative log-likelihood", small(quality.nll_difference)],
              ["Kullback-Leibler divergence", small(quality.kl)],
              ["Largest difference of a logit", small(quality.largest_logit_difference)],
            ].map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
          ),
        )
      : null,
  );
}
