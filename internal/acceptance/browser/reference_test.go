package browser_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/pages"
	"github.com/countersign/countersign/internal/testing/chromium"
)

// lacking reads, in the page, what the description has and the article of each operation
// lacks.
const lacking = `(async () => {
  const api = await (await fetch("/openapi.json")).json();
  const target = (s) => s.$ref ? api.components.schemas[s.$ref.split("/").pop()] : s;
  const missing = [];
  let n = 0;
  for (const [path, methods] of Object.entries(api.paths)) for (const [method, o] of Object.entries(methods)) {
    n++;
    const article = document.getElementById(o.operationId)?.closest("article");
    if (!article) { missing.push(o.operationId); continue; }
    const names = [...article.querySelectorAll("tbody th code")].map((c) => c.textContent);
    const required = [...article.querySelectorAll("tbody th")].filter((h) => h.querySelector(".required")).map((h) => h.querySelector("code").textContent);
    const body = target(o.requestBody?.content["application/json"].schema ?? {});
    const wanted = [...(o.parameters ?? []).map((p) => p.name), ...Object.keys(body.properties ?? {})];
    const text = article.innerText;
    for (const w of [o.summary, method.toUpperCase(), path, ...(o["x-callers"] ?? []), o["x-permission"] ?? "", o.security ? "Needs:" : "Open to anybody."])
      if (!text.includes(w)) missing.push(o.operationId + ": " + w);
    for (const w of wanted) if (!names.includes(w)) missing.push(o.operationId + ": member " + w);
    for (const w of body.required ?? []) if (!required.includes(w)) missing.push(o.operationId + ": required " + w);
    if (!document.querySelector('#contents a[href="#' + o.operationId + '"]')) missing.push(o.operationId + ": link");
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length || ids.includes("")) missing.push("ids that are unique");
  if (!document.getElementById("envelope").innerText.includes("details")) missing.push("the error envelope");
  if (n < 60) missing.push("operations");
  window.lacks = missing.join("\n");
})()`

func TestReferenceShowsEveryOperation(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	tab := chromium.Open(t)
	tab.Open(srv.URL + "/docs#createUser")
	tab.WaitFor(`document.body.dataset.state === "ready"`)
	tab.WaitFor(`scrollY > 100`) // a link to an operation leads there
	tab.Eval(`void `+lacking, nil)
	tab.WaitFor(`"lacks" in window`)
	var lacks string
	if tab.Eval(`window.lacks`, &lacks); lacks != "" {
		t.Errorf("the reference lacks:\n%s", lacks)
	}
}

// description has what the reference reads, with hostile text, a schema that contains
// itself, and references that lead nowhere.
const description = `{
  "info": {"description": "All about <b>it</b>"},
  "tags": [{"name": "registration"}],
  "paths": {
    "/things/{id}": {
      "put": {
        "operationId": "putThing", "summary": "Put a thing", "tags": ["registration"],
        "security": [{"bearer": [], "action": []}], "x-callers": ["Pat"], "x-permission": "Things:Put",
        "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
        "responses": {
          "200": {"description": "OK", "content": {"application/json": {"schema": {"type": "object",
            "properties": {"at": {"type": "string", "format": "date-time"}, "gone": {"$ref": "#/components/schemas/Missing"}}}}}},
          "4XX": {"description": "any"}
        }
      }
    },
    "/bare": {"get": {"operationId": "bare", "summary": "Bare", "tags": ["registration"], "responses": {}}}
  },
  "components": {
    "securitySchemes": {"bearer": {"description": "a token"}, "action": {"description": "a signature"}},
    "schemas": {
      "ErrorBody": {"properties": {"message": {"type": "string"}}},
      "Thing": {"type": "object", "required": ["zeta"], "properties": {
        "alpha": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
        "zeta": {"description": "<script>alert(1)</script>", "type": "string", "enum": ["one", "two"]},
        "other": {"$ref": "#/components/schemas/Thing"}
      }}
    }
  }
}`

func TestReferenceOfAnyDescription(t *testing.T) {
	t.Parallel()
	now := description
	mux := http.NewServeMux()
	mux.Handle("/", pages.Handler(pages.Config{}))
	mux.HandleFunc("/openapi.json", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(now)) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	tab := chromium.Open(t)
	read := func(state string) string {
		tab.Open(srv.URL + "/docs")
		tab.WaitFor(`document.body.dataset.state === "` + state + `"`)
		return strings.Join(strings.Fields(tab.Text("main")), " ")
	}
	text := read("ready")
	for _, want := range []string{
		"All about <b>it</b>", "Registration", "Put a thing", "PUT /things/{id}", "Needs: a token, and a signature.", "Callers: Pat. Permission: Things:Put.",
		"id required string, in path", "zeta required", "<script>alert(1)</script> One of one, two.",
		"alpha array of object", "other object, as in alpha", "Answer 200", "at string (date-time)", "gone any", "GET /bare Open to anybody.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if strings.Index(text, "zeta required") > strings.Index(text, "alpha array") {
		t.Error("required members do not come first")
	}
	now = strings.ReplaceAll(description, "Put a thing", "Take a thing")
	if text := read("ready"); !strings.Contains(text, "Take a thing") || strings.Contains(text, "Put a thing") {
		t.Error("the reference still shows an older description")
	}
	for _, bad := range []string{"", "[", `{"paths": {"/x": {"get": 7}}}`} {
		now = bad
		if text := read("failed"); !strings.Contains(text, "could not be read") {
			t.Errorf("of the description %q it shows %q", bad, text)
		}
	}
}
