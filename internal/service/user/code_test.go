package user_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

// The live code is revoked, however many codes the user had.
func TestRevocationOfTheLatestOfManyCodes(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		guest, now := n.Invite(t, n.Org.ID, "guest@example.org"), n.Clock.Now()
		must(t, n.DB.Write(t.Context(), func(tx *store.Tx) error {
			for range store.MaxPage {
				tx.IssueCode(store.Code{ID: api.NewID(api.PrefixCode, now), OrgID: n.Org.ID, UserID: guest.UserID, CreatedAt: now, ExpiresAt: now.Add(time.Hour)})
			}
			return nil
		}))
		openCode(t, n, renewCode(t, n, n.Admin, guest), 200)
		n.CallAs(t, n.Admin, true, "DELETE", people+"/"+guest.UserID+"/code", "").Wants(t, "the live code", 200, "")
		if s := n.PersonNamed(t, guest.Username).State; s != store.StateRevoked {
			t.Errorf("the code is %s", s)
		}
		n.CallAs(t, n.Admin, true, "DELETE", people+"/"+guest.UserID+"/code", "").Wants(t, "once more", 409, "registration_code_not_live")
	})
}

// An archived permission may be restored. So nobody may register as a user who has one that the
// caller could not assign.
func TestCodesWhileAPermissionIsArchived(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		clerk := n.Employ(t, "clerk@example.org", "Auth:Users:Create")
		_, serviceAccount := n.ServiceAccount(t, n.Org.ID, "registrar", n.Permission(t, n.Org.ID, "registrar", "Auth:Register:Delegated"))
		guest := n.Invite(t, n.Org.ID, "guest@example.org")
		var begun api.RegistrationChallenge
		must(t, serviceAccount.DoSigned(ctx, "POST", "/auth/registration/delegated", api.DelegatedRegistrationRequest{Email: "kid", Kind: api.EndUser}, &begun))
		for _, id := range []string{guest.UserID, begun.User.ID} {
			a := n.Allow(t, id, "Auth:Logs:Read")
			_, err := n.Admin.ArchivePermission(ctx, a.PermissionID, true)
			must(t, err)
		}
		n.CallAs(t, clerk.Session, true, "POST", people+"/"+guest.UserID+"/code", "").Wants(t, "a code", 403, "permission_denied")
		err := serviceAccount.DoSigned(ctx, "POST", "/auth/registration/delegated", api.DelegatedRegistrationRequest{Email: "kid", Kind: api.EndUser}, &begun)
		world.Refused(t, "a challenge", err, 403, "permission_denied")
		renewCode(t, n, n.Admin, guest)
	})
}

// A caller who may renew codes does not see that of a user who will have more rights: with it they
// could register as that user.
func TestCodesDoNotRaiseRights(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		clerk := n.Employ(t, "clerk@example.org", "Auth:Users:Create", "Auth:Users:Read", "Permissions:Assign")
		for what, permission := range map[string]string{"second-administrator": n.Everything, "auditor": n.Permission(t, n.Org.ID, "auditor", "Auth:Logs:Read", "Auth:Users:Read")} {
			i := n.Invite(t, n.Org.ID, what+"@example.org")
			n.Grant(t, n.Org.ID, permission, i.UserID)
			a := n.CallAs(t, clerk.Session, true, "POST", people+"/"+i.UserID+"/code", "")
			a.Wants(t, what, 403, "permission_denied")
			if strings.Contains(a.Body, "registrationCode") {
				t.Errorf("%s: %v", what, a)
			}
			openCode(t, n, i, 200) // the code that they have stays good
			openCode(t, n, renewCode(t, n, n.Admin, i), 200)
		}
		reader := n.Invite(t, n.Org.ID, "reader@example.org")
		n.Allow(t, reader.UserID, "Auth:Users:Read")
		renewCode(t, n, clerk.Session, reader)
		guest, _ := invitePeople(t, n, clerk.Session, api.InvitePeopleRequest{Usernames: []string{"guest2"}, Kind: api.EndUser})
		guest.Wants(t, "an end user", 200, "")
		renewCode(t, n, clerk.Session, invitationOf(n.Org.ID, api.InvitedPerson{UserID: n.PersonNamed(t, "guest2").UserID}))
	})
}
