// The groups whose tensors are stored up to what the function of the model does not depend on.

const mostGroups = 24;
const methodClass = (methods, method) => `c${(methods.indexOf(text(method)) % 7) + 1}`;

function groupFigure(groups, methods, { chart, field, what, format, scale, domain, order }) {
  const with_ = groups.filter((group) => isNumber(group[field]) && (field !== "error" || group[field] > 0));
  if (with_.length === 0) return null;
  const shown = [...with_].sort((a, b) => b[field] - a[field]).slice(0, mostGroups);
  const [low, high] = domain(d3.extent(shown, (group) => group[field]));
  const rows = shown.map((group) => ({
    name: text(group.name), note: format(group[field]),
    marks: [{
      from: low, to: Math.max(group[field], low), class: methodClass(methods, group.method), dot: scale === d3.scaleLog,
      lines: [visible(group.name), visible(group.method), `${what} ${format(group[field])}`],
    }],
  }));
  return figure({
    chart, label: `${what} by group, ${order}: ` + shown.slice(0, 12).map((group) => `${visible(group.name)} ${format(group[field])}`).join("; "),
    draw: (svg, width) => drawBars(svg, width, rows, { format: scale === d3.scaleLog ? small : axisBytes, domain: [low, high], scale: scale() }),
    below: legend(methods.slice(0, 7).map((method) => ({ name: visible(method), color: methodClass(methods, method) }))),
    caption: `${what} by group${shown.length < with_.length ? `, the ${shown.length} largest of ${with_.length}` : ", largest first"}.`,
    table: groupsTable(with_),
  });
}

function groupsTable(groups) {
  return folded(`Table of ${counted(groups.length, "group")}`, dataTable({
    caption: "Groups", rows: groups, columns: [
      nameColumn("Group", (group) => group.name), column("Method", (group) => group.method), numberColumn("Tensors", (group) => group.tensors),
      numberColumn("Width", (group) => group.width), numberColumn("Saved bytes", (group) => group.saved_bytes),
      numberColumn("Error", (group) => group.error, small), numberColumn("Growth", (group) => group.growth, small),
    ],
  }));
}

function symmetryPart(archive) {
  const symmetry = object(archive.symmetry);
  const groups = symmetry ? list(symmetry.groups).filter(object) : [];
  if (groups.length === 0) return null;
  const methods = [...new Set(groups.map((group) => text(group.method)))];
  const saved = groups.some((group) => isNumber(group.saved_bytes)) ? d3.sum(groups, (group) => (isNumber(group.saved_bytes) ? group.saved_bytes : 0)) : null;
  const error = d3.max(groups, (group) => (isNumber(group.error) ? group.error : null));
  const figures = [
    groupFigure(groups, methods, {
      chart: "saved", field: "saved_bytes", what: "Saved bytes", format: shortBytes, scale: d3.scaleLinear, order: "most first",
      domain: ([low, high]) => [Math.min(0, low), Math.max(high, 1)],
    }),
    groupFigure(groups, methods, {
      chart: "errors", field: "error", what: "Measured error", format: small, scale: d3.scaleLog, order: "largest first",
      domain: ([low, high]) => [10 ** Math.floor(Math.log10(low) - 0.3), 10 ** Math.ceil(Math.log10(high) + 0.01)],
    }),
  ].filter(Boolean);
  return part(3, "Symmetry", keyFigures([
    symmetry.family ? ["Family", visible(symmetry.family), "of the model, by the names of its tensors"] : null,
    ["Groups", exact(groups.length), methods.map(visible).slice(0, 4).join(", ")],
    saved === null ? null : ["Saved", bytes(saved), "beside storing the same tensors exactly"],
    isNumber(error) ? ["Largest error", small(error), "relative, of elements that are given back"] : null,
  ]), el("p", { class: "note" }, "These tensors come back changed, but the function of the model is the same up to the error. ",
    el("code", {}, "bbz compare"), " measures it."), figures.length > 0 ? figures : groupsTable(groups));
}
