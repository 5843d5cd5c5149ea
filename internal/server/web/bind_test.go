package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/server/web"
	"github.com/countersign/countersign/internal/store"
)

type listing struct {
	ID    string `json:"-" path:"id"`
	Limit int    `json:"-" query:"limit" minimum:"1" maximum:"200"`
	Kind  string `json:"-" query:"kind" enum:"A,B"`
	Page  string `json:"-" query:"page"`
	Force bool   `json:"-" query:"force"`
	Note  string `json:"note,omitempty"`
}

func TestParametersOutsideTheBody(t *testing.T) {
	op := web.Op(func(_ context.Context, _ api.Caller, in listing) (listing, error) { return in, nil })
	ask := func(query string) (listing, error) {
		var out any
		var err error
		mux := http.NewServeMux()
		mux.HandleFunc("GET /l/{id}", func(w http.ResponseWriter, r *http.Request) { out, err = op.Run(w, r, api.Caller{}) })
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/l/us%2D1"+query, http.NoBody))
		in, _ := out.(listing)
		return in, err
	}
	for query, want := range map[string]listing{
		"":                          {ID: "us-1"},
		"?limit=1&kind=B&page=%2Fx": {ID: "us-1", Limit: 1, Kind: "B", Page: "/x"},
		"?limit=200":                {ID: "us-1", Limit: 200},
		"?page=":                    {ID: "us-1"},
		"?&limit=2&":                {ID: "us-1", Limit: 2},
		"?force=true":               {ID: "us-1", Force: true},
		"?force=True":               {ID: "us-1", Force: true}, // Python
		"?force=TRUE":               {ID: "us-1", Force: true},
		"?force=tRuE":               {ID: "us-1", Force: true},
		"?force=1":                  {ID: "us-1", Force: true}, // PHP
		"?force=%74rue":             {ID: "us-1", Force: true},
		"?force=false":              {ID: "us-1"},
		"?force=False":              {ID: "us-1"},
		"?force=FALSE":              {ID: "us-1"},
		"?force=0":                  {ID: "us-1"},
	} {
		if got, err := ask(query); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", query, got, err, want)
		}
	}
	for _, query := range []string{"?limit=", "?limit=0", "?limit=-1", "?limit=201", "?limit=1e2", "?limit=+5", "?limit=05", "?limit=%201",
		"?limit=99999999999999999999", "?limit=1&limit=1", "?kind=", "?kind=C", "?kind=a", "?kind=A&kind=B", "?page=%zz", "?a;b",
		"?force=", "?force", "?force=yes", "?force=on", "?force=t", "?force=2", "?force=01", "?force=%20true", "?force=true%00", "?force=fal%C5%BFe",
		"?force=true&force=True"} {
		if _, err := ask(query); api.KindOf(err) != api.Invalid {
			t.Errorf("%s: %v, want Invalid", query, err)
		}
	}
}

// A parameter that is not known is refused by its name, with the one that is meant: a list
// whose next page is asked for by another name would begin anew for ever.
func TestUnknownParametersAreNamed(t *testing.T) {
	t.Parallel()
	type list struct {
		ID              string `json:"-" path:"id"`
		Limit           int    `json:"-" query:"limit" minimum:"1" maximum:"200"`
		PaginationToken string `json:"-" query:"paginationToken"`
	}
	type single struct {
		ID   string `json:"-" path:"id"`
		Note string `json:"note,omitempty"`
	}
	lists := web.Op(func(_ context.Context, _ api.Caller, in list) (string, error) { return in.ID, nil })
	singles := web.Op(func(_ context.Context, _ api.Caller, in single) (string, error) { return in.ID, nil })
	ask := func(op web.Operation, query string) error {
		var err error
		mux := http.NewServeMux()
		mux.HandleFunc("GET /l/{id}", func(w http.ResponseWriter, r *http.Request) { _, err = op.Run(w, r, api.Caller{}) })
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/l/us-1"+query, http.NoBody))
		return err
	}
	for query, want := range map[string]string{
		"?pagination_token=x":         "The parameter pagination_token is not known here; did you mean paginationToken?",
		"?pagination-token=x":         "The parameter pagination-token is not known here; did you mean paginationToken?",
		"?PaginationToken=x":          "The parameter PaginationToken is not known here; did you mean paginationToken?",
		"?paginationtoken=":           "The parameter paginationtoken is not known here; did you mean paginationToken?",
		"?limit=5&Limit=9":            "The parameter Limit is not known here; did you mean limit?",
		"?limits=9":                   "The parameter limits is not known here; did you mean limit?",
		"?offset=100":                 "The parameter offset is not known here; there are limit, paginationToken.",
		"?id=us-2":                    "The parameter id is not known here; there are limit, paginationToken.",
		"?limit[]=1":                  "A parameter of the query is not known here; did you mean limit?",
		"?=x":                         "A parameter of the query is not known here; there are limit, paginationToken.",
		"?%3Cscript%3E":               "A parameter of the query is not known here; there are limit, paginationToken.",
		"?" + strings.Repeat("a", 60): "A parameter of the query is not known here; there are limit, paginationToken.",
	} {
		err := ask(lists, query)
		if api.CodeOf(err) != "parameter_unknown" || api.KindOf(err) != api.Invalid || api.AsError(err).Message != want {
			t.Errorf("%s: %v, want %s", query, err, want)
		}
		if err := ask(singles, query); err != nil {
			t.Errorf("%s where no query is known: %v", query, err)
		}
	}
}

