// The colours of ratios.

// Blue for what became small, orange for what did not; told apart by those who see few colours, by lightness.
const ratioColor = d3
  .scaleLinear()
  .domain([0, 0.4, 0.6, 0.75, 0.85, 0.95, 1, 1.1])
  .clamp(true)
  .range(["#08306b", "#2a6f97", "#61a5c2", "#a9d6e5", "#e9e2cf", "#eab676", "#d97f2e", "#a8431b"]);
// The class of the ink that is read best on a colour.
const onColor = (color) => (d3.lab(color).l > 54 ? "on-bright" : "on-dark");
const colorOf = (row) => ratioColor(ratioOf(row.stored, row.bytes) ?? 1);

// Returns what says which colour is which ratio.
function ratioLegend() {
  const steps = 44;
  const x = d3.scaleLinear().domain([0, 1.1]).range([1, 221]);
  const svg = d3
    .create("svg")
    .attr("role", "img")
    .attr("aria-label", "Colours of ratios: dark blue 0 %, light blue 75 %, sand 85 %, orange 100 %, brown more")
    .attr("viewBox", "0 0 246 34")
    .attr("width", 246)
    .attr("height", 34);
  for (let at = 0; at < steps; ++at) {
    svg
      .append("rect")
      .attr("x", x((1.1 * at) / steps))
      .attr("width", 220 / steps + 0.4)
      .attr("y", 1)
      .attr("height", 12)
      .attr("fill", ratioColor((1.1 * (at + 0.5)) / steps));
  }
  for (const at of [0, 0.25, 0.5, 0.75, 1]) {
    svg.append("line").attr("class", "mark-line").attr("x1", x(at)).attr("x2", x(at)).attr("y1", 13).attr("y2", 17);
    svg
      .append("text")
      .attr("class", "label")
      .attr("x", x(at))
      .attr("y", 29)
      .attr("text-anchor", at === 0 ? "start" : "middle")
      .text(percent(at, 0));
  }
  return el("div", { class: "ratio-legend" }, svg.node());
}
