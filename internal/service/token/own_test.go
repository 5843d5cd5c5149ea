package token_test

import (
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/testing/world"
)

// A token changes no other token of its person, however many rights it has: another may have more,
// and their person may have deactivated it. It may end itself.
func TestATokenChangesNoOther(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		ada := n.EmployAs(t, "ada@example.org", api.CustomerEmployee, "Auth:Pats:Create", "Auth:Users:Read", "Auth:Logs:Read")
		few := n.Permission(t, n.Org.ID, "few", "Auth:Users:Read")
		strong, _ := n.PersonalToken(t, ada.Session, "strong", "")
		off, _ := n.PersonalToken(t, ada.Session, "off", "")
		weak, _ := n.PersonalToken(t, ada.Session, "weak", few)
		_, err := ada.DeactivateToken(ctx, off)
		must(t, err)
		_, program := n.PersonalToken(t, ada.Session, "program", few)
		fullID, full := n.PersonalToken(t, ada.Session, "full", "")
		before := n.State(t)
		for _, id := range []string{strong, off, weak} {
			for _, call := range []struct{ method, path, body string }{{"PUT", "", `{"name":"x"}`}, {"PUT", "", `{"externalId":"x"}`}, {"DELETE", "", ""},
				{"PUT", "/activate", ""}, {"PUT", "/deactivate", ""}} {
				what := call.method + call.path + call.body
				n.CallAs(t, program, true, call.method, pats+"/"+id+call.path, call.body).Wants(t, "a weak one: "+what, 403, "permission_denied")
				n.CallAs(t, full, true, call.method, pats+"/"+id+call.path, call.body).Wants(t, "one with as many rights: "+what, 403, "permission_denied")
			}
		}
		n.Unchanged(t, "others", before)
		if a, err := full.ArchiveToken(ctx, fullID); err != nil || a.IsActive || n.Lives(t, full) {
			t.Errorf("itself: %+v, %v", a, err)
		}
		if a, err := ada.ActivateToken(ctx, off); err != nil || !a.IsActive {
			t.Errorf("by its person: %+v, %v", a, err)
		}
	})
}

// A token reads the receipts of what it signed itself, and others only with the right to read the
// audit log.
func TestReceiptsThatATokenReads(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ada := n.Employ(t, "ada@example.org", "Auth:Pats:Create", "Auth:Logs:Read", "Wallets:Read")
		_, narrow := n.PersonalToken(t, ada.Session, "narrow", n.Permission(t, n.Org.ID, "wallets", "Wallets:Read"))
		_, logs := n.PersonalToken(t, ada.Session, "logs", n.Permission(t, n.Org.ID, "logs", "Auth:Logs:Read"))
		signed := map[string]string{}
		for who, s := range map[string]*client.Session{"person": ada.Session, "narrow": narrow, "logs": logs, "another": n.Callers[api.CallerEmployee]} {
			_, err := s.SignFor(t.Context(), "POST", "/elsewhere", nil)
			must(t, err)
			all, err := n.DB.Actions(t.Context(), n.Org.ID, "", "", 0)
			must(t, err)
			signed[who] = all[len(all)-1].ID
		}
		for who, want := range map[string]int{"narrow": 200, "person": 404, "logs": 404, "another": 404} {
			n.Call(t, "GET", "/countersign/actions/"+signed[who], narrow.Token, "", "").
				Wants(t, "the narrow token reads what "+who+" signed", want, map[int]string{404: "action_not_found"}[want])
			n.Call(t, "GET", "/countersign/actions/"+signed[who], logs.Token, "", "").Wants(t, "the one with the right: "+who, 200, "")
			n.Call(t, "GET", "/countersign/actions/"+signed[who], ada.Token, "", "").Wants(t, "the person: "+who, 200, "")
		}
	})
}
