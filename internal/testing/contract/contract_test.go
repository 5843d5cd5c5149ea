package contract

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The embedded copy is the contract that the project was given, to the byte.
func TestEmbeddedCopyIsTheSharedContract(t *testing.T) {
	shared, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "wire", "auth.openapi.yaml"))
	if os.IsNotExist(err) {
		t.Log("no shared/wire/auth.openapi.yaml beside this tree: nothing to compare with")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(shared, text) {
		t.Error("internal/testing/contract/auth.openapi.yaml differs from shared/wire/auth.openapi.yaml; copy it again")
	}
}

func TestEveryOperationOfTheContractIsKnown(t *testing.T) {
	doc, err := load()
	if err != nil {
		t.Fatal(err)
	}
	// Counted in the text, not by the parser under test.
	_, paths, _ := bytes.Cut(text, []byte("\npaths:\n"))
	paths, _, _ = bytes.Cut(paths, []byte("\nwebhooks:\n"))
	if want := bytes.Count(paths, []byte("\n      operationId: ")); len(doc.operations) != want {
		t.Errorf("%d operations, want %d", len(doc.operations), want)
	}
	for _, op := range doc.operations {
		if _, ok := op.answer(http.StatusTeapot); !ok {
			t.Errorf("%s has no answer for a 4xx", op.id)
		}
		if _, ok := op.answer(http.StatusBadGateway); !ok {
			t.Errorf("%s has no answer for a 5xx", op.id)
		}
		if len(op.answers) < 3 {
			t.Errorf("%s has no answer for success", op.id)
		}
	}
}

// Nothing that an answer is checked by is lost between the YAML and the schemas.
func TestConversionKeepsEveryKeyword(t *testing.T) {
	spec, err := toJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, keyword := range []string{"$ref", "required", "pattern", "enum", "const", "format", "minLength", "maxLength", "minimum", "oneOf", "anyOf", "type", "properties", "items"} {
		want := len(regexp.MustCompile(`(?m)^[ -]*`+regexp.QuoteMeta(keyword)+`:`).FindAll(text, -1))
		got := strings.Count(string(spec), `"`+keyword+`":`)
		if got != want || want == 0 {
			t.Errorf("%s occurs %d times, in the YAML %d times", keyword, got, want)
		}
	}
}

const (
	goodChallenge = `{
		"user": {"id": "us-01234-56789-abcdefghijklmnop", "displayName": "Ada", "name": "ada@example.org"},
		"temporaryAuthenticationToken": "a.b.c",
		"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"rp": {"id": "localhost", "name": "Analytical Engines"},
		"supportedCredentialKinds": {"firstFactor": ["Fido2", "Key"], "secondFactor": ["Fido2"]},
		"authenticatorSelection": {"residentKey": "required", "requireResidentKey": true, "userVerification": "required"},
		"attestation": "direct",
		"pubKeyCredParams": [{"type": "public-key", "alg": -7}],
		"excludeCredentials": [],
		"otpUrl": ""
	}`
	goodResult = `{
		"credential": {"uuid": "cr-01234-56789-abcdefghijklmnop", "kind": "Fido2", "name": "Laptop"},
		"user": {"id": "us-01234-56789-abcdefghijklmnop", "username": "ada@example.org", "orgId": "or-01234-56789-abcdefghijklmnop"}
	}`
	goodError = `{
		"error": {"id": "rf-01234-56789-abcdefghijklmnop", "status": 401, "code": "registration_refused", "message": "No.", "details": {"a": 1}},
		"message": "No."
	}`
)

func jsonHeader() http.Header { return http.Header{"Content-Type": {"application/json"}} }

