// The groups whose tensors are stored up to what the function of the model does not depend on.

const mostGroups = 24;
const methodClass = (methods, method) => `c${(methods.indexOf(text(method)) % 7) + 1}`;

function groupFigure(groups, methods, { chart, field, what, format, scale, domain, order, note }) {
  const with_ = groups.filter((group) => isNumber(group[field]) && (field !== "error" || group[field] > 0));
  if (with_.length === 0) return null;
  const shown = [...with_].sort((a, b) => b[field] - a[field]).slice(0, mostGroups);
  const [low, high] = domain(d3.extent(shown, (group) => group[field]));
  const rows = shown.map((group) => ({
    name: text(group.name),
    note: format(group[field]),
    marks: [
      {
        from: low,
        to: Math.max(group[field], low),
        class: methodClass(methods, group.method),
        dot: scale === d3.scaleLog,
        lines: [shortened(group.name, 80), shortened(group.method, 40), `${what} ${format(group[field])}`],
      },
    ],
  }));
  return figure({
    chart,
    label:
      `${what} by group, ${order}: ` +
      shown
        .slice(0, 12)
        .map((group) => `${shortened(group.name, 60)} ${format(group[field])}`)
        .join("; "),
    draw: (svg, width) =>
      drawBars(svg, width, rows, { format: scale === d3.scaleLog ? small : axisBytes, domain: [low, high], scale: scale() }),
    below: legend(methods.slice(0, 7).map((method) => ({ name: shortened(method, 40), color: methodClass(methods, method) }))),
    caption: `${what} by group${shown.length < with_.length ? `, the ${shown.length} largest of ${with_.length}` : ", largest first"}.`,
    table: groupsTable(with_, note),
  });
}

function groupsTable(groups, note) {
  const has = (field) => groups.some((group) => group[field] !== null && group[field] !== undefined && group[field] !== "");
  return folded(
    `Table of ${counted(groups.length, "group")}`,
    dataTable({
      caption: "Groups",
      rows: groups,
      note,
      columns: [
        nameColumn("Group", (group) => group.name),
        has("kind") ? column("Kind", (group) => group.kind) : null,
        column("Method", (group) => group.method),
        numberColumn("Tensors", (group) => group.tensors),
        numberColumn("Width", (group) => group.width),
        numberColumn("Saved bytes", (group) => group.saved_bytes),
        numberColumn("Error", (group) => group.error, small),
        has("largest_difference") ? numberColumn("Largest difference", (group) => group.largest_difference, small) : null,
        numberColumn("Growth", (group) => group.growth, small),
        has("note") ? column("Note", (group) => group.note) : null,
      ].filter(Boolean),
    }),
  );
}

function symmetryPart(archive) {
  const symmetry = object(archive.symmetry);
  const groups = symmetry ? list(symmetry.groups).filter(object) : [];
  if (groups.length === 0) return null;
  const left = leftOut(symmetry, "groups");
  const rest = object(symmetry.groups_rest) ?? {};
  const methods = [...new Set(groups.map((group) => text(group.method)))];
  const saved = groups.some((group) => isNumber(group.saved_bytes))
    ? d3.sum([...groups, rest], (group) => (isNumber(group.saved_bytes) ? group.saved_bytes : 0))
    : null;
  const error = d3.max([...groups, rest], (group) => (isNumber(group.error) ? group.error : null));
  const figures = [
    groupFigure(groups, methods, {
      chart: "saved",
      field: "saved_bytes",
      what: "Saved bytes",
      format: shortBytes,
      scale: d3.scaleLinear,
      order: "most first",
      note: left,
      domain: ([low, high]) => [Math.min(0, low), Math.max(high, 1)],
    }),
    groupFigure(groups, methods, {
      chart: "errors",
      field: "error",
      what: "Measured error",
      format: small,
      scale: d3.scaleLog,
      order: "largest first",
      note: left,
      domain: ([low, high]) => [10 ** Math.floor(Math.log10(low) - 0.3), 10 ** Math.ceil(Math.log10(high) + 0.01)],
    }),
  ].filter(Boolean);
  return part(
    3,
    "Symmetry",
    keyFigures([
      symmetry.family ? ["Family", shortened(symmetry.family, 40), "of the model, by the names of its tensors"] : null,
      [
        "Groups",
        exact(groups.length + amount(rest.count)),
        methods
          .slice(0, 4)
          .map((method) => shortened(method, 40))
          .join(", "),
      ],
      saved === null ? null : ["Saved", bytes(saved), "before the coder of floats"],
      isNumber(error) ? ["Largest error", small(error), "of a group, as its record states"] : null,
    ]),
    el(
      "p",
      { class: "note" },
      "These tensors come back changed, but the function of the model is the same up to the error. ",
      el("code", {}, "bbz compare"),
      " measures it.",
    ),
    figures.length > 0 ? figures : groupsTable(groups, left),
  );
}
