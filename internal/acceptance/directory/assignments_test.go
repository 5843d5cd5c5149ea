package directory_test

import (
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// assignmentsOf lists what an identity was assigned.
func (n *tenant) assignmentsOf(t *testing.T, identityID string) (all []store.HeldPermission) {
	t.Helper()
	all, err := n.DB.Held(t.Context(), identityID, "")
	must(t, err)
	return all
}

// A permission is given to whatever can hold one, once.
func TestIdentitiesOfAssignments(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		reader := n.Permission(t, n.org.ID, "reader", "Wallets:Read")
		off := n.hire(t, "off@example.org", "Auth:Pats:Create")
		_, err := n.admin.DeactivateUser(ctx, off.id)
		must(t, err)
		for what, id := range map[string]string{"user": n.ids["userId"], "end user": n.grants[api.CallerEndUser], "machine": n.ids["serviceAccountId"],
			"program": n.ids["tokenId"], "application": n.ids["appId"], "deactivated user": off.id} {
			a, err := n.admin.Assign(ctx, reader, id)
			if err != nil || a.IdentityID != id || a.PermissionID != reader || a.IsImmutable {
				t.Errorf("%s: %+v, %v", what, a, err)
			}
			_, err = n.admin.Assign(ctx, reader, id)
			refused(t, what+" again", err, 409, "permission_already_assigned")
			other := "/permissions/" + n.ids["permissionId"] + "/assignments/" + a.ID
			n.signedSend(t, n.admin, true, "DELETE", other, "").wants(t, what+" below another permission", 404, "assignment_not_found")
			must(t, n.admin.Revoke(ctx, reader, a.ID))
			refused(t, what+" taken twice", n.admin.Revoke(ctx, reader, a.ID), 404, "assignment_not_found")
		}
		gone := n.hire(t, "gone@example.org", "Auth:Pats:Create")
		token, _ := n.PersonalToken(t, gone.Session, "program", "")
		lost, _ := n.PersonalToken(t, n.admin, "lost", "")
		machine, _ := n.Machine(t, n.org.ID, "gone")
		must(t, n.DB.Write(ctx, func(tx *store.Tx) error {
			tx.ArchiveApplication(n.ids["appId"], n.org.ID, n.Clock.Now(), nil)
			return nil
		}))
		_, err = n.admin.ArchiveUser(ctx, gone.id)
		must(t, err)
		_, err = n.admin.ArchiveServiceAccount(ctx, machine)
		must(t, err)
		_, err = n.admin.ArchiveToken(ctx, lost)
		must(t, err)
		before := n.state(t)
		for what, id := range map[string]string{"archived user": gone.id, "archived user's program": token, "archived program": lost, "archived machine": machine,
			"archived application": n.ids["appId"], "machine's own token": n.machineToken(t, "machine").ID, "nobody": api.NewID(api.PrefixUser, n.Clock.Now()),
			"a permission": reader, "the organisation": n.org.ID, "an assignment": n.ids["assignmentId"], "nonsense": "x", "a wildcard": "%"} {
			_, err := n.admin.Assign(ctx, reader, id)
			refused(t, what, err, 404, "identity_not_found")
		}
		n.signedSend(t, n.admin, true, "POST", "/permissions/"+reader+"/assignments", `{}`).wants(t, "nobody named", 400, "member_missing")
		n.signedSend(t, n.admin, true, "POST", "/permissions/"+reader+"/assignments", `{"identityId":["`+n.ids["userId"]+`"]}`).wants(t, "a list", 400, "invalid_member")
		n.unchanged(t, "nothing assigned", before)
	})
}

// What is given or taken holds at the next request.
func TestAssignmentsHoldAtOnce(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		ada := n.hire(t, "ada@example.org")
		reader := n.Permission(t, n.org.ID, "reader", "Wallets:Read")
		a, err := n.admin.Assign(ctx, reader, ada.id)
		must(t, err)
		for range 10 {
			if n.may(t, ada.Token, "/auth/users") {
				t.Error("another permission allows it")
			}
			_, err = n.admin.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: reader, Operations: []string{"Auth:Users:Read"}})
			must(t, err)
			if !n.may(t, ada.Token, "/auth/users") {
				t.Error("what the permission now allows is refused")
			}
			must(t, n.admin.Revoke(ctx, reader, a.ID))
			if n.may(t, ada.Token, "/auth/users") {
				t.Error("what was taken is allowed")
			}
			a, err = n.admin.Assign(ctx, reader, ada.id)
			must(t, err)
			if !n.may(t, ada.Token, "/auth/users") {
				t.Error("what was given is refused")
			}
			_, err = n.admin.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: reader, Operations: []string{"Wallets:Read"}})
			must(t, err)
		}
	})
}

// Who may do every operation there is today may not make somebody an administrator, who may
// do those of tomorrow as well.
func TestEveryOperationIsNotEverything(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		almighty := n.hire(t, "almighty@example.org", api.Operations...)
		for _, id := range []string{almighty.id, n.ids["userId"], n.ids["tokenId"], n.ids["serviceAccountId"]} {
			_, err := almighty.Assign(ctx, n.all, id)
			refused(t, "assigned to "+id, err, 403, "permission_denied")
		}
		_, err := almighty.CreateToken(ctx, api.CreateTokenRequest{Name: "x", PublicKey: newKey(t, "P-256").PublicKeyPEM(), PermissionID: n.all})
		refused(t, "to a program", err, 403, "permission_denied")
		program, narrow := n.PersonalToken(t, n.admin, "almighty", n.assignmentsOf(t, almighty.id)[0].ID)
		_, err = n.watched(narrow).Assign(ctx, n.all, program)
		refused(t, "by an administrator's program that is none", err, 403, "permission_denied")
		if a, err := n.admin.Assign(ctx, n.all, almighty.id); err != nil || a.PermissionID != n.all {
			t.Errorf("by an administrator: %+v, %v", a, err)
		}
	})
}
