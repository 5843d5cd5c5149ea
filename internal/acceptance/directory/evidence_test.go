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

// The log tells what somebody did from what a program of theirs did, and by which name a
// thing is known from then on.
func TestTheLogNamesTheProgram(t *testing.T) {
	each(t, func(t *testing.T, srv *countersigntest.Server) {
		n := newTenant(t, srv, "Engines")
		id, program := n.PersonalToken(t, n.admin, "gardener", "")
		renamed := "Night gardener"
		_, err := program.UpdateToken(t.Context(), api.UpdateTokenRequest{TokenID: id, Rename: api.Rename{Name: &renamed}})
		must(t, err)
		machine := "Digger"
		_, err = n.admin.UpdateServiceAccount(t.Context(), api.UpdateServiceAccountRequest{ServiceAccountID: n.ids["serviceAccountId"], Rename: api.Rename{Name: &machine}})
		must(t, err)
		a := n.send(t, "GET", "/countersign/audit?limit=2", n.admin.Token, "", "")
		for _, said := range []string{"administrator@example.org (by a program, " + id + ") changed", "Night gardener", "administrator@example.org changed", "Digger"} {
			if !strings.Contains(a.body, said) {
				t.Errorf("the log does not say %q: %s", said, a.body)
			}
		}
	})
}

// Somebody who logs out everywhere leaves what a program of theirs has signed and not used.
func TestLoggingOutLeavesWhatProgramsSigned(t *testing.T) {
	each(t, func(t *testing.T, srv *countersigntest.Server) {
		n := newTenant(t, srv, "Engines")
		worker, program := n.callers[api.CallerEmployee], n.callers[api.CallerPersonalToken]
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
