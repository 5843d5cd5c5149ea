package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/server/web"
)

type listing struct {
	ID    string `json:"-" path:"id"`
	Limit int    `json:"-" query:"limit" minimum:"1" maximum:"200"`
	Kind  string `json:"-" query:"kind" enum:"A,B"`
	Page  string `json:"-" query:"page"`
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
		"":                            {ID: "us-1"},
		"?limit=1&kind=B&page=%2Fx&z": {ID: "us-1", Limit: 1, Kind: "B", Page: "/x"},
		"?limit=200":                  {ID: "us-1", Limit: 200},
		"?page=":                      {ID: "us-1"},
		"?note=x&Limit=9&id=us-2":     {ID: "us-1"}, // members of the body, other names and the path do not come from there
	} {
		if got, err := ask(query); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", query, got, err, want)
		}
	}
	for _, query := range []string{"?limit=", "?limit=0", "?limit=-1", "?limit=201", "?limit=1e2", "?limit=+5", "?limit=05", "?limit=%201",
		"?limit=99999999999999999999", "?limit=1&limit=1", "?kind=", "?kind=C", "?kind=a", "?kind=A&kind=B", "?page=%zz", "?a;b"} {
		if _, err := ask(query); api.KindOf(err) != api.Invalid {
			t.Errorf("%s: %v, want Invalid", query, err)
		}
	}
}
