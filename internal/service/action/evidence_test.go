package action_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/guard"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/receipt"
)

// Another service can distinguish an access token that signs for a person from that person, at
// once and years later.
func TestATokensSignatureIsNotItsPersons(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		n := world.NewTenant(t, srv, "Engines")
		for _, c := range []struct {
			who     *client.Session
			tokenID string
		}{
			{n.Callers[api.CallerEmployee], ""},
			{n.Callers[api.CallerPersonalToken], n.Identities[api.CallerPersonalToken]},
		} {
			action, err := c.who.SignFor(t.Context(), "POST", "/transfers", []byte(`{"amount":1}`))
			must(t, err)
			used, err := n.Client().ConsumeAction(t.Context(), api.ConsumeActionRequest{UserAction: action, Method: "POST", Path: "/transfers"})
			must(t, err)
			if used.TokenID != c.tokenID || used.UserID != n.Identities[api.CallerEmployee] {
				t.Errorf("consumed %+v, want the access token %q", used, c.tokenID)
			}
			_, report, err := receipt.Verify([]byte(used.Receipt), nil)
			must(t, err)
			said := strings.Contains(strings.Join(report.Lines, "\n"), "the key of the access token "+c.tokenID)
			if said != (c.tokenID != "") {
				t.Errorf("the receipt says %q", report.Lines)
			}
		}
	})
}

// Logging out everywhere does not void what an access token of the user signed and has not used.
func TestLoggingOutLeavesWhatTokensSigned(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		n := world.NewTenant(t, srv, "Engines")
		worker, program := n.Callers[api.CallerEmployee], n.Callers[api.CallerPersonalToken]
		mine, err := worker.SignFor(t.Context(), "POST", "/transfers", nil)
		must(t, err)
		its, err := program.SignFor(t.Context(), "POST", "/transfers", nil)
		must(t, err)
		must(t, worker.LogOut(t.Context(), true))
		if _, err := n.Client().ConsumeAction(t.Context(), api.ConsumeActionRequest{UserAction: mine}); err == nil {
			t.Error("what was signed in a session outlives it")
		}
		if _, err := n.Client().ConsumeAction(t.Context(), api.ConsumeActionRequest{UserAction: its}); err != nil {
			t.Errorf("what the program signed is void: %v", err)
		}
	})
}

// A service behind a reverse proxy also learns that an access token signed for a person.
func TestTokensBehindAProxy(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		g, err := guard.New(guard.Config{Server: n.URL})
		must(t, err)
		ada := n.Employ(t, "ada@example.org", "Auth:Pats:Create")
		tokenID, program := n.PersonalToken(t, ada.Session, "program", "")
		for want, by := range map[string]*client.Session{tokenID: program, "": ada.Session} {
			action, err := by.SignFor(t.Context(), "POST", "/transfers", []byte("{}"))
			must(t, err)
			r, err := http.NewRequest("GET", n.URL+"/countersign/forward-auth?body=upstream", http.NoBody)
			must(t, err)
			r.Header = http.Header{"X-Original-Method": {"POST"}, "X-Original-Uri": {"/transfers"}, api.HeaderUserAction: {action}}
			res, err := n.HTTP().Do(r)
			must(t, err)
			res.Body.Close()
			passed := httptest.NewRequest("POST", "/transfers", strings.NewReader("{}"))
			for name, values := range res.Header {
				if strings.HasPrefix(name, "Countersign-") {
					passed.Header[name] = values
				}
			}
			var got guard.Action
			w := httptest.NewRecorder()
			g.RequireBehindProxy(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, _ = guard.From(r.Context()) })).ServeHTTP(w, passed)
			if w.Code != 200 || got.UserID != ada.ID || got.TokenID != want {
				t.Errorf("%d, the service is told %+v, want the token %q", w.Code, got, want)
			}
		}
	})
}
