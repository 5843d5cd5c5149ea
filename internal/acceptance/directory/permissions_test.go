package directory_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
)

// may reports whether a caller is let through to a read that needs a permission.
func (n *tenant) may(t *testing.T, token, path string) bool {
	t.Helper()
	switch a := n.send(t, "GET", path, token, "", ""); {
	case a.status == 200:
		return true
	case a.status == 403 && a.code == "permission_denied":
		return false
	default:
		t.Errorf("%s: %v", path, a)
		return false
	}
}

func TestOperationsOfPermissions(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		for what, operations := range map[string]string{
			"opaque, old and new names, kept as given": `["Wallets:Read","Keys:Signatures:Create","Auth:Register:Delegated","Auth:Delegated:Login",` +
				`"Permissions:Archive","PermissionAssignments:Create","Auth:Types:Pat","Internal:Auth:Types:Staff"]`,
			"one":   `["Billing:Read"]`,
			"again": `["Wallets:Read","Auth:Delegated:Login","Auth:Login:Delegated"]`,
		} {
			a := n.signedSend(t, n.admin, true, "POST", "/permissions", `{"name":"`+what+`","operations":`+operations+`}`)
			if a.status != 200 || !strings.Contains(a.body, operations) {
				t.Errorf("%s: %v", what, a)
			}
		}
		a := n.signedSend(t, n.admin, true, "POST", "/permissions", `{"name":"twice","operations":["Wallets:Read","Billing:Read","Wallets:Read"]}`)
		if a.status != 200 || !strings.Contains(a.body, `["Wallets:Read","Billing:Read"]`) {
			t.Errorf("an operation twice: %v", a)
		}
		before := n.state(t)
		many := `["` + strings.Repeat(`Wallets:Read","`, 500) + `Wallets:Read"]`
		for operations, code := range map[string]string{
			`[]`: "operations_missing", `null`: "operations_missing", many: "operations_too_many",
			`["Wallets:*"]`: "operation_unknown", `["*"]`: "operation_unknown", `[""]`: "operation_unknown", `["wallets:read"]`: "operation_unknown",
			`["Wallets:Read "]`: "operation_unknown", `["Wallets:Read","Auth:Users:Everything"]`: "operation_unknown", `["Wallets"]`: "operation_unknown",
			`"Wallets:Read"`: "invalid_member", `[1]`: "invalid_member", `{}`: "invalid_member",
		} {
			a := n.signedSend(t, n.admin, true, "POST", "/permissions", `{"name":"wrong","operations":`+operations+`}`)
			if a.status != 400 || a.code != code || len(a.body) > 1000 {
				t.Errorf("%.60s: %v", operations, a)
			}
		}
		for _, name := range []string{``, ` x`, `x `, strings.Repeat("x", 101), `x\u0000`, `\u202ex`} {
			a := n.signedSend(t, n.admin, true, "POST", "/permissions", `{"name":"`+name+`","operations":["Wallets:Read"]}`)
			if a.status != 400 || a.code != "name_invalid" && a.code != "member_missing" {
				t.Errorf("the name %q: %v", name, a)
			}
		}
		n.unchanged(t, "no permission", before)
	})
}

// The older name of an operation and the newer one are one right.
func TestNamesOfOneOperation(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		_, engine := n.Machine(t, n.org.ID, "engine")
		id := n.machineToken(t, "engine").UserID
		ada := n.hire(t, "ada@example.org", "Permissions:Create")
		for older, newer := range map[string]string{"Auth:Register:Delegated": "Auth:Delegated:Register", "Auth:Login:Delegated": "Auth:Delegated:Login"} {
			path := map[string]string{"Auth:Register:Delegated": "/auth/registration/delegated", "Auth:Login:Delegated": "/auth/login/delegated"}[older]
			for _, name := range []string{older, newer} {
				n.signedSend(t, engine, true, "POST", path, `{}`).wants(t, path+" without", 403, "permission_denied")
				given := n.allow(t, id, name)
				n.signedSend(t, engine, true, "POST", path, `{}`).wants(t, path+" with "+name, 400, "member_missing")
				must(t, n.admin.Revoke(t.Context(), given.PermissionID, given.ID))
			}
		}
		// Who holds the one gives the other.
		n.allow(t, ada.id, "Permissions:Archive", "PermissionAssignments:Create", "PermissionAssignments:Read", "PermissionAssignments:Revoke")
		for _, newer := range []string{"Permissions:Delete", "Permissions:Assign", "Permissions:Assignments:Read", "Permissions:Revoke"} {
			if _, err := ada.Assign(t.Context(), n.Permission(t, n.org.ID, newer, newer), n.ids["userId"]); err != nil {
				t.Errorf("%s: %v", newer, err)
			}
		}
	})
}

