// Makes pages of made-up data, with what the build put together.
//   node make_samples.mjs PREFIX OUTPUT-DIR [NAME...]    PREFIX-before.html and PREFIX-after.html are there
import fs from "node:fs";
import path from "node:path";
import { samples } from "./samples.mjs";

const [prefix, output, ...names] = process.argv.slice(2);
const before = fs.readFileSync(`${prefix}-before.html`);
const after = fs.readFileSync(`${prefix}-after.html`);
fs.mkdirSync(output, { recursive: true });
for (const name of names.length > 0 ? names : Object.keys(samples)) {
  const data = JSON.stringify(samples[name]()).replaceAll("<", "\\u003c");
  fs.writeFileSync(path.join(output, `${name}.html`), Buffer.concat([before, Buffer.from(data), after]));
}
