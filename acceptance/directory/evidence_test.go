package directory_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/receipt"
)

// Who guards another service can tell a program that signs in somebody's name from that
// person, at once and years later.
func TestAProgramsSignatureIsNotItsPersons(t *testing.T) {
	each(t, func(t *testing.T, srv *countersigntest.Server) {
		n := newTenant(t, srv, "Engines")
		for _, c := range []struct {
			who     *client.Session
			tokenID string
		}{
			{n.callers[api.CallerEmployee], ""},
			{n.callers[api.CallerPersonalToken], n.grants[api.CallerPersonalToken]},
		} {
			action, err := c.who.SignFor(t.Context(), "POST", "/transfers", []byte(`{"amount":1}`))
			must(t, err)
			used, err := n.Client().ConsumeAction(t.Context(), api.ConsumeActionRequest{UserAction: action, Method: "POST", Path: "/transfers"})
			must(t, err)
			if used.TokenID != c.tokenID || used.UserID != n.grants[api.CallerEmployee] {
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
