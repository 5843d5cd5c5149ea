package permission_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/testing/world"
)

func TestOperationsOfPermissions(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		for what, operations := range map[string]string{
			"opaque, old and new names, kept as given": `["Wallets:Read","Keys:Signatures:Create","Auth:Register:Delegated","Auth:Delegated:Login",` +
				`"Permissions:Archive","PermissionAssignments:Create","Auth:Types:Pat","Internal:Auth:Types:Staff"]`,
			"one":   `["Billing:Read"]`,
			"again": `["Wallets:Read","Auth:Delegated:Login","Auth:Login:Delegated"]`,
		} {
			a := n.CallAs(t, n.Admin, true, "POST", "/permissions", `{"name":"`+what+`","operations":`+operations+`}`)
			if a.Status != 200 || !strings.Contains(a.Body, operations) {
				t.Errorf("%s: %v", what, a)
			}
		}
		a := n.CallAs(t, n.Admin, true, "POST", "/permissions", `{"name":"twice","operations":["Wallets:Read","Billing:Read","Wallets:Read"]}`)
		if a.Status != 200 || !strings.Contains(a.Body, `["Wallets:Read","Billing:Read"]`) {
			t.Errorf("an operation twice: %v", a)
		}
		before := n.State(t)
		many := `["` + strings.Repeat(`Wallets:Read","`, 500) + `Wallets:Read"]`
		for operations, code := range map[string]string{
			`[]`: "operations_missing", `null`: "operations_missing", many: "operations_too_many",
			`["Wallets:*"]`: "operation_unknown", `["*"]`: "operation_unknown", `[""]`: "operation_unknown", `["wallets:read"]`: "operation_unknown",
			`["Wallets:Read "]`: "operation_unknown", `["Wallets:Read","Auth:Users:Everything"]`: "operation_unknown", `["Wallets"]`: "operation_unknown",
			`"Wallets:Read"`: "invalid_member", `[1]`: "invalid_member", `{}`: "invalid_member",
		} {
			a := n.CallAs(t, n.Admin, true, "POST", "/permissions", `{"name":"wrong","operations":`+operations+`}`)
			if a.Status != 400 || a.Code != code || len(a.Body) > 1000 {
				t.Errorf("%.60s: %v", operations, a)
			}
		}
		for _, name := range []string{``, ` x`, `x `, strings.Repeat("x", 101), `x\u0000`, `\u202ex`} {
			a := n.CallAs(t, n.Admin, true, "POST", "/permissions", `{"name":"`+name+`","operations":["Wallets:Read"]}`)
			if a.Status != 400 || a.Code != "name_invalid" && a.Code != "member_missing" {
				t.Errorf("the name %q: %v", name, a)
			}
		}
		n.Unchanged(t, "no permission", before)
	})
}

// The old and the new name of an operation are one right.
func TestNamesOfOneOperation(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		_, engine := n.ServiceAccount(t, n.Org.ID, "engine")
		id := n.ServiceAccountToken(t, "engine").UserID
		ada := n.Employ(t, "ada@example.org", "Permissions:Create")
		for older, newer := range map[string]string{"Auth:Register:Delegated": "Auth:Delegated:Register", "Auth:Login:Delegated": "Auth:Delegated:Login"} {
			path := map[string]string{"Auth:Register:Delegated": "/auth/registration/delegated", "Auth:Login:Delegated": "/auth/login/delegated"}[older]
			for _, name := range []string{older, newer} {
				n.CallAs(t, engine, true, "POST", path, `{}`).Wants(t, path+" without", 403, "permission_denied")
				assignment := n.Allow(t, id, name)
				n.CallAs(t, engine, true, "POST", path, `{}`).Wants(t, path+" with "+name, 400, "member_missing")
				must(t, n.Admin.Revoke(t.Context(), assignment.PermissionID, assignment.ID))
			}
		}
		// A caller who has it by one name may assign it by the other.
		n.Allow(t, ada.ID, "Permissions:Archive", "PermissionAssignments:Create", "PermissionAssignments:Read", "PermissionAssignments:Revoke")
		for _, newer := range []string{"Permissions:Delete", "Permissions:Assign", "Permissions:Assignments:Read", "Permissions:Revoke"} {
			if _, err := ada.Assign(t.Context(), n.Permission(t, n.Org.ID, newer, newer), n.IDs["userId"]); err != nil {
				t.Errorf("%s: %v", newer, err)
			}
		}
	})
}

