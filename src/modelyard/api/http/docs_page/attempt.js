// "Try it": a form made from an operation, the request it sends, and what came back.
import { copyButton, element } from "./element.js";
import { example, resolve, typeName, variants } from "./schema.js";

const MOST_SHOWN = 200_000; // characters of a body: more makes the page slow, and nobody reads it
const LISTENED = 3; // seconds to a stream of events, which has no end of its own

/** The form. `token` returns the bearer token, or an empty text; `base` is where the server's root is. */
export function attempt(api, base, operation, token) {
  const inputs = (operation.parameters ?? []).map((parameter) => ({ parameter, input: parameterInput(api, parameter) }));
  const body = operation.requestBody ? bodyEditor(api, operation.requestBody.content["application/json"].schema) : null;
  const outcome = element("div", { class: "outcome", "aria-live": "polite" });
  const curl = element("pre", { class: "curl" });
  const read = () => request(base, operation, inputs, body?.area.value ?? null, token());
  const show = () => (curl.textContent = curlLine(read()));
  const button = element("button", { type: "submit", class: "send" }, "Send");
  const form = element(
    "form",
    { class: "attempt", "aria-label": "Try it", oninput: show, onchange: show },
    inputs.map(({ parameter, input }) => parameterRow(parameter, input)),
    body?.node,
    element("div", { class: "actions" }, button, copyButton(() => curl.textContent, "Copy as curl")),
    curl,
    outcome,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(read(), button, outcome);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  document.getElementById("token").oninput = show;
  show();
  return form;
}

function parameterInput(api, parameter) {
  const schema = resolve(api, parameter.schema);
  const choices = schema.enum ?? (schema.type === "boolean" ? ["true", "false"] : null);
  const attributes = { id: `${parameter.in}-${parameter.name}`, required: parameter.required };
  if (choices) return element("select", attributes, ["", ...choices].map((value) => element("option", { value }, String(value ?? ""))));
  return element("input", { ...attributes, placeholder: typeName(parameter.schema), autocomplete: "off", spellcheck: "false" });
}

function parameterRow(parameter, input) {
  const place = parameter.required ? `${parameter.in}, required` : parameter.in;
  return element(
    "div",
    { class: "parameter" },
    element("label", { for: input.id }, element("code", {}, parameter.name), element("em", {}, place)),
    input,
    parameter.description ? element("p", { class: "notes" }, parameter.description) : null,
  );
}

function bodyEditor(api, schema) {
  const area = element("textarea", { id: "body", rows: "10", spellcheck: "false", autocomplete: "off" });
  const choices = variants(api, schema);
  const choice = choices && element("select", { "aria-label": "Kind" }, choices.map(({ label }, at) => element("option", { value: at }, label)));
  const fill = (all) => {
    area.value = JSON.stringify(example(api, choices ? choices[choice.value].schema : schema, all), null, 2);
    area.rows = Math.min(24, Math.max(4, area.value.split("\n").length));
    area.dispatchEvent(new Event("input", { bubbles: true }));
  };
  choice?.addEventListener("change", () => fill(false));
  fill(false);
  const filler = (label, all) => element("button", { type: "button", class: "small", onclick: () => fill(all) }, label);
  const head = element("div", { class: "body-head" }, element("label", { for: "body" }, "Body"), choice, filler("Required fields", false), filler("All fields", true));
  return { area, node: element("div", { class: "body" }, head, area) };
}

/** What the form says: method, URL, headers and body, as `fetch` and curl both take them. */
function request(base, operation, inputs, body, token) {
  const given = inputs.map(({ parameter, input }) => ({ parameter, value: input.value })).filter(({ value }) => value !== "");
  const of = (place) => given.filter(({ parameter }) => parameter.in === place).map(({ parameter, value }) => [parameter.name, value]);
  let path = operation.path;
  for (const [name, value] of of("path")) path = path.replace(`{${name}}`, () => encodeURIComponent(value));
  const url = new URL(path.slice(1), base);
  for (const [name, value] of of("query")) url.searchParams.append(name, value);
  const headers = Object.fromEntries(of("header"));
  if (body !== null) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  return { method: operation.method, url: url.href, headers, body };
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curlLine({ method, url, headers, body }) {
  const parts = ["curl", "-i"];
  if (method !== "GET") parts.push("-X", method);
  parts.push(quoted(url));
  for (const [name, value] of Object.entries(headers)) parts.push("-H", quoted(`${name}: ${value}`));
  if (body !== null) parts.push("--data-binary", quoted(body));
  return parts.join(" ");
}

async function send({ method, url, headers, body }, button, outcome) {
  button.disabled = true;
  const started = performance.now();
  try {
    // `omit`: the API knows no cookies, and none of another program on this host should travel.
    const response = await fetch(url, { method, headers, body, credentials: "omit", cache: "no-store", redirect: "manual" });
    const milliseconds = performance.now() - started;
    const stream = (response.headers.get("content-type") ?? "").startsWith("text/event-stream");
    const text = stream ? await beginning(response) : await response.text();
    outcome.replaceChildren(answerView(response, text, stream ? milliseconds : performance.now() - started, stream));
  } catch (error) {
    outcome.replaceChildren(element("p", { class: "status bad" }, `No answer: ${error.message}`));
  } finally {
    button.disabled = false;
  }
}

/** What comes of a stream in the first seconds. It is left then, which the server is told. */
async function beginning(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const enough = setTimeout(() => void reader.cancel(), LISTENED * 1000);
  let text = "";
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += decoder.decode(part.value, { stream: true });
      if (text.length > MOST_SHOWN) await reader.cancel();
    }
  } finally {
    clearTimeout(enough);
  }
  return text;
}

function answerView(response, text, milliseconds, stream) {
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  const json = (response.headers.get("content-type") ?? "").includes("json");
  const shown = json ? indented(text) : text;
  return element(
    "section",
    { "aria-label": "Answer" },
    element("p", { class: `status ${response.ok ? "good" : "bad"}` }, `${response.status} ${response.statusText}`, element("span", {}, ` ${milliseconds.toFixed(0)} ms`)),
    stream ? element("p", { class: "notes" }, `A stream, which goes on: this came in the first ${LISTENED} seconds. To follow it, use the curl command, with -N.`) : null,
    element("details", {}, element("summary", {}, "Headers"), element("pre", {}, headers)),
    text ? element("div", { class: "actions" }, copyButton(() => text, "Copy body")) : null,
    text ? element("pre", { class: "answer" }, shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}\n… cut` : shown) : element("p", { class: "quiet" }, "Empty body"),
  );
}

/** JSON text with line breaks. The text itself is kept: parsing it would round large numbers and reorder keys. */
export function indented(text) {
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  return text.trim().replace(/"(?:[^"\\]|\\.)*"|[[{]\s*[\]}]|[[\]{},:]|\s+/g, (token) => {
    if (/^\s/.test(token)) return "";
    if (token === "," ) return `,${line()}`;
    if (token === ":") return ": ";
    if (token === "{" || token === "[") return (depth++, token + line());
    if (token === "}" || token === "]") return (depth--, line() + token);
    return /^[[{]/.test(token) ? token[0] + token.at(-1) : token;
  });
}
