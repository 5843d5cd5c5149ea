package pages_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/pages"
)

// description has each feature of OpenAPI that the reference page reads, with hostile
// text, a schema that contains itself, and references that lead nowhere.
const description = `{
  "openapi": "3.1.0",
  "info": {"title": "t", "version": "1", "description": "All about <b>it</b>"},
  "tags": [{"name": "unused"}, {"name": "registration"}],
  "paths": {
    "/things/{id}": {
      "parameters": [],
      "put": {
        "operationId": "putThing", "summary": "Put a thing", "tags": ["registration"],
        "security": [{"bearer": []}],
        "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
        "responses": {
          "200": {"description": "OK", "content": {"application/json": {"schema": {"type": "object",
            "properties": {"at": {"type": ["string", "null"], "format": "date-time"}, "gone": {"$ref": "#/components/schemas/Missing"}, "odd": true}}}}},
          "400": {"description": "Bad"}, "404": {"$ref": "#/components/responses/NotFound"}, "4XX": {"description": "any"}
        },
        "x-errors": [{"status": 400, "code": "thing_bad", "message": "The thing is bad."}]
      }
    },
    "/bare": {"get": {"responses": {}}}
  },
  "components": {
    "securitySchemes": {"bearer": {"type": "http", "description": "a token"}},
    "responses": {"NotFound": {"description": "Nothing there"}},
    "schemas": {
      "Loop": {"$ref": "#/components/schemas/Loop"},
      "Thing": {"type": "object", "required": ["zeta"], "properties": {
        "alpha": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
        "zeta": {"description": "<script>alert(1)</script>", "enum": ["one", "two"]},
        "kind": {"oneOf": [
          {"properties": {"is": {"const": "first"}}}, {"properties": {"is": {"const": "second"}, "more": {"type": "integer"}}}]},
        "loop": {"$ref": "#/components/schemas/Loop"},
        "other": {"$ref": "#/components/schemas/Thing"}
      }}
    }
  }
}`

func TestReferenceShowsTheDescription(t *testing.T) {
	page := body(t, get(t, handler(), http.MethodGet, "/docs"))
	text := regexp.MustCompile(`\s+`).ReplaceAllString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " "), " ")
	for _, want := range []string{
		"All about &lt;b&gt;it", "Registration", "Put a thing", "PUT /things/{id}", "Needs: a token",
		"id required string, in path", "Member Type id", "zeta required", "&lt;script&gt;alert(1)&lt;/script&gt;", "One of one , two .",
		"alpha array of object", "other object, as in alpha", "kind one of several", "One of first , second .", "more integer",
		"Answer 200", "at string (date-time)", "gone any", "odd any",
		"400 thing_bad The thing is bad.", "404 Nothing there", "GET /bare",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	for _, unwanted := range []string{"<script>alert", "Unused", "400 Bad", ">OK<"} {
		if strings.Contains(page, unwanted) {
			t.Errorf("the page shows %q", unwanted)
		}
	}
	if strings.Index(text, "zeta required") > strings.Index(text, "alpha array") {
		t.Error("required members do not come first")
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]] || m[1] == "" {
			t.Errorf("the id %q is empty or not unique", m[1])
		}
		ids[m[1]] = true
	}
}

func TestReferenceFollowsTheDescription(t *testing.T) {
	now := description
	h := pages.Handler(pages.Config{OpenAPI: func() []byte { return []byte(now) }})
	if page := body(t, get(t, h, http.MethodGet, "/docs")); !strings.Contains(page, "Put a thing") {
		t.Fatal("the first description is not shown")
	}
	now = strings.ReplaceAll(description, "Put a thing", "Take a thing")
	if page := body(t, get(t, h, http.MethodGet, "/docs")); !strings.Contains(page, "Take a thing") {
		t.Error("the reference still shows an older description")
	}
	for _, bad := range []string{"", "[", `{"paths": {"/x": {"get": 7}}}`} {
		now = bad
		if r := get(t, h, http.MethodGet, "/docs"); r.StatusCode != http.StatusInternalServerError {
			t.Errorf("description %q: status %d, want 500", bad, r.StatusCode)
		}
	}
}
