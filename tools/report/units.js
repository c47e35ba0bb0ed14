// Numbers as the tools print them: three digits and powers of 1000.

const missing = "–";
const grouped = d3.format(",");

function scaled(value, unit) {
  const letters = ["", "k", "M", "G", "T", "P", "E"];
  let size = Math.abs(value);
  let power = 0;
  while (size >= 999.5 && power + 1 < letters.length) {
    size /= 1000;
    ++power;
  }
  const decimals = power === 0 ? (Number.isInteger(size) ? 0 : 1) : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  const sign = value < 0 ? "−" : "";
  return `${sign}${size.toFixed(decimals)}${letters[power] || unit ? "\u00a0" : ""}${letters[power]}${unit}`;
}

const bytes = (value) =>
  !isNumber(value)
    ? missing
    : Math.abs(value) < 1000
      ? `${value < 0 ? "−" : ""}${Math.abs(value)}\u00a0byte${Math.abs(value) === 1 ? "" : "s"}`
      : scaled(value, "B");
// The same in a column or a drawing, where the unit is short.
const shortBytes = (value) => (isNumber(value) ? scaled(value, "B") : missing);
// On an axis, where the numbers are round.
const axisBytes = (value) => shortBytes(value).replace(/\.0+(?=\D)|(\.\d*[1-9])0+(?=\D)/, "$1");
const change = (value) => (isNumber(value) && value > 0 ? `+${shortBytes(value)}` : shortBytes(value));
const axisChange = (value) => change(value).replace(/\.0+(?=\D)|(\.\d*[1-9])0+(?=\D)/, "$1");
const exact = (value) =>
  !isNumber(value) ? missing : Number.isInteger(value) ? grouped(value).replace("-", "−") : String(value);
const counted = (value, one, many = `${one}s`) => `${exact(value)} ${value === 1 ? one : many}`;
const percent = (value, decimals = 1) =>
  isNumber(value) ? `${(100 * value).toFixed(decimals).replace("-", "−")}\u00a0%` : missing;
// A share of a whole, in which little is not nothing.
function share(part, whole) {
  const value = ratioOf(part, whole);
  return value !== null && value > 0 && value < 0.0005 ? "<\u00a00.1\u00a0%" : percent(value);
}
const speed = (value) => (isNumber(value) ? `${scaled(value, "B")}/s` : missing);
const bits = (value) => (isNumber(value) ? value.toFixed(2).replace(/\.?0+$/, "") : missing);
// Errors and differences, which are small.
const small = (value) =>
  !isNumber(value)
    ? missing
    : value === 0
      ? "0"
      : Math.abs(value) >= 0.001 && Math.abs(value) < 1000
        ? String(Number(value.toPrecision(4))).replace("-", "−")
        : value.toExponential(2).replace(/-/g, "−");

function seconds(value) {
  if (!isNumber(value)) return missing;
  if (value === 0) return "0\u00a0s";
  if (value < 0.1) return `${Number((1000 * value).toPrecision(2))}\u00a0ms`;
  if (value < 60) return `${Number(value.toPrecision(3))}\u00a0s`;
  const whole = Math.round(value);
  const two = (part) => String(part).padStart(2, "0");
  return whole < 3600
    ? `${Math.floor(whole / 60)}:${two(whole % 60)}\u00a0min`
    : `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}\u00a0h`;
}

// A time of RFC 3339 as "2026-12-01 11:30 UTC", or as it is if it is none.
function date(value) {
  const time = new Date(text(value));
  return Number.isNaN(time.getTime()) ? visible(value) || missing : time.toISOString().replace("T", " ").slice(0, 16) + " UTC";
}
