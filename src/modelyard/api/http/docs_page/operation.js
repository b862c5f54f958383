// One operation or one schema, as the main part of the page.
import { attempt } from "./attempt.js";
import { element } from "./element.js";
import { schemaView, typeName } from "./schema.js";

const METHODS = ["get", "post", "put", "patch", "delete", "head", "options"];

/** Every operation of a document, flat, in its order: with `method` (upper case), `path` and `tag` added. */
export function operationsOf(api) {
  return Object.entries(api.paths ?? {}).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({
      ...item[method],
      parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])],
      method: method.toUpperCase(),
      path,
      tag: item[method].tags?.[0] ?? "",
    })),
  );
}

export const badge = (method) => element("span", { class: `method ${method.toLowerCase()}` }, method);

const jsonSchema = (part) => part?.content?.["application/json"]?.schema;

export function operationView(api, base, operation, token) {
  const body = jsonSchema(operation.requestBody);
  return element(
    "article",
    {},
    element("h2", {}, operation.summary ?? operation.operationId),
    element("p", { class: "route" }, badge(operation.method), element("code", {}, operation.path)),
    element("p", { class: "quiet" }, operation.operationId, operation["x-extension"] ? " · not in the original's contract" : ""),
    operation.description ? element("p", {}, operation.description) : null,
    element("h3", {}, "Try it"),
    attempt(api, base, operation, token),
    body ? [element("h3", {}, "Request body: ", element("code", {}, typeName(body))), schemaView(api, body)] : null,
    element("h3", {}, "Answers"),
    Object.entries(operation.responses).map(([status, response]) => responseView(api, status, response)),
  );
}

function responseView(api, status, response) {
  const schema = jsonSchema(response);
  const title = element("summary", {}, element("strong", {}, status), ` ${response.description} `, schema ? element("code", {}, typeName(schema)) : null);
  if (!schema) return element("p", { class: "bare" }, [...title.childNodes]);
  const details = element("details", { open: status.startsWith("2") }, title);
  const fill = () => details.open && details.childElementCount === 1 && details.append(schemaView(api, schema));
  details.addEventListener("toggle", fill);
  fill();
  return details;
}

export function namedSchemaView(api, name) {
  const schema = api.components.schemas[name];
  return element("article", {}, element("h2", {}, name), schemaView(api, schema));
}

export function overview(api, document, count) {
  return element(
    "article",
    {},
    element("h2", {}, `${api.info.title} `, element("small", {}, api.info.version)),
    api.info.description ? element("p", {}, api.info.description) : null,
    element("p", {}, `${count} operations. The document itself: `, element("a", { href: document.href }, document.pathname)),
    api.info.license ? element("p", { class: "quiet" }, "Licence: ", api.info.license.name) : null,
  );
}
