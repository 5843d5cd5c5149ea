package login_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/testing/world"
)

// A passkey logs in to the organisation where it was registered and to no other, whether or not
// the user is named and the organisations share a relying party.
func TestPasskeysElsewhere(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		port := h.URL[strings.LastIndex(h.URL, ":"):]
		ada := h.Employee(t)
		other, _ := h.Elsewhere(t)
		apart := h.OrganisationWith(t, organisation.New{Name: "Apart", RPID: "app.localhost", Origins: []string{"http://app.localhost" + port}})
		zoe := h.Register(t, h.Invite(t, apart.ID, "zoe@example.org"), authenticator.Options{Origin: "http://app.localhost" + port})
		same := h.Register(t, h.Invite(t, other.ID, ada.Username)) // of the same name
		before := h.Kept(t)
		login := func(org, name string, p *countersigntest.Person) world.Answer {
			return h.Post(t, loginPath, world.Signed(t, p, h.InitLogin(t, org, name)))
		}
		h.RefusedAs(t, "another organisation's login", login(other.ID, "", ada), 401, "signature_invalid")
		h.RefusedAs(t, "no organisation's login", login(world.NobodysID("or"), "", ada), 401, "signature_invalid")
		h.RefusedAs(t, "her namesake's", login(other.ID, ada.Username, ada), 401, "signature_invalid")
		h.RefusedAs(t, "her namesake as her", login(ada.OrgID, ada.Username, same), 401, "signature_invalid")
		h.RefusedAs(t, "another relying party's login", login(apart.ID, "", ada), 400, "origin_not_allowed")
		h.RefusedAs(t, "another relying party's passkey", login(ada.OrgID, "", zoe), 400, "origin_not_allowed")
		h.RefusedAs(t, "another relying party's at the open login", login("", "", zoe), 400, "origin_not_allowed")
		in := world.Signed(t, ada, h.InitLogin(t, apart.ID, ""), authenticator.Options{Origin: "http://app.localhost" + port})
		h.RefusedAs(t, "on that page", h.Post(t, loginPath, in), 400, "rp_id_mismatch")
		in = world.Signed(t, ada, h.InitLogin(t, apart.ID, ""), authenticator.Options{Origin: "http://app.localhost" + port, RPID: "app.localhost"})
		h.RefusedAs(t, "and for that party", h.Post(t, loginPath, in), 401, "signature_invalid")
		h.Unmoved(t, "elsewhere", before)
		world.Read[api.LoginResult](t, login(apart.ID, "", zoe))
		world.Read[api.LoginResult](t, login("", "", same))
	})
}
