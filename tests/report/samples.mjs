// Data of reports as `bbz report --json` prints it, made up: one of everything, one of nothing, hostile names, many tensors.
// The figures are those of no model. The same text comes out of every run.

import { archiveOf, columns, history, hostileNames, llama, numbers, tally } from "./sample_parts.mjs";

function full() {
  const random = numbers(7);
  const archive = archiveOf("tiny-llama.bbz", llama(22, random));
  archive.symmetry = {
    family: "Llama",
    groups: Array.from({ length: 23 }, (_, at) => ({
      name: `junction ${at}`,
      method: at % 5 === 4 ? "pivot" : "polar",
      tensors: at === 0 ? 3 : 8,
      width: 1536,
      saved_bytes: Math.round(4e6 * (0.4 + random())),
      error: 2e-7 * (0.5 + 4 * random()),
      growth: 1 + 1e-6 * random(),
      kind: "junction",
      largest_difference: 3e-5 * random(),
      note: at === 7 ? "the method asked for would take more bytes" : "",
    })),
  };
  archive.bases = [
    {
      hint: "tiny-llama-base.bbz",
      root_digest: "sha256:" + "ab".repeat(32),
      tensors: 120,
      bytes: 1.4e9,
      stored_bytes: 3.1e8,
      unchanged_bytes: 6e8,
      own_bytes: 1.1e8,
    },
    {
      hint: "adapter.safetensors",
      root_digest: null,
      tensors: 12,
      bytes: 2e8,
      stored_bytes: 9e7,
      unchanged_bytes: 4e7,
      own_bytes: 0,
    },
  ];
  archive.quality = { nll: 3.10418, tokens: 6144 };
  archive.bits.push({
    dtype: "block",
    elements: 4096,
    sampled_elements: 0,
    stored_bits: 4.2,
    fields: [],
    note: "blocks have no fields that are looked at",
  });
  archive.files_rest = { count: 3 };
  archive.references = { chunks: 63, bytes: 131072000 };
  archive.estimates = {
    note: "From 4 MiB of each of 40 tensors; on 2 threads.",
    methods: [
      { method: "exact", floor: 0, bytes: 1.49e9, ratio: 0.665, bytes_within: 0.004, seconds: 5.2, seconds_within: 1.5 },
      { method: "polar", floor: 0, bytes: 1.32e9, ratio: 0.59, bytes_within: 0.01, seconds: 41, seconds_within: 1.5 },
      { method: "bits-back", floor: 0, bytes: 1.29e9, ratio: 0.575, bytes_within: 0.012, seconds: 96, seconds_within: 1.5 },
      { method: "pivot", floor: 0.5, bytes: 1.4e9, ratio: 0.62, bytes_within: 0.01, seconds: 12, seconds_within: 1.4 },
      {
        method: "triangular",
        floor: 0,
        bytes: null,
        ratio: null,
        bytes_within: null,
        seconds: null,
        seconds_within: null,
        note: "no group has this method",
      },
    ],
  };
  const changed = archive.tensors.rows.slice(0, 60).map((row, at) => {
    const state = at % 9 === 4 ? "added" : at % 11 === 5 ? "removed" : "changed";
    const old = Math.round(row[8] * (0.9 + 0.2 * random()));
    return {
      name: row[0],
      state,
      old_bytes: state === "added" ? null : row[7],
      new_bytes: state === "removed" ? null : row[7],
      old_stored: state === "added" ? null : old,
      new_stored: state === "removed" ? null : row[8],
    };
  });
  return {
    schema: 1,
    bbz: "1.0.0",
    made: "2026-12-01T11:30:00Z",
    archives: [archive],
    against: {
      name: "tiny-llama-old.bbz",
      kind: "archive",
      old: {
        original_bytes: archive.original_bytes - 1e6,
        stored_bytes: archive.archive_bytes + 2.2e7,
        ratio: archive.ratio + 0.01,
        root_digest: null,
      },
      new: {
        original_bytes: archive.original_bytes,
        stored_bytes: archive.archive_bytes,
        ratio: archive.ratio,
        root_digest: archive.root_digest,
      },
      summary: { same: 141, changed: 52, added: 6, removed: 2 },
      tensors: changed,
      quality: {
        tokens: 6144,
        nll_old: 3.10412,
        nll_new: 3.10418,
        nll_difference: 6.1e-5,
        kl: 2.2e-8,
        largest_logit_difference: 0.0031,
      },
    },
    gates: [
      { gate: "ratio<=0.67", figure: "ratio", value: archive.ratio, limit: 0.67, passed: true, why: "" },
      { gate: "size<=+0.5%", figure: "size", value: -0.0146, limit: 0.005, passed: true, why: "" },
      { gate: "nll<=+2e-5", figure: "nll", value: 6.1e-5, limit: 2e-5, passed: false, why: "6.1e-05 is more than 2e-05" },
    ],
    history: { name: "runs.jsonl", rows: history(random, 120) },
  };
}

