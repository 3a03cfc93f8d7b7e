// The page: its parts, its contents, the theme, the keys, and following a run that is still going.

let content = null;

function sectionBlock(part, section) {
  const blocks = section.blocks.map((block) => ({ chart, table, text: lines })[block.kind](block));
  return element("section", { id: `${part.id}-${section.id}` }, element("h3", {}, section.title), section.note ? element("p", { class: "note" }, ...sentence(section.note)) : null, ...blocks);
}

function graphBlock(part) {
  const words = element("details", {}, element("summary", {}, "The graph as text (Mermaid)"), element("pre", {}, part.graph_text));
  const source = part.graph && `data:image/svg+xml,${encodeURIComponent(part.graph)}`;
  const picture = source ? element("div", { class: "graph", tabindex: 0 }, element("img", { src: source, alt: `The graph of ${part.title}; its text is below` })) : null;
  return element("section", { id: `${part.id}-graph` }, element("h3", {}, "Graph"), picture, source ? words : element("pre", {}, part.graph_text));
}

function partBlock(part, only) {
  const facts = element("dl", { class: "facts" }, ...part.facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  const head = [facts, ...part.warnings.map((warning) => element("p", { class: "warning" }, ...sentence(warning)))];
  const sections = part.sections.map((section) => sectionBlock(part, section));
  const title = element("h2", {}, only ? "Overview" : part.title);
  const state = only ? null : element("p", { class: "note" }, part.state);
  return element("details", { class: "part", id: part.id, open: true }, element("summary", {}, title), state, ...head, ...sections, graphBlock(part));
}

function contentsList() {
  const link = (target, name) => element("a", { href: `#${target}` }, name);
  const parts = content.parts.map((part) => {
    const inner = [...part.sections.map((section) => element("li", {}, link(`${part.id}-${section.id}`, section.title))), element("li", {}, link(`${part.id}-graph`, "Graph"))];
    return element("li", {}, link(part.id, content.parts.length === 1 ? "Overview" : part.title), element("ul", {}, ...inner));
  });
  return [element("li", {}, link("trials", `${trialsTitle()} (${number(content.entries.length)})`)), ...parts];
}

function trialsTitle() {
  const kinds = new Set(content.entries.map((entry) => entry.kind));
  return kinds.has("reply") ? (kinds.has("trial") ? "Trials and replies" : "Replies") : "Trials";
}

function show(newer) {
  content = newer;
  forgetCharts();
  byId("state").textContent = content.state;
  byId("about").textContent = content.about;
  byId("trials-title").textContent = trialsTitle();
  byId("empty").hidden = content.empty === null;
  byId("empty").textContent = content.empty || "";
  byId("browser").hidden = content.empty !== null;
  byId("parts").replaceChildren(...content.parts.map((part) => partBlock(part, content.parts.length === 1)));
  byId("toc").replaceChildren(...contentsList());
  setEntries(content.entries);
}

function openFromAddress() {
  const found = /^#entry=(.+)$/.exec(location.hash);
  if (found) openEntry(decodeURIComponent(found[1]));
  else if (location.hash.length > 1) byId(location.hash.slice(1))?.scrollIntoView();
}

const SCHEMES = ["system", "light", "dark"];
function setScheme(scheme) {
  if (scheme === "system") delete document.documentElement.dataset.scheme;
  else document.documentElement.dataset.scheme = scheme;
  byId("scheme").textContent = `Theme: ${scheme}`;
  drawAll((holder) => holder.dataset.drawn === "yes");
}

function move(by) {
  const buttons = [...byId("list").querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  if (at === buttons.length - 1 && by > 0 && !byId("more").hidden) showMore();
  const next = byId("list").querySelectorAll("button")[Math.max(0, at + by)];
  if (next) next.focus();
}

function step(by) {
  const next = matches[opened + by];
  if (next) openEntry(next.id);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const writing = ["INPUT", "SELECT"].includes(document.activeElement.tagName);
  if (byId("entry").open) {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  } else if (event.key === "Escape" && document.activeElement === byId("search")) {
    byId("search").value = "";
    filterEntries();
  } else if (!writing && ["/", "j", "k"].includes(event.key)) {
    event.preventDefault();
    if (event.key === "/") byId("search").focus();
    else move(event.key === "j" ? 1 : -1);
  }
}

async function follow(address) {
  let known = null;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    try {
      const answer = await fetch(known === null ? address : `${address}?known=${known}`);
      if (answer.status === 200) {
        const newer = await decode(await answer.text());
        if (known !== null || JSON.stringify(newer) !== JSON.stringify(content)) show(newer);
        known = answer.headers.get("ETag");
        if (!newer.running) return;
      }
    } catch {
      byId("state").textContent = `${content.state} (the server of this page no longer answers)`;
      return;
    }
  }
}

async function start() {
  let soon = 0;
  byId("search").addEventListener("input", () => { clearTimeout(soon); soon = setTimeout(filterEntries, 80); });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("more").addEventListener("click", showMore);
  byId("close").addEventListener("click", () => byId("entry").close());
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("entry").addEventListener("close", () => history.replaceState(null, "", location.pathname + location.search));
  byId("scheme").addEventListener("click", () => setScheme(SCHEMES[(SCHEMES.indexOf(document.documentElement.dataset.scheme || "system") + 1) % SCHEMES.length]));
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", openFromAddress);
  window.addEventListener("beforeprint", () => drawAll((holder) => holder.dataset.drawn !== "yes"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll((holder) => holder.dataset.drawn === "yes"));
  if (matchMedia("(max-width: 50rem)").matches) byId("contents").open = false;
  show(await decode(byId("data").textContent));
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
  openFromAddress();
  if (document.body.dataset.follow && content.running) follow(document.body.dataset.follow);
}

start();
