package login_test

import (
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

// A session that a service account opened lasts no longer than its right to open one, however it loses
// the right. The end user's own sessions go on, and so do those of others.
func TestDelegatedSessionsNeedTheRight(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		d, ctx := newDelegation(t, srv), t.Context()
		done := d.endUser(t, "done@example.org")
		_, other := d.newServiceAccount(t, "another", "Auth:Login:Delegated")
		lives := func(token string) bool {
			_, err := d.client.Session(token, nil).ListTokens(ctx)
			return err == nil
		}
		held, err := d.DB.Held(ctx, d.serviceAccountID, "")
		must(t, err)
		right := held[0]
		var out api.LoginResult
		must(t, other.DoSigned(ctx, "POST", "/auth/login/delegated", api.DelegatedLoginRequest{Username: done.Username}, &out))
		restore := func() {
			_, err := d.admin.Assign(ctx, right.ID, d.serviceAccountID)
			must(t, err)
		}
		for _, loss := range []struct {
			name       string
			do, undone func()
		}{
			{"revoked", func() {
				now, err := d.DB.Held(ctx, d.serviceAccountID, "")
				must(t, err)
				must(t, d.admin.Revoke(ctx, right.ID, now[0].AssignmentID))
			}, restore},
			{"archived", func() { _, err := d.admin.ArchivePermission(ctx, right.ID, true); must(t, err) },
				func() { _, err := d.admin.ArchivePermission(ctx, right.ID, false); must(t, err) }},
			{"narrowed", func() {
				must(t, d.admin.DoSigned(ctx, "PUT", "/permissions/"+right.ID, map[string]any{"operations": []string{"Auth:Register:Delegated"}}, nil))
			}, func() {
				must(t, d.admin.DoSigned(ctx, "PUT", "/permissions/"+right.ID, map[string]any{"operations": []string{"Auth:Register:Delegated", "Auth:Login:Delegated"}}, nil))
			}},
		} {
			token, err := d.logIn(done.Username)
			must(t, err)
			if !lives(token) {
				t.Fatalf("%s: the session does not live before", loss.name)
			}
			loss.do()
			_, err = d.client.Session(token, nil).ListTokens(ctx)
			world.Refused(t, loss.name, err, 401, "token_invalid")
			if !lives(out.Token) {
				t.Errorf("%s: the session of another service account ends", loss.name)
			}
			loss.undone()
		}
		if (store.Session{Challenge: "x", CredentialID: "cr-1"}).OpenedBy() != "" {
			t.Error("a login of one's own counts as delegated")
		}
	})
}