func TestCheckAcceptsWhatTheContractHas(t *testing.T) {
	notFound := strings.Replace(goodError, "401", "404", 1)
	for _, c := range []struct {
		name, method, path string
		status             int
		header             http.Header
		body               string
	}{
		{"challenge", "POST", "/auth/registration/init", 200, jsonHeader(), goodChallenge},
		{"challenge with a query", "POST", "/auth/registration/init?a=b", 200, jsonHeader(), goodChallenge},
		{"result", "POST", "/auth/registration", 200, jsonHeader(), goodResult},
		{"charset", "POST", "/auth/registration", 200, http.Header{"Content-Type": {"application/json; charset=UTF-8"}}, goodResult},
		{"message", "PUT", "/auth/registration/code", 200, jsonHeader(), `{"message":"success"}`},
		{"error", "POST", "/auth/registration/init", 401, jsonHeader(), goodError},
		{"unknown route", "GET", "/auth/nothing", 404, jsonHeader(), notFound},
		{"unknown method", "PATCH", "/auth/registration", 404, jsonHeader(), notFound},
		{"error outside /auth", "GET", "/nothing", 404, jsonHeader(), notFound},
		{"success outside /auth", "GET", "/register", 200, http.Header{"Content-Type": {"text/html"}}, "<html>"},
		{"HEAD", "HEAD", "/auth/registration", 404, jsonHeader(), ""},
		{"OPTIONS", "OPTIONS", "/auth/registration", 204, nil, ""},
		{"empty success", "DELETE", "/permissions/pm-01234-56789-abcdefghijklmnop/assignments/as-01234-56789-abcdefghijklmnop", 204, nil, ""},
		{"csv", "GET", "/auth/action/logs", 200, http.Header{"Content-Type": {"text/csv; charset=utf-8"}}, "Date Performed\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := Check(c.method, c.path, c.status, c.header, []byte(c.body)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCheckRejects(t *testing.T) {
	const begin, complete, resend = "/auth/registration/init", "/auth/registration", "/auth/registration/code"
	change := func(body, from, to string) string {
		t.Helper()
		changed := strings.Replace(body, from, to, 1)
		if changed == body {
			t.Fatalf("%q is not in the sample", from)
		}
		return changed
	}
	html := http.Header{"Content-Type": {"text/html"}}
	twoTypes := http.Header{"Content-Type": {"application/json", "text/html"}}
	latin := http.Header{"Content-Type": {"application/json; charset=latin1"}}

	for _, c := range []struct {
		name, method, path string
		status             int
		header             http.Header
		body               string
		want               string // in the error
	}{
		{"missing member", "POST", begin, 200, jsonHeader(), change(goodChallenge, `"otpUrl": ""`, `"other": ""`), "otpUrl"},
		{"null for an array", "POST", begin, 200, jsonHeader(), change(goodChallenge, `[],`, `null,`), "excludeCredentials"},
		{"number for text", "POST", begin, 200, jsonHeader(), change(goodChallenge, `"otpUrl": ""`, `"otpUrl": 1`), "otpUrl"},
		{"unknown kind", "POST", begin, 200, jsonHeader(), change(goodChallenge, `"Key"`, `"Pin"`), "firstFactor"},
		{"unknown attestation", "POST", begin, 200, jsonHeader(), change(goodChallenge, `direct`, `always`), "attestation"},
		{"padded challenge", "POST", begin, 200, jsonHeader(), change(goodChallenge, `AAA"`, `AAA="`), "challenge"},
		{"rp without name", "POST", begin, 200, jsonHeader(), change(goodChallenge, `, "name": "Analytical Engines"`, ``), "name"},
		{"id of another kind", "POST", complete, 200, jsonHeader(), change(goodResult, `"cr-`, `"us-`), "uuid"},
		{"id in another shape", "POST", complete, 200, jsonHeader(), change(goodResult, `"or-01234`, `"or-0123`), "orgId"},
		{"other operation's body", "POST", complete, 200, jsonHeader(), goodChallenge, "credential"},
		{"missing message", "PUT", resend, 200, jsonHeader(), `{}`, "message"},
		{"status without meaning", "POST", complete, 201, jsonHeader(), goodResult, "no such status"},
		{"accepted", "POST", complete, 202, jsonHeader(), goodResult, "no such status"},
		{"redirect", "POST", complete, 307, nil, "", "no such status"},
		{"empty body", "POST", complete, 200, jsonHeader(), "", "JSON"},
		{"trailing text", "POST", complete, 200, jsonHeader(), goodResult + "x", "JSON"},
		{"two values", "POST", complete, 200, jsonHeader(), goodResult + goodResult, "JSON"},
		{"member twice", "PUT", resend, 200, jsonHeader(), `{"message":"a","message":"b"}`, "JSON"},
		{"not UTF-8", "PUT", resend, 200, jsonHeader(), "{\"message\":\"\xff\"}", "JSON"},
		{"HTML", "POST", complete, 200, html, "<html>", "text/html"},
		{"no content type", "POST", complete, 200, nil, goodResult, "Content-Type"},
		{"two content types", "POST", complete, 200, twoTypes, goodResult, "Content-Type"},
		{"other charset", "POST", complete, 200, latin, goodResult, "charset"},
		{"body of an empty success", "DELETE", "/permissions/pm-01234-56789-abcdefghijklmnop/assignments/as-01234-56789-abcdefghijklmnop", 204, nil, "x", "no body"},

		{"HTML error", "POST", complete, 400, html, "<html>", "application/json"},
		{"empty error", "POST", complete, 500, jsonHeader(), "", "JSON"},
		{"error without error", "POST", complete, 401, jsonHeader(), `{"message":"No."}`, "error"},
		{"error without message", "POST", complete, 401, jsonHeader(), change(goodError, `"message": "No.", `, ``), "message"},
		{"error with another message", "POST", complete, 401, jsonHeader(), change(goodError, `"message": "No."`, `"message": "Never."`), "message"},
		{"error without top message", "POST", complete, 401, jsonHeader(), change(goodError, "},\n\t\t\"message\": \"No.\"", "}"), "message"},
		{"error without id", "POST", complete, 401, jsonHeader(), change(goodError, `"id": "rf-01234-56789-abcdefghijklmnop", `, ``), "error.id"},
		{"error without code", "POST", complete, 401, jsonHeader(), change(goodError, `"code": "registration_refused", `, ``), "error.code"},
		{"error with prose for a code", "POST", complete, 401, jsonHeader(), change(goodError, `registration_refused`, `Registration refused`), "error.code"},
		{"error with another status", "POST", complete, 400, jsonHeader(), goodError, "error.status"},
		{"error with mistyped details", "POST", complete, 401, jsonHeader(), change(goodError, `{"a": 1}`, `[]`), "details"},

		{"unknown route answering", "GET", "/auth/nothing", 200, jsonHeader(), `{}`, "no such operation"},
		{"unknown method answering", "GET", complete, 200, jsonHeader(), goodResult, "no such operation"},
		{"unknown route redirecting", "GET", "/auth", 301, html, "", "no such operation"},
		{"unknown route with a text", "GET", "/auth/nothing", 404, http.Header{"Content-Type": {"text/plain"}}, "404", "application/json"},
		{"text outside /auth", "GET", "/nothing", 404, http.Header{"Content-Type": {"text/plain"}}, "404", "application/json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Check(c.method, c.path, c.status, c.header, []byte(c.body))
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("refused for another reason than %q: %v", c.want, err)
			}
		})
	}
}

