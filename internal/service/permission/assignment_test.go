package permission_test

import (
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

// A permission is assigned once to each identity that can have one.
func TestIdentitiesOfAssignments(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		reader := n.Permission(t, n.Org.ID, "reader", "Wallets:Read")
		off := n.Employ(t, "off@example.org", "Auth:Pats:Create")
		_, err := n.Admin.DeactivateUser(ctx, off.ID)
		must(t, err)
		for what, id := range map[string]string{"user": n.IDs["userId"], "end user": n.Identities[api.CallerEndUser], "machine": n.IDs["serviceAccountId"],
			"program": n.IDs["tokenId"], "application": n.IDs["appId"], "deactivated user": off.ID} {
			a, err := n.Admin.Assign(ctx, reader, id)
			if err != nil || a.IdentityID != id || a.PermissionID != reader || a.IsImmutable {
				t.Errorf("%s: %+v, %v", what, a, err)
			}
			_, err = n.Admin.Assign(ctx, reader, id)
			world.Refused(t, what+" again", err, 409, "permission_already_assigned")
			other := "/permissions/" + n.IDs["permissionId"] + "/assignments/" + a.ID
			n.CallAs(t, n.Admin, true, "DELETE", other, "").Wants(t, what+" below another permission", 404, "assignment_not_found")
			must(t, n.Admin.Revoke(ctx, reader, a.ID))
			world.Refused(t, what+" taken twice", n.Admin.Revoke(ctx, reader, a.ID), 404, "assignment_not_found")
		}
		gone := n.Employ(t, "gone@example.org", "Auth:Pats:Create")
		token, _ := n.PersonalToken(t, gone.Session, "program", "")
		lost, _ := n.PersonalToken(t, n.Admin, "lost", "")
		serviceAccount, _ := n.ServiceAccount(t, n.Org.ID, "gone")
		must(t, n.DB.Write(ctx, func(tx *store.Tx) error {
			tx.ArchiveApplication(n.IDs["appId"], n.Org.ID, n.Clock.Now(), nil)
			return nil
		}))
		_, err = n.Admin.ArchiveUser(ctx, gone.ID)
		must(t, err)
		_, err = n.Admin.ArchiveServiceAccount(ctx, serviceAccount)
		must(t, err)
		_, err = n.Admin.ArchiveToken(ctx, lost)
		must(t, err)
		before := n.State(t)
		for what, id := range map[string]string{"archived user": gone.ID, "archived user's program": token, "archived program": lost, "archived service account": serviceAccount,
			"archived application": n.IDs["appId"], "service account's own token": n.ServiceAccountToken(t, "machine").ID, "nobody": api.NewID(api.PrefixUser, n.Clock.Now()),
			"a permission": reader, "the organisation": n.Org.ID, "an assignment": n.IDs["assignmentId"], "nonsense": "x", "a wildcard": "%"} {
			_, err := n.Admin.Assign(ctx, reader, id)
			world.Refused(t, what, err, 404, "identity_not_found")
		}
		n.CallAs(t, n.Admin, true, "POST", "/permissions/"+reader+"/assignments", `{}`).Wants(t, "nobody named", 400, "member_missing")
		n.CallAs(t, n.Admin, true, "POST", "/permissions/"+reader+"/assignments", `{"identityId":["`+n.IDs["userId"]+`"]}`).Wants(t, "a list", 400, "invalid_member")
		n.Unchanged(t, "nothing assigned", before)
	})
}

// An assignment or a revocation holds at the next request.
func TestAssignmentsHoldAtOnce(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		ada := n.Employ(t, "ada@example.org")
		reader := n.Permission(t, n.Org.ID, "reader", "Wallets:Read")
		a, err := n.Admin.Assign(ctx, reader, ada.ID)
		must(t, err)
		for range 10 {
			if n.May(t, ada.Token, "/auth/users") {
				t.Error("another permission allows it")
			}
			_, err = n.Admin.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: reader, Operations: []string{"Auth:Users:Read"}})
			must(t, err)
			if !n.May(t, ada.Token, "/auth/users") {
				t.Error("what the permission now allows is refused")
			}
			must(t, n.Admin.Revoke(ctx, reader, a.ID))
			if n.May(t, ada.Token, "/auth/users") {
				t.Error("what was taken is allowed")
			}
			a, err = n.Admin.Assign(ctx, reader, ada.ID)
			must(t, err)
			if !n.May(t, ada.Token, "/auth/users") {
				t.Error("what was assignment is refused")
			}
			_, err = n.Admin.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: reader, Operations: []string{"Wallets:Read"}})
			must(t, err)
		}
	})
}

// A caller who may do every operation of today may not make an administrator, who may do future
// ones too.
func TestEveryOperationIsNotEverything(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		almighty := n.Employ(t, "almighty@example.org", api.Operations...)
		for _, id := range []string{almighty.ID, n.IDs["userId"], n.IDs["tokenId"], n.IDs["serviceAccountId"]} {
			_, err := almighty.Assign(ctx, n.Everything, id)
			world.Refused(t, "assigned to "+id, err, 403, "permission_denied")
		}
		_, err := almighty.CreateToken(ctx, api.CreateTokenRequest{Name: "x", PublicKey: world.NewKey(t, "P-256").PublicKeyPEM(), PermissionID: n.Everything})
		world.Refused(t, "to a program", err, 403, "permission_denied")
		program, narrow := n.PersonalToken(t, n.Admin, "almighty", n.AssignmentsOf(t, almighty.ID)[0].ID)
		_, err = n.Checked(narrow).Assign(ctx, n.Everything, program)
		world.Refused(t, "by an administrator's program that is none", err, 403, "permission_denied")
		if a, err := n.Admin.Assign(ctx, n.Everything, almighty.ID); err != nil || a.PermissionID != n.Everything {
			t.Errorf("by an administrator: %+v, %v", a, err)
		}
	})
}
