package login_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

// Login codes are mailed to whom they help alone, and to one name only so many in a day, whatever is
// asked for and in whatever spelling. The answer is always the same.
func TestMailsThatAnybodyCanCause(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		h := world.On(t, srv, srv.Organisation(t, "Engines"))
		h.Employee(t)
		ada, off, passkey, invited := protect(t, h, h.Invitee(t)), protect(t, h, h.Invitee(t)), h.Invitee(t), h.Invitee(t)
		passkey.Registers(t)
		off.deactivateKey(t)
		var same string
		ask := func(method, path, name string) {
			t.Helper()
			a := h.Send(t, method, path, nil, map[string]string{"orgId": h.Org.ID, "username": name})
			a.Wants(t, name, 200, "")
			if path == loginCodePath {
				if same == "" {
					same = a.Body
				}
				if a.Body != same {
					t.Errorf("%s is answered %s, another %s", name, a.Body, same)
				}
			}
		}
		mails := func() map[string]int {
			srv.Outbox.Finish()
			all := map[string]int{}
			for _, m := range srv.Mailbox.Messages() {
				all[m.To[0]]++
			}
			return all
		}
		for i := range 12 {
			if i == 6 {
				h.Clock.Advance(24 * time.Hour)
			}
			for range 3 {
				for _, name := range []string{ada.Username, strings.ToUpper(ada.Username), off.Username, passkey.Username, invited.Username, "nobody@example.org"} {
					ask("POST", loginCodePath, name)
				}
				ask("PUT", "/auth/registration/code", invited.Username)
			}
			h.Clock.Advance(15 * time.Minute)
		}
		got := mails()
		// Each got one for the invitation itself, which an administrator caused.
		if got[ada.Username] != 1+40 || got[invited.Username] == 1 || got[invited.Username] > 1+40 ||
			got[off.Username] != 1 || got[passkey.Username] != 1 || got["nobody@example.org"] != 0 {
			t.Errorf("in two days of asking always: %v", got)
		}
	}, countersigntest.Mail())
}

func (p protected) deactivateKey(t *testing.T) {
	t.Helper()
	all, err := p.Organisation.DB.CredentialsOfUser(t.Context(), p.UserID)
	must(t, err)
	must(t, p.Organisation.DB.Write(t.Context(), func(tx *store.Tx) error {
		tx.DeactivateCredential(all[0], time.Now(), nil)
		return nil
	}))
}
