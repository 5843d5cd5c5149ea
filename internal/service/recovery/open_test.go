package recovery_test

import (
	"reflect"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/service/recovery"
	"github.com/countersign/countersign/internal/testing/world"
)

// The code from the mail shows its user's recovery keys and nothing else, and stays good. Whatever else is
// presented is refused as at the beginning of a recovery, counts with the wrong codes there, and tells
// nobody who exists.
func TestOpen(t *testing.T) {
	t.Parallel()
	const openPath = "/countersign/recovery/open"
	each(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		ada, bob := holdWith(t, h, h.Invitee(t), "csr1.a.b.c"), hold(t, h, h.Invitee(t))
		code, bobs := ada.mailed(t), bob.mailed(t)
		open := func(orgID, name, code string) world.Answer {
			t.Helper()
			return h.Post(t, openPath, api.OpenRecoveryRequest{OrgID: orgID, Username: name, VerificationCode: code})
		}
		for range 2 {
			got := world.Read[api.RecoveryKeys](t, open(ada.OrgID, ada.Username, code)).Credentials
			want := []api.RecoveryKeyEntry{{ID: ada.recovery.CredentialID, Name: got[0].Name, EncryptedRecoveryKey: "csr1.a.b.c"}}
			if !reflect.DeepEqual(got, want) || got[0].Name == "" {
				t.Errorf("opened %+v, want %+v", got, want)
			}
		}
		if got := world.Read[api.RecoveryKeys](t, open(bob.OrgID, bob.Username, bobs)).Credentials; len(got) != 0 {
			t.Errorf("the recovery key of another client is shown: %+v", got)
		}
		shapes := map[string]string{}
		for name, a := range map[string]world.Answer{
			"nobody's":     open(ada.OrgID, ada.Username, nobodysCode),
			"a colleague":  open(ada.OrgID, ada.Username, bobs),
			"nobody":       open(ada.OrgID, "nobody@example.org", code),
			"nowhere":      open(world.NobodysID("or"), ada.Username, code),
			"registration": open(ada.OrgID, ada.Username, ada.RegistrationCode),
		} {
			h.RefusedAs(t, name, a, 403, "recovery_code_invalid")
			shapes[name] = world.Shape(t, a)
		}
		world.Same(t, openPath, shapes)
		h.RefusedAs(t, "no code", open(ada.OrgID, ada.Username, ""), 400, "member_missing")
		h.RefusedAs(t, "no name", open(ada.OrgID, "", code), 400, "member_missing")
		h.RefusedAs(t, "no organisation's id", open("or-1", ada.Username, code), 400, "organisation_id_malformed")
		for range 12 {
			open(ada.OrgID, ada.Username, nobodysCode)
		}
		h.RefusedAs(t, "a guess too many", open(ada.OrgID, ada.Username, nobodysCode), 429, "too_many_tries")
		h.RefusedAs(t, "a guess too many there", ada.init(t, nobodysCode), 429, "too_many_tries")
		open(ada.OrgID, ada.Username, code).Wants(t, "the right one", 200, "")

		c := world.Read[api.RecoveryChallenge](t, ada.init(t, code))
		in, _ := ada.request(t, c)
		ada.complete(t, c.TemporaryAuthenticationToken, in).Wants(t, "recover", 200, "")
		h.RefusedAs(t, "used", open(ada.OrgID, ada.Username, code), 429, "too_many_tries")
		h.Clock.Advance(recovery.CodeLifetime)
		h.RefusedAs(t, "too late", open(bob.OrgID, bob.Username, bobs), 403, "recovery_code_invalid")
		h.KeepsSecret(t, nil, code, bobs)
	})
}