func TestPermissionNames(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		one, err := n.Admin.CreatePermission(ctx, api.CreatePermissionRequest{Name: "Reader", Operations: []string{"Wallets:Read"}})
		must(t, err)
		_, err = n.Admin.CreatePermission(ctx, api.CreatePermissionRequest{Name: "READER", Operations: []string{"Wallets:Read"}})
		world.Refused(t, "the name in capitals", err, 409, "permission_name_taken")
		other, err := n.Admin.CreatePermission(ctx, api.CreatePermissionRequest{Name: "Other", Operations: []string{"Wallets:Read"}})
		must(t, err)
		name := "reader"
		_, err = n.Admin.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: other.ID, Name: &name})
		world.Refused(t, "renamed to it", err, 409, "permission_name_taken")
		p, err := n.Admin.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: one.ID, Name: &name})
		if err != nil || p.Name != name || !slices.Equal(p.Operations, one.Operations) {
			t.Errorf("renamed to its own name: %+v, %v", p, err)
		}
		_, err = n.Admin.ArchivePermission(ctx, one.ID, true)
		must(t, err)
		_, err = n.Admin.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: other.ID, Name: &name})
		must(t, err)
		_, err = n.Admin.ArchivePermission(ctx, one.ID, false)
		world.Refused(t, "restored although its name is another's", err, 409, "permission_name_taken")
		if p, err := n.Admin.GetPermission(ctx, one.ID); err != nil || !p.IsArchived {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

// The permission to do everything cannot be changed; that of end users can, and then end users
// have the change.
func TestManagedPermissions(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		before := n.State(t)
		for _, body := range []string{`{"name":"x"}`, `{"operations":["Wallets:Read"]}`, `{}`} {
			n.CallAs(t, n.Admin, true, "PUT", "/permissions/"+n.Everything, body).Wants(t, body, 403, "permission_immutable")
		}
		for _, body := range []string{`{"isArchived":true}`, `{"isArchived":false}`} {
			n.CallAs(t, n.Admin, true, "PUT", "/permissions/"+n.Everything+"/archive", body).Wants(t, body, 403, "permission_immutable")
		}
		for _, body := range []string{`{"isImmutable":false}`, `{"managed":""}`, `{"isArchived":true}`, `{"id":"x"}`, `{"version":1}`} {
			n.CallAs(t, n.Admin, true, "PUT", "/permissions/"+n.IDs["permissionId"], body).Wants(t, body, 400, "member_unknown")
		}
		n.CallAs(t, n.Admin, true, "PUT", "/permissions/"+n.IDs["permissionId"]+"/archive", `{}`).Wants(t, "no word", 400, "member_missing")
		n.Unchanged(t, "refused", before)

		endUsers := api.EndUserPermissionID(n.Org.ID)
		n.CallAs(t, n.Admin, true, "PUT", "/permissions/"+endUsers, `{"operations":["Permissions:Read"]}`).Wants(t, "end users", 200, "")
		if !n.May(t, n.Callers[api.CallerEndUser].Token, "/permissions") || !n.May(t, n.EmployAs(t, "newcomer", api.EndUser).Token, "/permissions") {
			t.Error("end users do not get what they now have")
		}
	})
}

// An archived permission allows nothing until it is restored; its assignments stay.
func TestArchivedPermission(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		ada := n.Employ(t, "ada@example.org", "Auth:Users:Read")
		keeper := n.Employ(t, "keeper@example.org", "Permissions:Archive", "Permissions:Update")
		a := n.AssignmentsOf(t, ada.ID)[0]
		for range 2 { // the second time nothing is to be done
			_, err := keeper.ArchivePermission(ctx, a.ID, true)
			must(t, err)
		}
		if n.May(t, ada.Token, "/auth/users") {
			t.Error("an archived permission allows")
		}
		_, err := n.Admin.Assign(ctx, a.ID, keeper.ID)
		world.Refused(t, "assigned", err, 400, "permission_archived")
		name := "new"
		_, err = n.Admin.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: a.ID, Name: &name})
		world.Refused(t, "changed", err, 400, "permission_archived")
		_, err = keeper.ArchivePermission(ctx, a.ID, false)
		world.Refused(t, "restored without what it allows", err, 403, "permission_denied")
		if list, err := n.Admin.ListAssignments(ctx, api.ListAssignmentsRequest{PermissionID: a.ID}); err != nil || len(list.Items) != 1 {
			t.Errorf("its assignments: %+v, %v", list, err)
		}
		if u, err := n.Admin.GetUser(ctx, ada.ID); err != nil || len(u.PermissionAssignments) != 0 {
			t.Errorf("its user: %+v, %v", u, err)
		}
		p, err := n.Admin.ArchivePermission(ctx, a.ID, false)
		if err != nil || p.IsArchived || p.Status != "Active" || !n.May(t, ada.Token, "/auth/users") {
			t.Errorf("restored: %+v, %v", p, err)
		}
		if got, want := n.EventsNaming(t, a.ID), []string{"permission.archived", "permission.restored"}; !slices.Equal(got, want) {
			t.Errorf("the log has %v", got)
		}
	})
}

// An operation that is none is named, with the one that is meant.
func TestUnknownOperationsAreNamed(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		const lists = "The member /operations lists "
		for sent, want := range map[string]string{
			"Auth:User:Create":      lists + "Auth:User:Create, which is no operation; did you mean Auth:Users:Create?",
			"auth:users:create":     lists + "auth:users:create, which is no operation; did you mean Auth:Users:Create?",
			"Auth_Users_Create":     lists + "Auth_Users_Create, which is no operation; did you mean Auth:Users:Create?",
			"Wallets:Creates":       lists + "Wallets:Creates, which is no operation; did you mean Wallets:Create?",
			"auth:apps:create":      lists + "auth:apps:create, which is no operation; did you mean Auth:Apps:Create?",
			"Permisions:Assign":     lists + "Permisions:Assign, which is no operation; did you mean Permissions:Assign?",
			"Everything":            lists + "Everything, which is no operation.",
			"*":                     lists + "something that is no operation.",
			"<script>":              lists + "something that is no operation.",
			strings.Repeat("A", 80): lists + "something that is no operation.",
		} {
			a := n.CallAs(t, n.Admin, true, "POST", "/permissions", world.JSON(t, map[string]any{"name": "Operators", "operations": []string{"Auth:Users:Read", sent}}))
			a.Wants(t, sent, 400, "operation_unknown")
			if a.Message != want {
				t.Errorf("%s: %s, want %s", sent, a.Message, want)
			}
		}
	})
}
