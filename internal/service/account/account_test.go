package account_test

import (
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/world"
)

const (
	accountPath  = "/countersign/account"
	sessionsPath = "/countersign/sessions/"
)

func show(t *testing.T, o *world.Organisation, session string) api.Account {
	t.Helper()
	return world.Read[api.Account](t, o.Send(t, "GET", accountPath, world.Bearer(session), nil))
}

// A logged-in user sees their own account and sessions, and nobody else's sessions.
func TestAccount(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, o *world.Organisation) {
		admin, ada := o.Employee(t), o.Employee(t)
		first, second := o.LogIn(t, ada), o.LogIn(t, ada)
		o.LogIn(t, admin)
		a := show(t, o, first)
		if a.Organisation.ID != o.Org.ID || a.Organisation.Name != o.Org.Name || a.RPID != "localhost" {
			t.Errorf("of the organisation it shows %+v, %s", a.Organisation, a.RPID)
		}
		if a.User.ID != ada.UserID || a.User.Username != ada.Username || a.User.Kind != api.CustomerEmployee || a.User.Administrator || a.User.RegisteredAt == "" {
			t.Errorf("of the user it shows %+v", a.User)
		}
		if len(a.Credentials) != 1 || a.Credentials[0].CredentialID != ada.CredentialID() || !a.Credentials[0].IsActive || a.Credentials[0].LastUsedAt == "" {
			t.Errorf("it shows the credentials %+v", a.Credentials)
		}
		if !show(t, o, o.LogIn(t, admin)).User.Administrator {
			t.Error("the administrator is not shown as one")
		}
		current := map[string]string{}
		for _, token := range []string{first, second} {
			sessions := show(t, o, token).Sessions
			if len(sessions) != 2 {
				t.Fatalf("%d sessions, want 2", len(sessions))
			}
			for _, s := range sessions {
				if s.Current {
					current[token] = s.ID
				}
			}
		}
		if current[first] == "" || current[first] == current[second] {
			t.Errorf("the current sessions are %v", current)
		}
	})
}

// For each credential the account tells the newest session that it opened, also one that has ended, and
// for each session the credential. It tells nothing of other people's.
func TestAccountTellsWhereCredentialsWereUsed(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, o *world.Organisation) {
		admin, ada := o.Employee(t), o.Employee(t)
		first := o.LogIn(t, ada)
		a := show(t, o, first)
		own := a.Credentials[0]
		if a.Sessions[0].CredentialUUID != own.UUID || own.LastSession == nil || own.LastSession.At != a.Sessions[0].CreatedAt ||
			own.LastSession.Address != a.Sessions[0].Address || own.LastSession.UserAgent != a.Sessions[0].UserAgent || own.LastSession.Address == "" {
			t.Errorf("it shows %+v, used %+v, and the sessions %+v", own, own.LastSession, a.Sessions)
		}
		o.Clock.Advance(time.Minute)
		second := o.LogIn(t, ada)
		newest := show(t, o, first).Credentials[0].LastSession
		world.Read[api.Message](t, o.Send(t, "PUT", "/auth/logout", world.Bearer(second), map[string]bool{"allSessions": false}))
		o.Clock.Advance(time.Minute)
		o.LogIn(t, admin)
		if last := show(t, o, first).Credentials[0].LastSession; newest.At <= own.LastSession.At || *last != *newest {
			t.Errorf("the last session is %+v, want the newest, %+v, although it has ended", last, newest)
		}
	})
}

// A user ends one of their own sessions, here or elsewhere; it ends at once, and no other does.
func TestEndSession(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, o *world.Organisation) {
		admin, ada := o.Employee(t), o.Employee(t)
		first, second, admins := o.LogIn(t, ada), o.LogIn(t, ada), o.LogIn(t, admin)
		id := func(token string) string {
			_, claims, _ := world.Parts(t, token)
			return claims["jti"].(string)
		}
		end := func(token, id string) world.Answer {
			return o.Send(t, "DELETE", sessionsPath+id, world.Bearer(token), nil)
		}
		before := o.Kept(t)
		o.RefusedAs(t, "another's", end(admins, id(first)), 404, "session_not_found")
		o.RefusedAs(t, "nobody's", end(first, world.NobodysID("se")), 404, "session_not_found")
		o.RefusedAs(t, "by nobody", o.Send(t, "DELETE", sessionsPath+id(first), nil, nil), 401, "token_invalid")
		o.Unmoved(t, "refused", before)

		world.Read[api.Message](t, end(first, id(second)))
		o.RefusedAs(t, "once ended", o.Send(t, "GET", accountPath, world.Bearer(second), nil), 401, "token_invalid")
		o.RefusedAs(t, "ended again", end(first, id(second)), 404, "session_not_found")
		world.Read[api.Message](t, end(first, id(first)))
		o.RefusedAs(t, "its own", o.Send(t, "GET", accountPath, world.Bearer(first), nil), 401, "token_invalid")
		if n := len(o.EventsOf(t, ada.UserID, "session.ended")); n != 2 {
			t.Errorf("%d events tell of it, want 2", n)
		}
		show(t, o, admins)
	})
}

// The login page learns the organisation only if there is exactly one.
func TestSiteInfo(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		o := world.On(t, srv, srv.Organisation(t, "Analytical Engines"))
		site := func() api.SiteInfo {
			return world.Read[api.SiteInfo](t, o.Send(t, "GET", "/countersign/site", nil, nil))
		}
		if got := site().Organisation; got == nil || got.ID != o.Org.ID || got.Name != o.Org.Name {
			t.Errorf("of one organisation the answer is %+v", got)
		}
		srv.Organisation(t, "Difference Engines")
		if got := site().Organisation; got != nil {
			t.Errorf("of two organisations the answer is %+v", got)
		}
	})
}

// Every kind of caller learns who they are and what they may do, and nobody else does.
func TestCaller(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		reader := n.Permission(t, n.Org.ID, "reader", "Auth:Users:Read")
		accountID, account := n.ServiceAccount(t, n.Org.ID, "engine", reader)
		tokenID, token := n.PersonalToken(t, n.Admin, "script", reader)
		admin, err := n.Admin.Caller(t.Context())
		if err != nil || admin.Kind != api.CallerEmployee || admin.OrgID != n.Org.ID || admin.TokenID != "" || len(admin.Operations) != len(api.Operations) {
			t.Errorf("the administrator is %+v, %v", admin, err)
		}
		for want, session := range map[api.CallerKind]*client.Session{api.CallerServiceAccount: account, api.CallerPersonalToken: token} {
			got, err := session.Caller(t.Context())
			if err != nil || got.Kind != want || !slices.Equal(got.Operations, []string{"Auth:Users:Read"}) || got.TokenID == "" {
				t.Errorf("a caller of kind %s is %+v, %v", want, got, err)
			}
			if want == api.CallerServiceAccount && got.UserID != accountID || want == api.CallerPersonalToken && (got.UserID != admin.UserID || got.TokenID != tokenID) {
				t.Errorf("a caller of kind %s is %+v", want, got)
			}
		}
		_, err = n.Client().Session("none", nil).Caller(t.Context())
		world.Refused(t, "nobody", err, 401, "token_invalid")
	})
}
