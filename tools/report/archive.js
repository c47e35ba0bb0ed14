// An archive: its parts, and those of them that are small: what it leans on, its files, how to verify it.

function leansPart(archive) {
  const bases = list(archive.bases).filter(object);
  const references = object(archive.references);
  const repeated = references && amount(references.chunks) > 0;
  if (bases.length === 0 && !repeated) return null;
  const bars = bases.slice(0, mostGroups).map((base) => {
    const unchanged = amount(base.unchanged_bytes);
    const own = amount(base.own_bytes);
    const between = Math.max(0, amount(base.bytes) - unchanged - own);
    const lines = (what, size) => [shortened(base.hint, 80), `${bytes(size)} ${what}`];
    return {
      name: text(base.hint),
      note: `${shortBytes(amount(base.stored_bytes))} stored`,
      marks: [
        { from: 0, to: unchanged, class: "segment c1", lines: lines("unchanged", unchanged) },
        { from: unchanged, to: unchanged + between, class: "segment c2", lines: lines("stored as a difference", between) },
        { from: unchanged + between, to: unchanged + between + own, class: "segment c7", lines: lines("need no base", own) },
      ].filter((mark) => mark.to > mark.from),
    };
  });
  const most = d3.max(bars, (bar) => d3.max(bar.marks, (mark) => mark.to)) || 1;
  return part(
    3,
    "What it leans on",
    bases.length === 0
      ? null
      : figure({
          chart: "bases",
          label:
            "Bytes of tensors that lean on bases: " +
            bases
              .slice(0, 12)
              .map(
                (base) =>
                  `${shortened(base.hint, 80)}: ${bytes(amount(base.bytes))}, of which ` +
                  `${bytes(amount(base.unchanged_bytes))} unchanged, stored in ${bytes(amount(base.stored_bytes))}`,
              )
              .join("; "),
          draw: (svg, width) => drawBars(svg, width, bars, { format: axisBytes, domain: [0, most] }),
          below: legend([
            { name: "unchanged", color: "c1" },
            { name: "stored as a difference", color: "c2" },
            { name: "needs no base", color: "c7" },
          ]),
          caption: "Bytes of the tensors that lean on each base. The archive is read together with its bases only.",
          table: folded(
            `Table of ${counted(bases.length, "base")}`,
            dataTable({
              caption: "Bases",
              rows: bases,
              note: leftOut(archive, "bases"),
              columns: [
                nameColumn("Base", (base) => base.hint),
                column(
                  "Root digest",
                  (base) => base.root_digest,
                  (value) => (value ? digest(value) : "it was no archive"),
                ),
                numberColumn("Tensors", (base) => base.tensors),
                numberColumn("Bytes", (base) => base.bytes),
                numberColumn("Stored", (base) => base.stored_bytes),
                numberColumn("Unchanged", (base) => base.unchanged_bytes),
                numberColumn("Own", (base) => base.own_bytes),
              ],
            }),
          ),
        }),
    repeated
      ? el(
          "p",
          {},
          `${counted(references.chunks, "chunk")} of ${bytes(amount(references.bytes))} repeat other chunks of the archive, and are stored once.`,
        )
      : null,
  );
}

function filesPart(archive) {
  const files = list(archive.files).filter(object);
  if (files.length === 0) return null;
  const has = (field) => files.some((file) => file[field] !== null && file[field] !== undefined);
  const table = dataTable({
    caption: "Files",
    rows: files,
    note: leftOut(archive, "files"),
    columns: [
      nameColumn("Path", (file) => file.path),
      column("Kind", (file) => file.kind),
      numberColumn("Original bytes", (file) => file.bytes),
      numberColumn("Stored bytes", (file) => file.stored_bytes),
      numberColumn(
        "Ratio",
        (file) => ratioOf(file.stored_bytes, file.bytes),
        (value) => percent(value),
      ),
      has("digest")
        ? column(
            "Digest",
            (file) => file.digest,
            (value) => (value ? digest(value) : missing),
          )
        : null,
    ].filter(Boolean),
  });
  return part(3, "Files", files.length <= 5 ? table : folded(`Table of ${counted(files.length, "file")}`, table));
}

const digest = (value) => el("code", { class: "digest" }, visible(value));

// Returns a command with a button that copies it.
function command(words) {
  const code = el("code", {}, visible(words));
  const said = el("span", { class: "copied", role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(words);
      said.textContent = "copied";
    } catch {
      // Pages that are files may not use the clipboard everywhere.
      getSelection().selectAllChildren(code);
      said.textContent = "selected: press Ctrl+C";
    }
    setTimeout(() => {
      said.textContent = "";
    }, 4000);
  };
  // A command that would not be what is shown is not for copying.
  const button = visible(words) === text(words) ? el("button", { type: "button", click: copy }, "Copy") : null;
  return el("div", { class: "command" }, code, button, said);
}

function verifyPart(archive) {
  const commands = list(archive.verify).filter(object);
  if (!archive.root_digest && commands.length === 0) return null;
  const format = object(archive.format);
  return part(
    3,
    "Digests and how to verify",
    el(
      "dl",
      { class: "facts" },
      [
        archive.root_digest ? ["Root digest", digest(archive.root_digest)] : null,
        archive.digest_kind === "xxh3-128" || text(archive.root_digest).startsWith("xxh3")
          ? ["It finds", "accidents, not forgery"]
          : null,
        archive.id ? ["Archive", digest(archive.id)] : null,
        format ? ["Format", `${exact(format.major)}.${exact(format.minor)}`] : null,
      ]
        .filter(Boolean)
        .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
    ),
    commands.map((row) => el("div", { class: "way" }, el("p", {}, visible(row.what)), command(text(row.command)))),
  );
}

function archivePart(archive, limit) {
  const title = el("span", {}, nameNode(archive.name, 100));
  return part(
    2,
    title,
    ...[
      ["The sizes", () => glance(archive)],
      [
        "The treemap",
        () => {
          const drawn = treemapFigure(archive, limit);
          const { rows } = tensorRows(archive);
          return drawn || rows.length > 0 ? part(3, "Where the bytes are", drawn || tensorsTable(archive)) : null;
        },
      ],
      ["The layers", () => layersPart(archive)],
      ["The bits", () => bitsPart(archive)],
      ["The symmetry", () => symmetryPart(archive)],
      ["What it leans on", () => leansPart(archive)],
      ["The predictions", () => estimatesPart(archive)],
      ["The files", () => filesPart(archive)],
      ["The digests", () => verifyPart(archive)],
    ]
      .map(([what, make]) => guarded(what, make))
      .filter(Boolean),
  );
}
