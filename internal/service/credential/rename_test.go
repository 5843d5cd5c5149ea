package credential_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

const accountPath = "/countersign/account/credentials/"

func (o owner) rename(t testing.TB, uuid, name string) world.Answer {
	t.Helper()
	return o.call(t, "PUT", accountPath+uuid, map[string]string{"name": name})
}

// People rename credentials of their own, whatever these and the one that signs are. The owner and the log
// are told both names, once.
func TestRename(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		h := world.On(t, srv, srv.Organisation(t, "Engines"))
		ada := employee(t, h)
		key, weak := ada.add(t, "protected key")
		for i, sort := range append([]string{recoveryKey}, sorts...) {
			c, _ := ada.add(t, sort)
			name := strings.Repeat("é", 99) + string('a'+rune(i)) // 100 characters, not bytes
			want := c
			want.Name = name
			for range 2 { // the second time nothing changes
				if got := world.Read[api.Credential](t, ada.with(weak).rename(t, c.CredentialUUID, name)); got != want {
					t.Errorf("%s: %+v, want %+v", sort, got, want)
				}
			}
			all := h.EventsOf(t, userID(t, h, ada.Username), store.EventCredentialRenamed)
			if len(all) != i+1 {
				t.Fatalf("%d events, want %d", len(all), i+1)
			}
			if d := string(all[i].Detail); all[i].CredentialID != c.CredentialUUID || all[i].ActionID == "" || !strings.Contains(d, `"formerName":"`+sort+`"`) || !strings.Contains(d, name) {
				t.Errorf("event %+v %s", all[i], d)
			}
		}
		ada.call(t, "PUT", deactivatePath, uuid(key)).Wants(t, "deactivate", 200, "")
		ada.rename(t, key.CredentialUUID, "in the safe").Wants(t, "an inactive one", 200, "")
		if all := ada.list(t); all[1].Name != "in the safe" || all[1].IsActive {
			t.Errorf("%+v", all[1])
		}
		srv.Outbox.Finish()
		told := 0
		for _, m := range srv.Mailbox.Messages() {
			if strings.Contains(string(m.Data), "Name before:") {
				told++
			}
		}
		if told != len(sorts)+2 {
			t.Errorf("the owner was told %d times, want %d", told, len(sorts)+2)
		}
	}, countersigntest.Mail())
}

// A name is nobody else's to give, and as short and visible as at registration. A refusal changes nothing.
func TestRenameRefused(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada, bob := employee(t, h), employee(t, h)
		removed, _ := ada.add(t, "key")
		ada.call(t, "DELETE", listPath+"/"+removed.CredentialUUID, nil).Wants(t, "remove", 200, "")
		elsewhere, stranger := h.Elsewhere(t)
		other := owner{stranger, world.On(t, h.Server, elsewhere), stranger.LogIn(t)}
		_, machine := h.ServiceAccount(t, h.Org.ID, "machine")
		_, pat := h.PersonalToken(t, h.Session(t, ada.Person), "program", "")
		mine := ada.list(t)[0].CredentialUUID
		before := world.JSON(t, [][]api.Credential{ada.list(t), bob.list(t), other.list(t)})

		for what, id := range map[string]string{"a colleague's": bob.list(t)[0].CredentialUUID, "a stranger's": other.list(t)[0].CredentialUUID, "nobody's": world.NobodysID("cr"),
			"a removed one": removed.CredentialUUID, "a program's": api.FirstCredentialID(userID(t, h, ada.Username)) + "x", "a user": userID(t, h, ada.Username)} {
			h.RefusedAs(t, what, ada.rename(t, id, "mine"), 404, "credential_not_found")
		}
		for what, name := range map[string]string{"10 kB": strings.Repeat("a", 10_000), "101 characters": strings.Repeat("é", 101), "a control": "a\x07b", "a NUL": "a\x00b", "a line break": "a\r\nb",
			"turned around": "a\u202eb", "isolated": "a\u2066b", "invisible": "\u3164", "no width": "a\u200bb", "spaces": "   "} {
			h.RefusedAs(t, what, ada.rename(t, mine, name), 400, "credential_name_invalid")
		}
		path := accountPath + mine
		h.RefusedAs(t, "no name", ada.rename(t, mine, ""), 400, "member_missing")
		h.RefusedAs(t, "nothing", ada.call(t, "PUT", path, map[string]any{}), 400, "member_missing")
		h.RefusedAs(t, "another member", ada.call(t, "PUT", path, map[string]any{"name": "x", "kind": "Key"}), 400, "member_unknown")
		body := world.JSON(t, map[string]string{"name": "x"})
		for _, program := range []string{machine.Token, pat.Token} {
			h.RefusedAs(t, "a program", h.Call(t, "PUT", path, program, "", body), 403, "permission_denied")
		}
		h.RefusedAs(t, "unsigned", h.Call(t, "PUT", path, ada.token, "", body), 403, "user_action_invalid")
		h.RefusedAs(t, "signed for another name", h.Call(t, "PUT", path, ada.token, ada.Sign(t, ada.token, "PUT", path, body), world.JSON(t, map[string]string{"name": "y"})), 403, "user_action_invalid")
		h.RefusedAs(t, "signed by a colleague", h.Call(t, "PUT", path, ada.token, bob.Sign(t, bob.token, "PUT", path, body), body), 403, "user_action_invalid")
		h.RefusedAs(t, "without a session", h.Call(t, "PUT", path, "", "", body), 401, "token_invalid")
		if after := world.JSON(t, [][]api.Credential{ada.list(t), bob.list(t), other.list(t)}); after != before {
			t.Errorf("changed from\n%s\nto\n%s", before, after)
		}

		// Of many renames at once each is recorded with the name that it replaced.
		var calls []func() world.Answer
		for i := range 20 {
			body := world.JSON(t, map[string]string{"name": "name " + string('a'+rune(i))})
			action := ada.Sign(t, ada.token, "PUT", path, body)
			calls = append(calls, func() world.Answer { return h.Call(t, "PUT", path, ada.token, action, body) })
		}
		h.Race(t, calls, "user_changed")
		formers := map[string]bool{}
		for _, e := range h.EventsOf(t, userID(t, h, ada.Username), store.EventCredentialRenamed) {
			_, former, _ := strings.Cut(string(e.Detail), `"formerName":`)
			former, _, _ = strings.Cut(former, ",")
			if formers[former] {
				t.Errorf("two renames replaced %s", former)
			}
			formers[former] = true
		}
	})
}
