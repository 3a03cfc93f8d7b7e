// Charts: drawn when they come into view, and again when the theme changes.

const charts = new Map();
let embed = null;
const parsed = new Promise((resolve) => (document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", resolve) : resolve()));

function loadVega() {
  if (embed === null) {
    document.head.append(element("script", {}, byId("bundle").textContent));
    embed = window.vegaEmbed;
  }
  return embed;
}

function themeOfCharts() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const [ink, soft, line] = [colour("--ink"), colour("--soft"), colour("--line")];
  const axis = { labelColor: soft, titleColor: soft, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" };
  return { background: "transparent", font: "system-ui, sans-serif", view: { stroke: null }, axis, legend: { labelColor: ink, labelFontSize: 12, symbolType: "circle" }, rule: { color: soft } };
}

async function drawChart(holder) {
  await parsed;
  const block = charts.get(holder);
  if (block === undefined) return;
  const tooltipTheme = getComputedStyle(document.documentElement).colorScheme === "dark" ? "dark" : "light";
  const options = { actions: false, ast: true, renderer: block.opens_trials ? "canvas" : "svg", config: themeOfCharts(), tooltip: { theme: tooltipTheme } };
  const result = await loadVega()(holder, structuredClone(block.spec), options);
  if (block.opens_trials) {
    result.view.addEventListener("click", (_, item) => {
      if (item && item.datum && item.datum.trial) openEntry(item.datum.trial);
    });
  }
  holder.dataset.drawn = "yes";
}

const whenSeen = new IntersectionObserver((seen) => {
  for (const each of seen.filter((entry) => entry.isIntersecting)) {
    whenSeen.unobserve(each.target);
    drawChart(each.target);
  }
}, { rootMargin: "300px" });

function chart(block) {
  const height = typeof block.spec.height === "number" ? block.spec.height + 70 : 120;
  const holder = element("div", { class: "chart", role: "img", "aria-label": block.label, style: `min-height:${height}px` }, element("span", { class: "wait" }, "…"));
  charts.set(holder, block);
  whenSeen.observe(holder);
  return element("figure", { style: "margin:0" }, element("h4", {}, ...sentence(block.label)), holder);
}

async function drawAll(only = () => true) {
  for (const holder of charts.keys()) {
    if (only(holder)) {
      whenSeen.unobserve(holder);
      await drawChart(holder);
    }
  }
}

function forgetCharts() {
  whenSeen.disconnect();
  charts.clear();
}
