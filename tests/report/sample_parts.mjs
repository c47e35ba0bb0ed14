// What the made-up data of reports consists of: names, numbers, tensors, an archive.

export const hostileNames = [
  "<script>window.hostile = 1</script>",
  "</script><script>window.hostile = 2</script>",
  '<img src=x onerror="window.hostile = 3">',
  "<!-- <script>",
  "&lt;b&gt;&amp;",
  "javascript:window.hostile=4",
  "right\u202eot.tfel",
  "nul\u0000nul",
  "bell\u0007\u001b[31mred",
  "\u2066isolated\u2069",
  "zero\u200bwidth\ufeff",
  "lone\ud800surrogate",
  "tag\u{e0041}",
  "line\u2028end\nnew",
  "עברית.weight",
  "e" + "\u0301".repeat(40),
  "",
  "${window.hostile = 5}",
  "__proto__",
  "constructor",
  "' onclick='window.hostile=6",
  "W".repeat(4096),
  "a/".repeat(2048),
  "\u3164",
];

// A generator of numbers from 0 to 1.
export function numbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export const columns = ["name", "file", "dtype", "shape", "layer", "codec", "form", "bytes", "stored_bytes"];
export const tally = (name, rows) => ({
  name,
  tensors: rows.length,
  elements: rows.reduce((sum, row) => sum + row[7] / 2, 0),
  chunks: rows.reduce((sum, row) => sum + Math.ceil(row[7] / 1048576), 0),
  bytes: rows.reduce((sum, row) => sum + row[7], 0),
  stored_bytes: rows.reduce((sum, row) => sum + row[8], 0),
});
function talliesBy(rows, at) {
  const groups = new Map();
  for (const row of rows) {
    if (!groups.has(row[at])) groups.set(row[at], []);
    groups.get(row[at]).push(row);
  }
  return [...groups].map(([key, of]) => tally(key, of));
}

export function llama(layers, random) {
  const rows = [];
  const add = (name, shape, layer, dtype = "BF16") => {
    const bytes = shape.reduce((a, b) => a * b, 1) * (dtype === "F32" ? 4 : 2);
    const small = shape.length === 1;
    const ratio = small ? 0.35 + 0.3 * random() : 0.64 + 0.05 * random() + (name.includes("down") ? 0.03 : 0);
    rows.push([
      name,
      rows.length % 2,
      dtype,
      shape,
      layer,
      small ? "zstd" : dtype === "F32" ? "split-float" : "split-bf16",
      name.includes("o_proj") && layer > 3 ? "polar" : "plain",
      bytes,
      Math.round(bytes * ratio),
    ]);
  };
  add("model.embed_tokens.weight", [32000, 2048], null);
  for (let layer = 0; layer < layers; ++layer) {
    const at = `model.layers.${layer}.`;
    for (const part of ["q", "k", "v", "o"])
      add(`${at}self_attn.${part}_proj.weight`, [2048, part === "k" || part === "v" ? 512 : 2048], layer);
    for (const part of ["gate", "up"]) add(`${at}mlp.${part}_proj.weight`, [5632, 2048], layer);
    add(`${at}mlp.down_proj.weight`, [2048, 5632], layer);
    add(`${at}input_layernorm.weight`, [2048], layer, "F32");
    add(`${at}post_attention_layernorm.weight`, [2048], layer, "F32");
  }
  add("model.norm.weight", [2048], null, "F32");
  add("lm_head.weight", [32000, 2048], null);
  return rows;
}

export function archiveOf(
  name,
  rows,
  { rest = null, paths = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] } = {},
) {
  const total = tally("", rows);
  const overhead = 18204;
  const layers = talliesBy(rows, 4).map(({ name: layer, ...others }) => ({ layer, ...others }));
  const count = rows.length + (rest ? rest.tensors : 0);
  const sorted = [...rows].sort((a, b) => b[8] - a[8]);
  return {
    name,
    root_digest: "sha256:6b1f0a7c5e2d4493b0a1c5d2e3f4a5b6c7d8e9f00112233445566778899aabbc",
    digest_kind: "sha256",
    id: "91c3a27fb2e04d5a",
    format: { major: 1, minor: 0 },
    original_bytes: total.bytes + 9211,
    archive_bytes: total.stored_bytes + overhead,
    overhead_bytes: overhead,
    ratio: (total.stored_bytes + overhead) / (total.bytes + 9211),
    codecs: talliesBy(rows, 5),
    dtypes: talliesBy(rows, 2),
    kinds: [tally("tensors", rows), { name: "bytes", tensors: 0, elements: 9211, chunks: 2, bytes: 9211, stored_bytes: 2110 }],
    layers,
    files: paths.map((path, at) => {
      const of = tally(
        "",
        rows.filter((row) => row[1] === at),
      );
      return {
        path,
        kind: "file",
        bytes: of.bytes,
        stored_bytes: of.stored_bytes,
        digest: "sha256:" + "0123456789abcdef".repeat(4),
      };
    }),
    tensors: { count, rest: rest || { tensors: 0, bytes: 0, stored_bytes: 0 }, columns, rows: sorted },
    bits: [
      {
        dtype: "BF16",
        elements: 1.1e9,
        sampled_elements: 4194304,
        stored_bits: 10.61,
        fields: [
          { name: "sign", bits: 1, entropy: 1 },
          { name: "exponent", bits: 8, entropy: 2.61 },
          { name: "mantissa", bits: 7, entropy: 6.97 },
        ],
      },
      {
        dtype: "F32",
        elements: 92160,
        sampled_elements: 92160,
        stored_bits: 26.4,
        fields: [
          { name: "sign", bits: 1, entropy: 0.4 },
          { name: "exponent", bits: 8, entropy: 2.2 },
          { name: "mantissa", bits: 23, entropy: 22.1 },
        ],
      },
    ],
    symmetry: null,
    bases: [],
    references: { chunks: 0, bytes: 0 },
    estimates: null,
    verify: [
      { what: "The whole archive, every checksum", command: `bbz verify ${name}` },
      {
        what: "That it is this archive, and no other",
        command: `bbz verify ${name} --expect sha256:6b1f0a7c5e2d4493b0a1c5d2e3f4a5b6c7d8e9f00112233445566778899aabbc`,
      },
    ],
  };
}

export function history(random, count) {
  const commands = ["pack", "verify", "unpack"];
  return Array.from({ length: count }, (_, at) => {
    const command = commands[at % 3];
    const original = 2.2e9;
    const seconds = { pack: 6, verify: 2, unpack: 1.6 }[command] * (1 - at / 400 + 0.1 * random());
    const ratio = 0.68 - at / 8000 + 0.002 * random();
    return {
      schema: 1,
      tool: "bbz",
      version: at < 60 ? "0.9.0" : "1.0.0",
      date: new Date(Date.UTC(2026, 5, 1) + at * 36e5 * 30).toISOString(),
      command,
      archive: "tiny-llama.bbz",
      root_digest: "sha256:" + "cd".repeat(32),
      original_bytes: original,
      archive_bytes: Math.round(original * ratio),
      ratio,
      seconds,
      bytes_per_second: Math.round(original / seconds),
      threads: 2,
      quality: command === "pack" ? { nll: 3.1, nll_difference: 1e-5 * random(), kl: 1e-8, tokens: 6144 } : null,
    };
  });
}
