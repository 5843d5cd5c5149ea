package sdk_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/countersign/countersign/api"
)

func (k actor) makePermission(t *testing.T, name string, operations ...string) api.Permission {
	t.Helper()
	made := did[api.Permission](t, k.do(t, "permissions.createPermission", body(req{"name": name, "operations": operations})))
	if made.Name != name || !slices.Equal(made.Operations, operations) || made.IsArchived || made.IsImmutable {
		t.Fatalf("made %+v", made)
	}
	return made
}

// give assigns a permission. The first versions have no method for it that is still known.
func (k actor) give(t *testing.T, permissionID, identityID string) (assignmentID string) {
	t.Helper()
	if !k.has("permissions.createAssignment") {
		defer k.Access.Changed()
		return k.Grant(t, k.org.ID, permissionID, identityID).ID
	}
	made := did[api.Assignment](t, k.do(t, "permissions.createAssignment",
		merged(req{"permissionId": permissionID}, body(req{"identityId": identityID}))))
	if made.PermissionID != permissionID || made.IdentityID != identityID {
		t.Fatalf("assigned %+v", made)
	}
	return made.ID
}

// take takes back what was assigned.
func (k actor) take(t *testing.T, permissionID, assignmentID string, force bool) {
	t.Helper()
	k.do(t, "permissions.deleteAssignment", req{"permissionId": permissionID, "assignmentId": assignmentID, "query": req{"force": force}}).into(t, nil)
}

// permissions makes a permission, changes it, archives it and brings it back, gives it to
// somebody and takes it from them.
func (k actor) permissions(t *testing.T) {
	name := k.unique("readers")
	made := k.makePermission(t, name, "Permissions:Read", "PermissionAssignments:Read")
	id := req{"permissionId": made.ID}
	again := body(req{"name": name, "operations": []string{"Permissions:Read"}})
	wantRefused(t, "a name that is taken", k.do(t, "permissions.createPermission", again), 409, "permission_name_taken")
	again["body"].(req)["operations"] = []string{"Looms:Weave"}
	wantRefused(t, "an unknown operation", k.do(t, "permissions.createPermission", again), 400, "operation_unknown")
	if got := did[api.Permission](t, k.do(t, "permissions.getPermission", id)); !reflect.DeepEqual(got, made) {
		t.Errorf("shown %+v, made %+v", got, made)
	}
	if all := k.ids(t, "permissions.listPermissions", req{}, "id", k.sdk >= "v0.3"); !slices.Contains(all, made.ID) {
		t.Errorf("%s is not among %q", made.ID, all)
	}
	change := body(req{"name": name + " II", "operations": []string{"Permissions:Read"}})
	changed := did[api.Permission](t, k.do(t, "permissions.updatePermission", merged(id, change)))
	if changed.ID != made.ID || changed.Name != name+" II" || !slices.Equal(changed.Operations, []string{"Permissions:Read"}) {
		t.Errorf("changed to %+v", changed)
	}
	for _, archived := range []bool{true, false} {
		got := did[api.Permission](t, k.do(t, "permissions.archivePermission", merged(id, body(req{"isArchived": archived}))))
		if got.IsArchived != archived || got.ID != made.ID {
			t.Errorf("isArchived %v gave %+v", archived, got)
		}
	}
	managed := req{"permissionId": api.AdministratorPermissionID(k.org.ID)}
	wantRefused(t, "the permission to do everything", k.do(t, "permissions.updatePermission", merged(managed, change)), 403, "permission_immutable")
	unknown := req{"permissionId": api.NewID(api.PrefixPermission, k.Clock.Now())}
	wantRefused(t, "no permission", k.do(t, "permissions.getPermission", unknown), 404, "permission_not_found")
	if k.has("permissions.createAssignment") { // the first versions have other operations for it
		k.assignments(t, made.ID)
	}
}

func (k actor) assignments(t *testing.T, permissionID string) {
	t.Helper()
	bob := k.Invite(t, k.org.ID, k.unique("assignee")).UserID
	id := req{"permissionId": permissionID}
	given := k.give(t, permissionID, bob)
	again := merged(id, body(req{"identityId": bob}))
	wantRefused(t, "what they have", k.do(t, "permissions.createAssignment", again), 409, "permission_already_assigned")
	nobody := merged(id, body(req{"identityId": api.NewID(api.PrefixUser, k.Clock.Now())}))
	wantRefused(t, "nobody", k.do(t, "permissions.createAssignment", nobody), 404, "identity_not_found")
	other := k.give(t, permissionID, k.Invite(t, k.org.ID, k.unique("other")).UserID)
	all := k.ids(t, "permissions.listAssignments", id, "id", k.sdk == "v0.8")
	if !slices.Equal(all, []string{given, other}) {
		t.Errorf("listed %q, want %q and %q", all, given, other)
	}

	k.take(t, permissionID, given, false)
	wantRefused(t, "what was taken", k.do(t, "permissions.deleteAssignment", merged(id, req{"assignmentId": given})), 404, "assignment_not_found")
	path := "/permissions/" + permissionID + "/assignments/" + other
	if n := k.forced(path); n != 0 {
		t.Errorf("%d deletions of %s by force already", n, path)
	}
	k.take(t, permissionID, other, true)
	if k.sdk >= "v0.7" && k.forced(path) != 1 { // older ones take no query
		t.Error("force was not sent")
	}
	if left := k.ids(t, "permissions.listAssignments", id, "id", false); len(left) != 0 {
		t.Errorf("%q are left", left)
	}
	if m, err := k.DB.Member(t.Context(), k.org.ID, bob); err != nil || len(m.Assignments) != 0 {
		t.Errorf("the store has %+v, %v", m.Assignments, err)
	}
}
