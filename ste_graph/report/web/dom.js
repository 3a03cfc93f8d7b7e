"use strict";
// Makers of elements. Whatever comes from a run goes through `text`, which makes text of it and never markup.

const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined).map((child) => (child instanceof Node ? child : text(child))));
  return made;
}

function text(value) {
  return document.createTextNode(String(value));
}

// A sentence of this program, with the names in it that stand between backticks as code.
function sentence(value) {
  return String(value).split(/`([^`\n]+)`/).map((piece, at) => (at % 2 ? element("code", {}, piece) : text(piece)));
}

function number(value) {
  return value.toLocaleString("en", { maximumFractionDigits: 4 });
}

async function decode(encoded) {
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

function table(block) {
  const numeric = block.head.map((_, at) => block.rows.some((row) => typeof row[at] === "number") && block.rows.every((row) => row[at] === null || typeof row[at] === "number"));
  const cell = (name, value, at, extra = {}) => element(name, { class: numeric[at] ? "number" : null, ...extra }, ...(value === null ? [""] : typeof value === "number" ? [number(value)] : block.sentences ? sentence(value) : [value]));
  const head = element("thead", {}, element("tr", {}, ...block.head.map((value, at) => cell("th", value, at, { scope: "col" }))));
  const body = element("tbody", {}, ...block.rows.map((row) => element("tr", {}, ...row.map((value, at) => cell("td", value, at)))));
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": block.label }, element("table", {}, element("caption", {}, ...sentence(block.label)), head, body));
}

function lines(block) {
  return element("div", { class: "lines" }, ...block.lines.map((line, at) => element("p", { class: block.headline && at === 0 ? "headline" : null }, ...sentence(line))));
}

function field(name, value) {
  return element("div", { class: "field" }, element("span", {}, name), element("pre", {}, value));
}
