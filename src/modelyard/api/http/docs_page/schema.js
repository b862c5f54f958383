// Schemas: shown as nested tables, named in a few words, and turned into examples.
import { element } from "./element.js";

const REF = "#/components/schemas/";

export const refName = (schema) => (schema?.$ref?.startsWith(REF) ? schema.$ref.slice(REF.length) : null);

/** The name of the schema that this one refers to, also where it adds something (such as `nullable`) to the reference. */
const nameOf = (schema) => refName(schema) ?? (schema?.allOf?.length === 1 ? refName(schema.allOf[0]) : null);

/** The schema without `$ref` and `allOf`: what they stand for, merged. */
export function resolve(api, schema) {
  const name = refName(schema);
  if (name !== null) return resolve(api, api.components?.schemas?.[name] ?? {});
  if (!schema?.allOf) return schema ?? {};
  const merged = { ...schema, properties: { ...schema.properties }, required: [...(schema.required ?? [])] };
  delete merged.allOf;
  for (const part of schema.allOf.map((inner) => resolve(api, inner))) {
    Object.assign(merged.properties, part.properties);
    merged.required.push(...(part.required ?? []));
    for (const [word, value] of Object.entries(part)) if (!(word in merged)) merged[word] = value;
  }
  if (Object.keys(merged.properties).length === 0) delete merged.properties;
  return merged;
}

const options = (schema) => schema.oneOf ?? schema.anyOf ?? null;

/** A schema in a few words, such as `array of Model` or `string (int64) or null`. */
export function typeName(schema) {
  if (!schema || typeof schema !== "object") return "any";
  return (nameOf(schema) ?? plainName(schema)) + (schema.nullable ? " or null" : "");
}

function plainName(schema) {
  if (options(schema)) return options(schema).map(typeName).join(" or ");
  if (schema.type === "array") return `array of ${typeName(schema.items)}`;
  if (schema.type === "object" && typeof schema.additionalProperties === "object" && !schema.properties) {
    return `map of ${typeName(schema.additionalProperties)}`;
  }
  const type = Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type ?? "any";
  return schema.format ? `${type} (${schema.format})` : type;
}

/** The part of a schema that has something to unfold: through arrays and maps. Null when there is nothing. */
function unfoldable(api, schema) {
  const whole = resolve(api, schema);
  if (whole.properties || options(whole)) return schema;
  if (whole.items) return unfoldable(api, whole.items);
  return typeof whole.additionalProperties === "object" ? unfoldable(api, whole.additionalProperties) : null;
}

const LIMITS = ["default", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"];

function notes(schema) {
  const shown = LIMITS.filter((word) => schema[word] !== undefined).map((word) => `${word} ${JSON.stringify(schema[word])}`);
  if (schema.enum) shown.unshift(`one of ${schema.enum.map((value) => JSON.stringify(value)).join(", ")}`);
  return shown.length ? element("div", { class: "notes" }, shown.join(" · ")) : null;
}

/** The schema as elements. Inner schemas are built when they are opened, so that recursive ones end. */
export function schemaView(api, schema) {
  const whole = resolve(api, schema);
  const parts = [];
  if (whole.description) parts.push(element("p", {}, whole.description));
  if (options(whole)) parts.push(options(whole).map((option) => folded(api, option, typeName(option))));
  if (whole.properties) parts.push(propertyTable(api, whole));
  const inner = whole.properties || options(whole) ? null : unfoldable(api, whole);
  if (inner) parts.push(folded(api, inner, typeName(inner)));
  if (parts.length === 0) parts.push(element("p", {}, element("code", {}, typeName(schema))));
  parts.push(notes(whole));
  return element("div", { class: "schema" }, parts);
}

function propertyTable(api, schema) {
  const rows = Object.entries(schema.properties).map(([name, property]) => {
    const inner = unfoldable(api, property);
    const whole = resolve(api, property);
    const description = refName(property) ? null : whole.description; // what it refers to is described where it is opened
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, element("code", {}, name), schema.required?.includes(name) ? element("em", {}, "required") : null),
      element(
        "td",
        {},
        inner ? folded(api, inner, typeName(property)) : element("code", {}, typeName(property)),
        description ? element("div", {}, description) : null,
        notes(whole),
      ),
    );
  });
  return element("table", {}, element("tbody", {}, rows));
}

function folded(api, schema, title) {
  const details = element("details", {}, element("summary", {}, element("code", {}, title)));
  details.addEventListener("toggle", () => details.open && details.childElementCount === 1 && details.append(schemaView(api, schema)));
  return details;
}

/** The choices of a body that is one of several schemas: label and schema; null when it is not. */
export function variants(api, schema) {
  const whole = resolve(api, schema);
  const mapping = whole.discriminator?.mapping;
  // What the union itself requires, such as the tag, every variant does.
  const also = whole.required ? { required: whole.required } : {};
  if (mapping) return Object.entries(mapping).map(([label, ref]) => ({ label, schema: { allOf: [{ $ref: ref }], ...also } }));
  return options(whole)?.map((option) => ({ label: typeName(option), schema: option })) ?? null;
}

/** A value that fits the schema: its required fields, or all of them. */
export function example(api, schema, all, open = []) {
  const name = nameOf(schema);
  if (name !== null && open.includes(name)) return schema.nullable ? null : {};
  const inside = name === null ? open : [...open, name];
  const whole = resolve(api, schema);
  if (whole.example !== undefined) return whole.example;
  if (whole.default !== undefined && whole.default !== null) return whole.default;
  if (whole.enum) return whole.enum[0];
  if (options(whole)) return example(api, options(whole)[0], all, inside);
  if (whole.properties) return exampleObject(api, whole, all, inside);
  return exampleValue(api, whole, all, inside);
}

function exampleObject(api, whole, all, open) {
  const required = whole.required ?? [];
  const names = Object.keys(whole.properties).filter((name) => required.includes(name) || (all && !whole.properties[name].readOnly));
  return Object.fromEntries(names.map((name) => [name, example(api, whole.properties[name], all, open)]));
}

const TEXTS = { int64: "0", int32: "0", byte: "", double: "0", "date-time": "2030-01-01T00:00:00Z" };

function exampleValue(api, whole, all, open) {
  const type = Array.isArray(whole.type) ? whole.type[0] : whole.type;
  if (type === "array") return all ? [example(api, whole.items ?? {}, all, open)] : [];
  if (type === "object" && typeof whole.additionalProperties === "object" && all) {
    return { key: example(api, whole.additionalProperties, all, open) };
  }
  return { string: TEXTS[whole.format] ?? "string", integer: whole.minimum ?? 0, number: whole.minimum ?? 0, boolean: false, object: {} }[type] ?? null;
}