// A member in another spelling than its own is refused by name wherever it is; one that
// resembles none is passed over, save by an update.
func TestMembersAreNamed(t *testing.T) {
	t.Parallel()
	type entry struct {
		CredID string `json:"credId"`
	}
	type body struct {
		ExternalID string         `json:"externalId,omitempty"`
		OrgID      string         `json:"orgId"`
		Factor     *entry         `json:"factor,omitempty"`
		All        []entry        `json:"all,omitempty"`
		Free       map[string]any `json:"free,omitempty"`
	}
	op := web.Op(func(_ context.Context, _ api.Caller, in body) (body, error) { return in, nil })
	update := web.Exact(func(_ context.Context, _ *store.Tx, _ api.Caller, in body) (body, error) { return in, nil })
	for text, want := range map[string]struct{ op, update string }{
		`{"external_id":"x"}`:          {"The member /external_id is misspelt; it is called externalId.", "The member /external_id cannot be set here; did you mean externalId?"},
		`{"externalID":"x"}`:           {"The member /externalID is misspelt; it is called externalId.", "The member /externalID cannot be set here; did you mean externalId?"},
		`{"external-id":null}`:         {"The member /external-id is misspelt; it is called externalId.", "The member /external-id cannot be set here; did you mean externalId?"},
		`{"orgId":"a","OrgId":"a"}`:    {"The member /OrgId is misspelt; it is called orgId.", "The member /OrgId cannot be set here; did you mean orgId?"},
		`{"factor":{"cred_id":"x"}}`:   {"The member /factor/cred_id is misspelt; it is called credId.", "The member /factor/cred_id cannot be set here; did you mean credId?"},
		`{"all":[{},{"credID":"x"}]}`:  {"The member /all/1/credID is misspelt; it is called credId.", "The member /all/1/credID cannot be set here; did you mean credId?"},
		`{"a":1,"org_id":"x"}`:         {"The member /org_id is misspelt; it is called orgId.", "The member /a cannot be set here."},
		`{"externlId":"x"}`:            {"", "The member /externlId cannot be set here; did you mean externalId?"},
		`{"secret":"x"}`:               {"", "The member /secret cannot be set here."},
		`{"<b>":"x"}`:                  {"", "The request body has a member that cannot be set here."},
		`{"free":{"OrgId":1,"a_b":2}}`: {"", ""},
	} {
		_, err := op.Run(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader(text)), api.Caller{})
		wantMessage(t, text, err, "invalid_member", want.op)
		_, err = update.RunSigned(httptest.NewRecorder(), httptest.NewRequest("PUT", "/", strings.NewReader(text)), api.Caller{}, nil)
		wantMessage(t, "update "+text, err, "member_unknown", want.update)
	}
}

func wantMessage(t *testing.T, what string, err error, code, message string) {
	t.Helper()
	if message == "" {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	if api.CodeOf(err) != code || api.AsError(err).Message != message {
		t.Errorf("%s: %v, want %s", what, err, message)
	}
}
