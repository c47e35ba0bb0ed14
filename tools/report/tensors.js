// The table of all tensors of an archive.

function tensorsTable(archive) {
  const { rows, get, rest, count } = tensorRows(archive);
  const files = list(archive.files);
  const has = (name) => rows.some((row) => get(name)(row) !== null && get(name)(row) !== undefined);
  const original = get("bytes");
  const stored = get("stored_bytes");
  const columns = [
    nameColumn("Tensor", get("name")),
    files.length > 1
      ? nameColumn("File", (row) => {
          const file = object(files[get("file")(row)]);
          return file ? file.path : null;
        })
      : null,
    has("dtype") ? column("Dtype", get("dtype")) : null,
    has("shape") ? column("Shape", (row) => list(get("shape")(row)).map(text).join(" × ")) : null,
    has("layer") ? numberColumn("Layer", get("layer")) : null,
    has("codec") ? column("Codec", get("codec")) : null,
    has("form") ? column("Form", get("form")) : null,
    numberColumn("Original bytes", original),
    numberColumn("Stored bytes", stored),
    numberColumn(
      "Ratio",
      (row) => ratioOf(stored(row), original(row)),
      (value) => percent(value),
    ),
  ].filter(Boolean);
  const left =
    rest && amount(rest.tensors) > 0
      ? `${counted(rest.tensors, "smaller tensor")} of ${bytes(amount(rest.bytes))}, ` +
        `stored in ${bytes(amount(rest.stored_bytes))}, are not listed here, to keep the page small. bbz report --json lists them.`
      : null;
  // The data has the largest first; then the heading says so, and nothing needs to be sorted.
  const inOrder = rows.every((row, at) => at === 0 || amount(stored(rows[at - 1])) >= amount(stored(row)));
  return folded(
    `Table of ${left ? "the largest of " : ""}${counted(isNumber(count) ? count : rows.length, "tensor")}`,
    dataTable({
      caption: "Tensors",
      columns,
      rows,
      note: left,
      sorted: inOrder ? columns.length - 2 : null,
    }),
  );
}