function hostile() {
  const rows = hostileNames.map((name, at) => [
    name,
    at,
    name.slice(0, 300),
    [at, 4],
    at % 3 ? at : null,
    name.slice(0, 300),
    name.slice(0, 300),
    4e6 + 1000 * at,
    3e6 + 900 * at,
  ]);
  const names = hostileNames.map((name) => name);
  const data = full();
  const archive = archiveOf(names[1], rows, { paths: names });
  archive.root_digest = names[0];
  archive.id = names[2];
  archive.symmetry = {
    family: names[0],
    groups: names.map((name, at) => ({ name, method: name, tensors: 1, width: 2, saved_bytes: 5 * at, error: 1e-6, growth: 1 })),
  };
  archive.bases = names.map((name) => ({
    hint: name,
    root_digest: name,
    tensors: 1,
    bytes: 9,
    stored_bytes: 5,
    unchanged_bytes: 1,
    own_bytes: 2,
  }));
  archive.bits = names.map((name) => ({
    dtype: name,
    elements: 1,
    sampled_elements: 1,
    stored_bits: 3,
    fields: [{ name, bits: 5, entropy: 3 }],
  }));
  archive.estimates = {
    note: names[0],
    methods: names.map((name) => ({
      method: name,
      floor: 0,
      bytes: 5,
      ratio: 0.5,
      bytes_within: 0.1,
      seconds: 1,
      seconds_within: 2,
    })),
  };
  archive.verify = names.map((name) => ({ what: name, command: `bbz verify ${name}` }));
  return {
    ...data,
    bbz: names[0],
    made: names[0],
    archives: [archive],
    against: {
      ...data.against,
      name: names[0],
      tensors: names.map((name, at) => ({
        name,
        state: name.slice(0, 40),
        old_bytes: 1,
        new_bytes: 2,
        old_stored: 5,
        new_stored: 5 + (at % 2 ? at : -at),
      })),
    },
    gates: names.map((name) => ({ gate: name, figure: name, value: 1, limit: 2, passed: name === "", why: name })),
    history: {
      name: names[0],
      rows: names.map((name, at) => ({
        ...data.history.rows[at],
        archive: name,
        command: name,
        version: name,
        root_digest: name,
        date: at % 4 ? data.history.rows[at].date : name,
      })),
    },
  };
}

// So many tensors as the page takes within its budget, as mixtures of experts have; the rest is summed.
function large(count = 100000, budget = 6e6) {
  const random = numbers(11);
  const rows = [];
  for (let at = 0; rows.length < count; ++at) {
    const bytes = 2 * 768 * (256 + Math.floor(2048 * random()));
    const layer = at % 64;
    rows.push([
      `model.layers.${layer}.mlp.experts.${Math.floor(at / 64)}.w${at % 3}`,
      0,
      "BF16",
      [768, bytes / 1536],
      layer,
      "split-bf16",
      "plain",
      bytes,
      Math.round(bytes * (0.6 + 0.15 * random())),
    ]);
  }
  rows.sort((a, b) => b[8] - a[8]);
  let size = 0;
  let kept = 0;
  while (kept < rows.length && size < budget) size += JSON.stringify(rows[kept++]).length + 1;
  const archive = archiveOf("experts.bbz", rows, { paths: ["model.safetensors"] });
  const others = tally("", rows.slice(kept));
  archive.tensors = {
    count,
    rest: { tensors: rows.length - kept, bytes: others.bytes, stored_bytes: others.stored_bytes },
    columns,
    rows: rows.slice(0, kept),
  };
  return { schema: 1, bbz: "1.0.0", made: "2026-12-01T11:30:00Z", archives: [archive], against: null, gates: [], history: null };
}

function several() {
  const random = numbers(5);
  return {
    ...full(),
    archives: [4, 9, 2].map((layers, at) => archiveOf(`model-${at}.bbz`, llama(layers, random))),
    against: null,
    gates: [],
    history: null,
  };
}

const nothing = { schema: 1, bbz: "1.0.0", made: null, archives: [], against: null, gates: [], history: null };
// An archive of nothing: every list empty, every object and number missing.
const empty = {
  ...nothing,
  archives: [
    {
      name: "empty.bbz",
      root_digest: null,
      digest_kind: null,
      id: null,
      format: null,
      original_bytes: 0,
      archive_bytes: 312,
      overhead_bytes: 312,
      ratio: null,
      codecs: [],
      dtypes: [],
      kinds: [],
      layers: [],
      files: [],
      tensors: { count: 0, rest: null, columns, rows: [] },
      bits: [],
      symmetry: null,
      bases: [],
      references: null,
      estimates: null,
      verify: [],
    },
    { name: null },
  ],
  against: { name: null, kind: "archive", old: null, new: null, summary: null, tensors: [], quality: null },
  history: { name: "", rows: [] },
};

export const samples = {
  full,
  empty: () => empty,
  nothing: () => nothing,
  hostile,
  several,
  large,
  // Each of 100,000 tensors in the page, whatever its budget.
  "large-all": () => large(100000, Infinity),
};
