// The browser of trials and replies: search, filters, a list, and one of them opened.

const STEP = 100;
const FILTERS = [["kind", "kind"], ["part", "part"], ["tool", "tool"], ["outcome", "outcome"], ["errors", "error"], ["gate", "gate"], ["arm", "arm"]];
const TONES = { solved: "good", right: "good", ok: "good", kept: "good", "not solved": "bad", wrong: "bad", unclear: "unsure", undecided: "unsure", doubtful: "unsure" };
let entries = [];
let matches = [];
let shown = 0;
let opened = -1;
let haystacks = null;

function valuesOf(entry, key) {
  const value = entry[key];
  return value === undefined ? ["none"] : Array.isArray(value) ? value : [value];
}

function setEntries(list) {
  entries = list;
  haystacks = null;
  const form = byId("filters");
  const before = Object.fromEntries([...form.querySelectorAll("select")].map((select) => [select.name, select.value]));
  form.querySelectorAll("label:not(.wide)").forEach((label) => label.remove());
  for (const [key, name] of FILTERS) {
    const counts = new Map();
    for (const entry of entries) for (const value of valuesOf(entry, key)) counts.set(value, (counts.get(value) || 0) + 1);
    if (counts.size < 2) continue;
    const options = [...counts].sort((a, b) => b[1] - a[1]).map(([value, count]) => element("option", { value }, `${value} (${number(count)})`));
    const select = element("select", { name: key }, element("option", { value: "" }, "all"), ...options);
    if (before[key] && counts.has(before[key])) select.value = before[key];
    select.addEventListener("change", filterEntries);
    form.append(element("label", {}, name, select));
  }
  filterEntries();
}

function haystack(at) {
  if (haystacks === null) {
    haystacks = entries.map((entry) => {
      const steps = entry.steps || [];
      const transcript = entry.transcript || [];
      return [entry.id, entry.tool, entry.request, entry.answer, entry.wanted, ...(entry.facts || []), ...steps.flatMap((step) => Object.values(step).flat()),
        ...transcript.flatMap((step) => [step.o, ...(step.m || []).map((message) => message[1])])].join("\n").toLowerCase();
    });
  }
  return haystacks[at];
}

function filterEntries() {
  const chosen = [...byId("filters").querySelectorAll("select")].filter((select) => select.value !== "").map((select) => [select.name, select.value]);
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  matches = [];
  entries.forEach((entry, at) => {
    if (chosen.every(([key, value]) => valuesOf(entry, key).includes(value)) && words.every((word) => haystack(at).includes(word))) matches.push(entry);
  });
  shown = 0;
  byId("list").replaceChildren();
  byId("count").textContent = matches.length === entries.length ? `${number(entries.length)} in all` : `${number(matches.length)} of ${number(entries.length)}`;
  showMore();
}

function tag(word, tone) {
  return element("span", { class: `tag ${tone || TONES[word] || "unsure"}` }, word);
}

function tagsOf(entry) {
  return element("span", { class: "tags" }, tag(entry.outcome), ...(entry.errors || []).map((kind) => tag(kind, "bad")), entry.gate ? tag(entry.gate, entry.gate === "kept" ? "good" : "unsure") : null);
}

function showMore() {
  const rows = matches.slice(shown, shown + STEP).map((entry) => {
    const place = [entry.tool, entry.arm].filter(Boolean).join(" · ");
    const button = element("button", { type: "button", "data-entry": entry.id }, element("span", { class: "tool", title: place }, place), tagsOf(entry), element("span", { class: "request" }, entry.request));
    button.addEventListener("click", () => openEntry(entry.id));
    return element("li", {}, button);
  });
  byId("list").append(...rows);
  shown += rows.length;
  byId("more").hidden = shown >= matches.length;
}

function openEntry(id) {
  opened = matches.findIndex((entry) => entry.id === id);
  const entry = opened >= 0 ? matches[opened] : entries.find((other) => other.id === id);
  if (!entry) return;
  byId("entry-title").textContent = entry.request;
  byId("entry-body").replaceChildren(...entryBlocks(entry));
  byId("previous").disabled = opened <= 0;
  byId("next").disabled = opened < 0 || opened >= matches.length - 1;
  const dialog = byId("entry");
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  history.replaceState(null, "", `#entry=${encodeURIComponent(id)}`);
}

function entryBlocks(entry) {
  const about = [entry.tool, entry.arm, entry.place, entry.model && (entry.simulated ? `${entry.model} (simulated)` : entry.model), entry.at && `${entry.at} UTC`, entry.part !== "run" && entry.part];
  const blocks = [element("p", { class: "note" }, about.filter(Boolean).join(" · ")), tagsOf(entry)];
  if (entry.facts) blocks.push(element("ul", {}, ...entry.facts.map((fact) => element("li", {}, ...sentence(fact)))));
  if (entry.wanted) blocks.push(field("wanted", entry.wanted));
  for (const step of entry.steps || []) blocks.push(stepBlock(step));
  blocks.push(field(entry.kind === "reply" ? "reply" : "answer", entry.answer === undefined ? "(none)" : entry.answer));
  if (entry.transcript) {
    blocks.push(element("h3", {}, "Every step, as it was logged"));
    blocks.push(...entry.transcript.map(loggedStepBlock));
  }
  return blocks;
}

function stepBlock(step) {
  const block = element("div", { class: "step" });
  if (step.thought) block.append(field("thought", step.thought));
  block.append(field("call", step.call || "(no call that could be read)"));
  if (step.reply) block.append(field("reply", step.reply));
  if (step.repairs) block.append(field("repaired", step.repairs.join(", ")));
  if (step.observation !== undefined) {
    const shownField = field("observation", step.observation);
    shownField.firstChild.append(element("br"), tag(step.kind, TONES[step.kind] || "bad"));
    block.append(shownField);
  }
  for (const note of step.notes || []) block.append(field("note", note));
  return block;
}

function loggedStepBlock(step) {
  const tokens = step.u ? ` · ${number(step.u[0])} + ${number(step.u[1])} tokens` : "";
  const summary = element("summary", {}, [step.n, step.l].filter(Boolean).join(", "), element("span", { class: "note" }, ` ${step.s} s${tokens}`));
  const body = step.m ? step.m.map(([role, content]) => field(role, content)) : [element("pre", {}, step.o || "(gave nothing)")];
  return element("details", { open: step.m ? true : null }, summary, ...body);
}
