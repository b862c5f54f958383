// The page's frame: which document, which entry of it, and the list to choose from. Where one is, the URL's fragment says:
// #<document>/<operationId> or #<document>/schema/<name>.
import { element } from "./element.js";
import { badge, namedSchemaView, operationsOf, operationView, overview } from "./operation.js";

// The page may be behind a proxy's path prefix: everything is found from where the page itself is.
const base = new URL(".", location.href);
const at = (path) => new URL(path.replace(/^\//, ""), base);

const list = document.getElementById("list");
const main = document.getElementById("main");
const search = document.getElementById("search");
const chooser = document.getElementById("document");
const token = document.getElementById("token");

const known = new Map(); // document's key -> { url, api, operations }, once loaded
let documents = [];
let current = null;

const keyOf = (url) => url.split("/").pop().replace(/\.json$/, "");

async function fetchJson(url) {
  const response = await fetch(url, { credentials: "omit" });
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status} ${response.statusText}`);
  return response.json();
}

async function load(key) {
  if (!known.has(key)) {
    const url = at(documents.find((entry) => keyOf(entry.url) === key).url);
    const api = await fetchJson(url);
    known.set(key, { key, url, api, operations: operationsOf(api) });
  }
  return known.get(key);
}

function place() {
  const [key, ...rest] = location.hash.slice(1).split("/").map(decodeURIComponent);
  const found = documents.some((entry) => keyOf(entry.url) === key);
  return { key: found ? key : keyOf(documents[0].url), rest: found ? rest : [] };
}

async function show() {
  if (documents.length === 0) return main.replaceChildren(element("p", { class: "quiet" }, "This server offers no documents."));
  const { key, rest } = place();
  try {
    const changed = current?.key !== key;
    current = await load(key);
    chooser.value = key;
    if (changed) renderList();
    main.replaceChildren(view(rest));
    document.title = `${main.querySelector("h2").textContent} · Modelyard API`;
    main.scrollTop = 0;
    markChosen();
  } catch (error) {
    main.replaceChildren(element("p", { class: "status bad" }, `This document cannot be shown. ${error.message}`));
  }
}

function view([first, second]) {
  const { api, operations, url } = current;
  if (first === "schema" && api.components?.schemas?.[second]) return namedSchemaView(api, second);
  const operation = operations.find((entry) => entry.operationId === first);
  return operation ? operationView(api, base, operation, () => token.value.trim()) : overview(api, url, operations.length);
}

function renderList() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (...texts) => words.every((word) => texts.join(" ").toLowerCase().includes(word));
  const { api, key, operations } = current;
  const groups = grouped(operations.filter((entry) => fits(entry.method, entry.path, entry.operationId, entry.summary, entry.tag)));
  const schemas = Object.keys(api.components?.schemas ?? {}).filter((name) => fits("schema", name));
  const sections = [...groups].map(([tag, entries]) => section(tag, entries.map((entry) => operationLink(key, entry))));
  if (schemas.length) sections.push(section("Schemas", schemas.map((name) => link(`#${key}/schema/${encodeURIComponent(name)}`, name))));
  list.replaceChildren(...(sections.length ? sections : [element("p", { class: "quiet" }, "Nothing matches.")]));
  markChosen();
}

function grouped(entries) {
  const groups = new Map();
  for (const entry of entries) groups.set(entry.tag, [...(groups.get(entry.tag) ?? []), entry]);
  return groups;
}

const section = (title, links) => element("section", {}, element("h2", {}, title), element("ul", {}, links.map((entry) => element("li", {}, entry))));
const link = (href, ...content) => element("a", { href }, content);

function operationLink(key, { method, operationId, path, summary }) {
  return link(`#${key}/${encodeURIComponent(operationId)}`, badge(method), element("span", { title: path }, summary || operationId));
}

function markChosen() {
  for (const entry of list.querySelectorAll("a")) {
    if (entry.getAttribute("href") === location.hash) entry.setAttribute("aria-current", "page");
    else entry.removeAttribute("aria-current");
  }
}

function moveInList(step) {
  const links = [...list.querySelectorAll("a")];
  const now = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, now === -1 ? (step > 0 ? 0 : links.length - 1) : now + step))]?.focus();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && (event.target === search || list.contains(event.target))) {
    event.preventDefault();
    moveInList(event.key === "ArrowDown" ? 1 : -1);
  }
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // its fragment is no place of a document
  main.focus();
});
search.addEventListener("input", () => current && renderList());
chooser.addEventListener("change", () => (location.hash = chooser.value));
window.addEventListener("hashchange", show);

try {
  documents = await fetchJson(at("docs/documents.json"));
  chooser.append(...documents.map((entry) => element("option", { value: keyOf(entry.url) }, `${entry.title} ${entry.version}`)));
  await show();
} catch (error) {
  main.replaceChildren(element("p", { class: "status bad" }, `The list of documents cannot be read. ${error.message}`));
}
