package world

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/testing/contract"
)

// Answer is what came of a request, read to its end.
type Answer struct {
	Method, Path string
	Status       int
	Header       http.Header
	Closes       bool // the connection, after this answer
	Body         string

	Code, Message, SupportID string // of a refusal
}

func (a Answer) String() string { return fmt.Sprintf("%d %s %.200s", a.Status, a.Code, a.Body) }

// Outcome is the status and the code: "200" or "400 member_missing".
func (a Answer) Outcome() string { return strings.TrimSpace(fmt.Sprint(a.Status, " ", a.Code)) }

// Wants fails t unless an answer has that status and code, "" for a success.
func (a Answer) Wants(t testing.TB, what string, status int, code string) {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Errorf("%s: %v, want %d %s", what, a, status, code)
	}
}

// ReadAnswer reads an answer and fails t if it does not keep the contract.
func ReadAnswer(t testing.TB, method, path string, res *http.Response) Answer {
	t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: the answer broke off: %v", method, path, err)
	}
	a := Answer{Method: method, Path: path, Status: res.StatusCode, Header: res.Header, Closes: res.Close, Body: string(body)}
	if err := contract.Check(method, path, a.Status, a.Header, body); err != nil {
		t.Errorf("contract: %v", err)
	}
	if a.Status >= 400 && method != http.MethodHead {
		var e api.ErrorBody
		if err := json.Unmarshal(body, &e); err != nil {
			t.Errorf("%s %s: %v in %q", method, path, err, body)
		}
		a.Code, a.Message, a.SupportID = e.Error.Code, e.Message, e.Error.ID
	}
	// The support id is in a header too, where clients find it that do not read the body.
	if id := res.Header.Get("X-Request-ID"); id == "" || a.SupportID != "" && id != a.SupportID {
		t.Errorf("%s %s: X-Request-ID is %q, error.id %q", method, path, id, a.SupportID)
	}
	return a
}

// Send makes one request. A body of type []byte or string is sent as it is, any other as
// its JSON, and nil not at all.
func (o *Organisation) Send(t testing.TB, method, path string, header http.Header, body any) Answer {
	t.Helper()
	var sent io.Reader = http.NoBody
	switch b := body.(type) {
	case nil:
	case []byte:
		sent = bytes.NewReader(b)
	case string:
		sent = strings.NewReader(b)
	default:
		sent = strings.NewReader(JSON(t, b))
	}
	r, err := http.NewRequestWithContext(t.Context(), method, o.URL+path, sent)
	Must(t, err)
	r.Header.Set("Content-Type", "application/json")
	for name, values := range header {
		r.Header[name] = values
	}
	res, err := o.HTTPClient.Do(r)
	if err != nil {
		t.Fatalf("%s %s: the connection was dropped: %v", method, path, err)
	}
	path, _, _ = strings.Cut(path, "?")
	return ReadAnswer(t, method, path, res)
}

// Post is Send with the method POST and no header.
func (o *Organisation) Post(t testing.TB, path string, body any) Answer {
	t.Helper()
	return o.Send(t, http.MethodPost, path, nil, body)
}

// Call makes a request with a token and a signed action, "" for none, and without a
// Content-Type, as some clients do.
func (o *Organisation) Call(t testing.TB, method, path, token, action, body string) Answer {
	t.Helper()
	header := http.Header{}
	if token != "" {
		header = Bearer(token)
	}
	header["Content-Type"] = nil
	if action != "" {
		header.Set(api.HeaderUserAction, action)
	}
	if body == "" {
		return o.Send(t, method, path, header, nil)
	}
	return o.Send(t, method, path, header, body)
}

// CallAs makes a request under a session, signed if it must be.
func (o *Organisation) CallAs(t testing.TB, s *client.Session, signed bool, method, path, body string) Answer {
	t.Helper()
	action := ""
	if signed {
		var err error
		action, err = s.SignFor(t.Context(), method, path, []byte(body))
		Must(t, err)
	}
	return o.Call(t, method, path, s.Token, action, body)
}

// Refused fails t unless err is the refusal of a request with that status and code.
func Refused(t testing.TB, what string, err error, status int, code string) {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Status != status || e.Code != code {
		t.Errorf("%s: %v, want %d %s", what, err, status, code)
	}
}

// JSON is v as JSON.
func JSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	Must(t, err)
	return string(text)
}

// Must ends t over an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
