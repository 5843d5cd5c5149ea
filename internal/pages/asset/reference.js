// The API reference, made in the browser from the server's own description.

const deepest = 3; // how far members of members are shown; it also ends schemas that contain themselves

const element = (tag, attributes, ...children) => {
  const e = Object.assign(document.createElement(tag), attributes);
  e.append(...children.flat(Infinity).filter(Boolean));
  return e;
};
const code = (text) => element("code", {}, String(text));
const title = (name) => name.charAt(0).toUpperCase() + name.slice(1);
const anchor = (name) => "group-" + name.toLowerCase().replace(/[^a-z0-9]+/g, "-");

const resolve = (api, schema) =>
  (schema?.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema) ?? {};

function typeOf(api, schema) {
  const s = resolve(api, schema);
  if (s.type === "array" && s.items) return "array of " + typeOf(api, s.items);
  return [].concat(s.type ?? "any").join(" or ") + (s.format ? ` (${s.format})` : "");
}

// rows are the rows for the members of an object, each followed by its own members. A type
// that was shown before is referred to.
function rows(api, schema, depth = 0, shown = new Map()) {
  const { properties = {}, required = [] } = resolve(api, schema);
  const names = Object.keys(properties).sort((a, b) => required.includes(b) - required.includes(a) || (a < b ? -1 : 1));
  return names.flatMap((name) => {
    const member = properties[name];
    const inner = resolve(api, member).items ?? member;
    const before = shown.get(inner.$ref);
    const type = typeOf(api, member) + (before && resolve(api, inner).properties ? `, as in ${before}` : "");
    const first = row(name, type, required.includes(name), member.description ?? resolve(api, member).description, resolve(api, member).enum, depth);
    if (before || depth === deepest) return [first];
    if (inner.$ref) shown.set(inner.$ref, name);
    return [first, ...rows(api, inner, depth + 1, shown)];
  });
}

function row(name, type, required, description, values, depth = 0) {
  const listed = values?.flatMap((v, i) => [i ? ", " : "", code(v)]);
  return element("tr", { className: `depth-${depth}` },
    element("th", { scope: "row" }, code(name), required && [" ", element("span", { className: "required" }, "required")]),
    element("td", {}, type),
    element("td", {}, description, listed && element("span", { className: "values" }, description && " ", "One of ", listed, ".")));
}

function table(heading, all) {
  if (!all?.length) return [];
  const described = all.some((r) => r.lastChild.textContent);
  if (!described) all.forEach((r) => r.lastChild.remove());
  const head = ["Member", "Type", described && "Meaning"].map((text) => text && element("th", { scope: "col" }, text));
  return [heading && element("h4", {}, heading),
    element("table", { className: "members", ariaLabel: heading || "Error" }, element("thead", {}, element("tr", {}, head)), element("tbody", {}, all))];
}

// access says who may call, in words and by name.
function access(api, o) {
  const ways = (o.security ?? []).map((all) => Object.keys(all).map((name) => api.components.securitySchemes[name]?.description ?? name).join(", and "));
  return [
    element("p", { className: "hint" }, ways.length ? `Needs: ${ways.join("; or ")}.` : "Open to anybody."),
    o["x-callers"] && element("p", { className: "hint" }, `Callers: ${o["x-callers"].join(", ")}.`,
      o["x-permission"] && [" Permission: ", code(o["x-permission"]), "."]),
  ];
}

function operation(api, { method, path, ...o }) {
  const content = (from) => from?.content?.["application/json"]?.schema;
  const parameters = o.parameters?.map((p) => row(p.name, `${typeOf(api, p.schema)}, in ${p.in}`, p.required, p.description, p.schema?.enum));
  const answers = Object.entries(o.responses).filter(([status]) => status < 400); // of refusals the page's head tells
  const article = element("article", { className: "operation" },
    element("h3", { id: o.operationId }, o.summary),
    element("p", { className: "path" }, element("span", { className: "method" }, method.toUpperCase()), " ", code(path)),
    access(api, o),
    table("Parameters", parameters),
    table("Request body", rows(api, content(o.requestBody))),
    answers.map(([status, answer]) => table(`Answer ${status}`, rows(api, content(answer)))));
  article.setAttribute("aria-labelledby", o.operationId);
  return article;
}

function show(api) {
  const all = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, o]) => ({ method, path, ...o })));
  const groups = api.tags.map(({ name }) => ({ name, operations: all.filter((o) => o.tags[0] === name) }));
  document.getElementById("description").textContent = api.info.description;
  document.getElementById("envelope").append(...table("", rows(api, { $ref: "#/components/schemas/ErrorBody" })));
  document.getElementById("contents").replaceChildren(...groups.flatMap(({ name, operations }) => [
    element("h2", {}, title(name)),
    element("ul", {}, operations.map((o) => element("li", {}, element("a", { href: "#" + o.operationId }, o.summary)))),
  ]));
  document.getElementById("operations").replaceChildren(...groups.map(({ name, operations }) => {
    const section = element("section", {}, element("h2", { id: anchor(name) }, title(name)), operations.map((o) => operation(api, o)));
    section.setAttribute("aria-labelledby", anchor(name));
    return section;
  }));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

try {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(answer.statusText);
  show(await answer.json());
  document.body.dataset.state = "ready";
} catch {
  document.getElementById("operations").textContent = "The description could not be read. Please load the page again.";
  document.body.dataset.state = "failed";
}
