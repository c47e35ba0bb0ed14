// What the bits of an element hold: the entropy of its fields beside the bits that are stored for it.

const fieldColors = { sign: "c4", exponent: "c2", mantissa: "c1" };

function bitRows(rows) {
  return rows.flatMap((row) => {
    const fields = list(row.fields).filter(object);
    const stack = (get, what) => {
      let at = 0;
      return fields
        .map((field, number) => {
          const from = at;
          at += amount(get(field));
          return {
            from,
            to: at,
            class: `segment ${fieldColors[field.name] || `c${(number % 7) + 1}`}`,
            lines: [
              `${shortened(field.name, 40)} of ${shortened(row.dtype, 40)}`,
              `${bits(field.bits)} bits, entropy ${bits(field.entropy)}`,
              what,
            ],
          };
        })
        .filter((mark) => mark.to > mark.from);
    };
    const plain = d3.sum(fields, (field) => amount(field.bits));
    const entropy = d3.sum(fields, (field) => amount(field.entropy));
    const dtype = shortened(row.dtype, 40);
    return [
      {
        name: `${dtype}, bits`,
        marks: stack((field) => field.bits, "as it is in the model").map((mark) => ({ ...mark, class: `${mark.class} pale` })),
        note: bits(plain),
      },
      {
        name: `${dtype}, entropy`,
        marks: stack((field) => field.entropy, "sum of the entropies of the fields"),
        note: bits(entropy),
      },
      isNumber(row.stored_bits)
        ? {
            name: `${dtype}, stored`,
            note: bits(row.stored_bits),
            marks: [
              {
                from: 0,
                to: row.stored_bits,
                class: "stored",
                lines: [`${dtype}, stored`, `${bits(row.stored_bits)} bits an element`],
              },
            ],
          }
        : null,
    ].filter(Boolean);
  });
}

function bitsPart(archive) {
  const all = list(archive.bits).filter(object);
  const rows = all.filter((row) => list(row.fields).filter(object).length > 0);
  const notes = all
    .filter((row) => row.note)
    .map((row) => el("p", { class: "note" }, `${shortened(row.dtype, 40)}: ${shortened(row.note, 300)}`));
  if (rows.length === 0) return notes.length > 0 ? part(3, "The bits of an element", notes) : null;
  const bars = bitRows(rows);
  const most = d3.max(bars, (bar) => d3.max(bar.marks, (mark) => mark.to)) || 1;
  const fields = rows.flatMap((row) =>
    list(row.fields)
      .filter(object)
      .map((field) => ({ row, field })),
  );
  const names = [...new Set(fields.map(({ field }) => text(field.name)))].slice(0, 8);
  return part(
    3,
    "The bits of an element",
    figure({
      chart: "bits",
      label: rows
        .map(
          (row) =>
            `${shortened(row.dtype, 40)}: ${list(row.fields)
              .filter(object)
              .map((field) => `${shortened(field.name, 40)} ${bits(field.entropy)} of ${bits(field.bits)} bits`)
              .join(", ")}; ${bits(row.stored_bits)} bits stored`,
        )
        .join(". "),
      draw: (svg, width) => drawBars(svg, width, bars, { format: (value) => String(value), domain: [0, most] }),
      below: legend([
        ...names.map((name, at) => ({ name: shortened(name, 30), color: fieldColors[name] || `c${(at % 7) + 1}` })),
        { name: "stored", color: "stored" },
      ]),
      caption: "Bits an element. Entropy is that of each field alone, so that what fields tell of one another is not in it.",
      table: folded(
        `Table of ${counted(fields.length, "field")}`,
        dataTable({
          caption: "Fields of elements",
          rows: fields,
          columns: [
            column("Dtype", ({ row }) => row.dtype),
            column("Field", ({ field }) => field.name),
            numberColumn("Bits", ({ field }) => field.bits),
            numberColumn(
              "Entropy",
              ({ field }) => field.entropy,
              (value) => (isNumber(value) ? value.toFixed(3) : missing),
            ),
            numberColumn(
              "Stored bits an element",
              ({ row }) => row.stored_bits,
              (value) => (isNumber(value) ? value.toFixed(3) : missing),
            ),
            numberColumn("Elements", ({ row }) => row.elements),
            numberColumn("Looked at", ({ row }) => row.sampled_elements),
          ],
        }),
      ),
    }),
    notes,
  );
}