func TestPermissionNames(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		one, err := n.admin.CreatePermission(ctx, api.CreatePermissionRequest{Name: "Reader", Operations: []string{"Wallets:Read"}})
		must(t, err)
		_, err = n.admin.CreatePermission(ctx, api.CreatePermissionRequest{Name: "READER", Operations: []string{"Wallets:Read"}})
		refused(t, "the name in capitals", err, 409, "permission_name_taken")
		other, err := n.admin.CreatePermission(ctx, api.CreatePermissionRequest{Name: "Other", Operations: []string{"Wallets:Read"}})
		must(t, err)
		name := "reader"
		_, err = n.admin.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: other.ID, Name: &name})
		refused(t, "renamed to it", err, 409, "permission_name_taken")
		p, err := n.admin.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: one.ID, Name: &name})
		if err != nil || p.Name != name || !slices.Equal(p.Operations, one.Operations) {
			t.Errorf("renamed to its own name: %+v, %v", p, err)
		}
		_, err = n.admin.ArchivePermission(ctx, one.ID, true)
		must(t, err)
		_, err = n.admin.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: other.ID, Name: &name})
		must(t, err)
		_, err = n.admin.ArchivePermission(ctx, one.ID, false)
		refused(t, "restored although its name is another's", err, 409, "permission_name_taken")
		if p, err := n.admin.GetPermission(ctx, one.ID); err != nil || !p.IsArchived {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

// The permission to do everything cannot be changed; the one of end users can, and then is
// what they get.
func TestManagedPermissions(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		before := n.state(t)
		for _, body := range []string{`{"name":"x"}`, `{"operations":["Wallets:Read"]}`, `{}`} {
			n.signedSend(t, n.admin, true, "PUT", "/permissions/"+n.all, body).wants(t, body, 403, "permission_immutable")
		}
		for _, body := range []string{`{"isArchived":true}`, `{"isArchived":false}`} {
			n.signedSend(t, n.admin, true, "PUT", "/permissions/"+n.all+"/archive", body).wants(t, body, 403, "permission_immutable")
		}
		for _, body := range []string{`{"isImmutable":false}`, `{"managed":""}`, `{"isArchived":true}`, `{"id":"x"}`, `{"version":1}`} {
			n.signedSend(t, n.admin, true, "PUT", "/permissions/"+n.ids["permissionId"], body).wants(t, body, 400, "member_unknown")
		}
		n.signedSend(t, n.admin, true, "PUT", "/permissions/"+n.ids["permissionId"]+"/archive", `{}`).wants(t, "no word", 400, "member_missing")
		n.unchanged(t, "refused", before)

		endUsers := api.EndUserPermissionID(n.org.ID)
		n.signedSend(t, n.admin, true, "PUT", "/permissions/"+endUsers, `{"operations":["Permissions:Read"]}`).wants(t, "end users", 200, "")
		if !n.may(t, n.callers[api.CallerEndUser].Token, "/permissions") || !n.may(t, n.hireAs(t, "newcomer", api.EndUser).Token, "/permissions") {
			t.Error("end users do not get what they now have")
		}
	})
}

// An archived permission allows nothing until it is back, and its assignments wait for that.
func TestArchivedPermission(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		ada := n.hire(t, "ada@example.org", "Auth:Users:Read")
		keeper := n.hire(t, "keeper@example.org", "Permissions:Archive", "Permissions:Update")
		a := n.assignmentsOf(t, ada.id)[0]
		for range 2 { // the second time nothing is to be done
			_, err := keeper.ArchivePermission(ctx, a.ID, true)
			must(t, err)
		}
		if n.may(t, ada.Token, "/auth/users") {
			t.Error("an archived permission allows")
		}
		_, err := n.admin.Assign(ctx, a.ID, keeper.id)
		refused(t, "assigned", err, 400, "permission_archived")
		name := "new"
		_, err = n.admin.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: a.ID, Name: &name})
		refused(t, "changed", err, 400, "permission_archived")
		_, err = keeper.ArchivePermission(ctx, a.ID, false)
		refused(t, "restored without what it allows", err, 403, "permission_denied")
		if list, err := n.admin.ListAssignments(ctx, api.ListAssignmentsRequest{PermissionID: a.ID}); err != nil || len(list.Items) != 1 {
			t.Errorf("its assignments: %+v, %v", list, err)
		}
		if u, err := n.admin.GetUser(ctx, ada.id); err != nil || len(u.PermissionAssignments) != 0 {
			t.Errorf("its user: %+v, %v", u, err)
		}
		p, err := n.admin.ArchivePermission(ctx, a.ID, false)
		if err != nil || p.IsArchived || p.Status != "Active" || !n.may(t, ada.Token, "/auth/users") {
			t.Errorf("restored: %+v, %v", p, err)
		}
		if got, want := n.eventsNaming(t, a.ID), []string{"permission.archived", "permission.restored"}; !slices.Equal(got, want) {
			t.Errorf("the log has %v", got)
		}
	})
}

// eventsNaming lists the kinds of event whose detail names an id.
func (n *tenant) eventsNaming(t *testing.T, id string) (kinds []string) {
	t.Helper()
	events, err := n.DB.Events(t.Context(), n.org.ID, "", 0)
	must(t, err)
	for _, e := range events {
		if json.Valid(e.Detail) && strings.Contains(string(e.Detail), id) {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}