// Formats are asserted: a time that is only text shaped like one is refused.
func TestFormatsAreAsserted(t *testing.T) {
	doc, err := load()
	if err != nil {
		t.Fatal(err)
	}
	op := doc.operation("GET", "/auth/users/us-01234-56789-abcdefghijklmnop")
	if op == nil || op.id != "getUser" {
		t.Fatalf("GET /auth/users/{userId} is %+v, want getUser", op)
	}
	body := `{"items":[{
		"kind": "Fido2", "credentialId": "AAAA", "credentialUuid": "cr-01234-56789-abcdefghijklmnop",
		"dateCreated": "%", "isActive": true, "name": "Laptop", "publicKey": "SHA256:x", "relyingPartyId": "localhost", "origin": "http://localhost"
	}]}`
	good := strings.Replace(body, "%", "2026-01-02T03:04:05.006Z", 1)
	if err := Check("GET", "/auth/credentials", 200, jsonHeader(), []byte(good)); err != nil {
		t.Error(err)
	}
	for _, date := range []string{"", "yesterday", "2026-13-02T03:04:05Z", "2026-01-02 03:04:05"} {
		bad := strings.Replace(body, "%", date, 1)
		if err := Check("GET", "/auth/credentials", 200, jsonHeader(), []byte(bad)); err == nil || !strings.Contains(err.Error(), "dateCreated") {
			t.Errorf("dateCreated %q: %v", date, err)
		}
	}
}

// A path that is spelt out wins over a template that matches it as well.
func TestLiteralPathsWinOverTemplates(t *testing.T) {
	doc, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/auth/registration":      "register",
		"/auth/registration/init": "createRegistrationChallenge",
		"/auth/action/logs":       "listAuditLogs",
	} {
		for _, method := range []string{"GET", "POST"} {
			if op := doc.operation(method, path); op != nil && op.id != want {
				t.Errorf("%s %s is %s, want %s", method, path, op.id, want)
			}
		}
	}
	if op := doc.operation("GET", "/auth/users/"); op != nil {
		t.Errorf("GET /auth/users/ is %s: an empty segment is not an id", op.id)
	}
}
