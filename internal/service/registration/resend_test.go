package registration_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/registration"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

// Whoever asks for a new code, and however often, the invitation stays good while no mail delivers
// another.
func TestAskingForACodeKillsNoInvitation(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, o *world.Organisation) {
		g := o.Invitee(t)
		before, err := o.DB.Codes(t.Context(), o.Org.ID, "", "", 0)
		world.Must(t, err)
		for _, name := range []string{g.Username, strings.ToUpper(g.Username), g.Username, g.Username, g.Username, g.Username, g.Username, "nobody@example.org"} {
			a := o.Send(t, "PUT", "/auth/registration/code", nil, map[string]string{"orgId": o.Org.ID, "username": name})
			a.Wants(t, name, 200, "")
		}
		after, err := o.DB.Codes(t.Context(), o.Org.ID, "", "", 0)
		world.Must(t, err)
		if world.JSON(t, before) != world.JSON(t, after) {
			t.Errorf("the codes were %+v and are %+v", before, after)
		}
		g.Registers(t)
	})
}

// The first administrator's link is printed at every start until they have registered, whatever
// became of the code in it.
func TestTheFirstLinkIsPrintedUntilItIsUsed(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		print := func() string {
			t.Helper()
			link, err := srv.Registration.First(t.Context(), registration.FirstAdministrator{Organisation: "Engines", Username: "ada@example.org"})
			world.Must(t, err)
			return link
		}
		first := print()
		if first == "" || print() != first {
			t.Fatal("no link, or another")
		}
		code := func() store.CodeEntry {
			var last store.CodeEntry
			for _, org := range []string{orgOf(first)} {
				all, err := srv.DB.Codes(t.Context(), org, "", "", 0)
				world.Must(t, err)
				last = all[len(all)-1]
			}
			return last
		}
		mailed := code().Code
		mailed.ID, mailed.MAC = "rc-zzzzz-zzzzz-0000000000000000", []byte("mailed")
		world.Must(t, srv.DB.Write(t.Context(), func(tx *store.Tx) error { tx.OfferCode(mailed, nil); return nil }))
		world.Must(t, srv.DB.Write(t.Context(), func(tx *store.Tx) error { tx.CodeSent(mailed.ID, mailed.UserID, srv.Clock.Now()); return nil }))
		second := print()
		if second == "" || second == first || print() != second {
			t.Errorf("after a code was mailed: %q, before it was %q", second, first)
		}
		if now, err := srv.DB.Code(t.Context(), mailed.ID); err != nil || !now.Live(srv.Clock.Now()) {
			t.Errorf("the mailed code is %+v, %v", now, err)
		}
		world.Must(t, srv.DB.Write(t.Context(), func(tx *store.Tx) error {
			tx.RevokeCode(mailed.ID, mailed.OrgID, store.CodeRevoked, srv.Clock.Now(), nil)
			return nil
		}))
		if third := print(); third == "" || third == second {
			t.Errorf("after all codes were revoked: %q", third)
		}
	})
}

// The first administrator who registered and was given a new start later gets its code as everybody does: no
// server that starts then prints another.
func TestNoFirstLinkAfterANewStart(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		print := func() string {
			t.Helper()
			link, err := srv.Registration.First(t.Context(), registration.FirstAdministrator{Organisation: "Engines", Username: "ada@example.org"})
			world.Must(t, err)
			return link
		}
		_, fragment, _ := strings.Cut(print(), "#")
		first, err := url.ParseQuery(fragment)
		world.Must(t, err)
		srv.Register(t, countersigntest.Invitation{OrgID: first.Get("org"), Username: first.Get("username"), RegistrationCode: first.Get("code")})
		_, err = srv.Users.RecoverByOperator(t.Context(), first.Get("org"), first.Get("username"), time.Hour)
		world.Must(t, err)
		if link := print(); link != "" {
			t.Errorf("printed %q", link)
		}
	})
}

func orgOf(link string) string {
	_, query, _ := strings.Cut(link, "org=")
	org, _, _ := strings.Cut(query, "&")
	return org
}
