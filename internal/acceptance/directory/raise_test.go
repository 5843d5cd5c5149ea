package directory_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/testing/world"
)

// wanted is what those of these tests want to do and may not.
const wanted = "Auth:Logs:Read"

// wantNotRaised holds that somebody still cannot do what they want.
func wantNotRaised(t *testing.T, n *world.Tenant, what string, s *client.Session) {
	t.Helper()
	for _, path := range []string{n.AuditLogPath(), "/countersign/audit"} {
		if n.May(t, s.Token, path) {
			t.Errorf("%s: they raised their rights", what)
		}
	}
}

// Whoever may make, change and assign permissions comes to no more than they have, whatever
// they do with them.
func TestNobodyRaisesTheirRights(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		eve := n.Employ(t, "eve@example.org", "Permissions:Create", "Permissions:Assign", "Permissions:Update", "Permissions:Archive", "Permissions:Read",
			"Auth:Pats:Create", "Auth:ServiceAccounts:Create", "Auth:Users:Create")
		if !n.May(t, n.Admin.Token, n.AuditLogPath()) {
			t.Fatal("nobody can do what she wants")
		}
		serviceAccount, _ := n.ServiceAccount(t, n.Org.ID, "hers")
		program, hers := n.PersonalToken(t, eve.Session, "program", "")
		denied := func(what string, err error) {
			t.Helper()
			world.Refused(t, what, err, 403, "permission_denied")
			wantNotRaised(t, n, what, eve.Session)
			wantNotRaised(t, n, what+", her program", hers)
		}
		make := func(name string, operations ...string) api.Permission {
			t.Helper()
			p, err := eve.CreatePermission(ctx, api.CreatePermissionRequest{Name: name, Operations: operations})
			must(t, err)
			return p
		}
		change := func(id string, operations ...string) error {
			_, err := eve.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: id, Operations: operations})
			return err
		}
		assign := func(id, to string) error { _, err := eve.Assign(ctx, id, to); return err }
		key, err := client.GenerateKeySigner("P-256")
		must(t, err)

		more := make("more", wanted, "Permissions:Read")
		for what, id := range map[string]string{"herself": eve.ID, "her service account": serviceAccount, "her program": program,
			"somebody": n.IDs["userId"], "an application": n.IDs["appId"]} {
			denied("made and assigned to "+what, assign(more.ID, id))
			denied("everything to "+what, assign(n.Everything, id))
		}
		must(t, change(more.ID, wanted, "Permissions:Update"))
		denied("changed and assigned", assign(more.ID, eve.ID))
		own := make("own", "Permissions:Read")
		must(t, assign(own.ID, eve.ID))
		denied("assigned and changed", change(own.ID, "Permissions:Read", wanted))
		denied("what she has by another, changed", change(n.AssignmentsOf(t, eve.ID)[0].ID, "Permissions:Create", wanted))
		must(t, change(own.ID, "Permissions:Create"))
		denied("changed in steps", change(own.ID, wanted))
		denied("another's that she does not hold", change(n.IDs["permissionId"], "Auth:Pats:Create", wanted))
		denied("what end users have", change(api.EndUserPermissionID(n.Org.ID), wanted))

		_, err = eve.ArchivePermission(ctx, own.ID, true)
		must(t, err)
		if err := change(own.ID, "Permissions:Read", wanted); err == nil {
			t.Error("an archived permission was changed")
		}
		_, err = eve.ArchivePermission(ctx, own.ID, false)
		must(t, err)
		wantNotRaised(t, n, "archived, changed and brought back", eve.Session)
		_, err = eve.ArchivePermission(ctx, more.ID, true)
		must(t, err)
		_, err = eve.ArchivePermission(ctx, more.ID, false)
		denied("archived and brought back", err)
		more = make("once more", wanted)

		_, err = eve.CreateToken(ctx, api.CreateTokenRequest{Name: "a", PublicKey: key.PublicKeyPEM(), PermissionID: more.ID})
		denied("a program", err)
		_, err = eve.CreateToken(ctx, api.CreateTokenRequest{Name: "b", PublicKey: key.PublicKeyPEM(), PermissionID: n.Everything})
		denied("a program for everything", err)
		for _, id := range []string{more.ID, n.Everything} {
			_, err = eve.CreateServiceAccount(ctx, api.CreateServiceAccountRequest{Name: "c", PublicKey: key.PublicKeyPEM(), PermissionID: id})
			denied("a service account", err)
			puppet := world.JSON(t, api.InvitePeopleRequest{Usernames: []string{"puppet@example.org"}, PermissionID: id})
			n.CallAs(t, eve.Session, true, "POST", people, puppet).Wants(t, "a puppet", 403, "permission_denied")
		}
		// Even what a caller holds is given with a new service account only by who may assign.
		mule := n.Employ(t, "mule@example.org", "Auth:ServiceAccounts:Create", "Permissions:Read")
		reads := n.Permission(t, n.Org.ID, "reads", "Permissions:Read")
		_, err = mule.CreateServiceAccount(ctx, api.CreateServiceAccountRequest{Name: "d", PublicKey: key.PublicKeyPEM(), PermissionID: reads})
		world.Refused(t, "a service account of who may not assign", err, 403, "permission_denied")
	})
}

// A token assigns with the rights of the token, not of its person.
func TestTokensDoNotRaiseTheirRights(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		narrow := n.Permission(t, n.Org.ID, "narrow", "Permissions:Create", "Permissions:Assign", "Permissions:Update", "Permissions:Read")
		id, program := n.PersonalToken(t, n.Admin, "narrow", narrow)
		program = n.Checked(program)
		made, err := program.CreatePermission(ctx, api.CreatePermissionRequest{Name: "more", Operations: []string{wanted}})
		must(t, err)
		for _, to := range []string{id, n.AdministratorID(t), n.IDs["serviceAccountId"]} {
			_, err = program.Assign(ctx, made.ID, to)
			world.Refused(t, "more", err, 403, "permission_denied")
			_, err = program.Assign(ctx, n.Everything, to)
			world.Refused(t, "everything", err, 403, "permission_denied")
		}
		_, err = program.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: narrow, Operations: []string{"Permissions:Read", wanted}})
		world.Refused(t, "its own", err, 403, "permission_denied")
		wantNotRaised(t, n, "a program", program)
	})
}

// All of it at the same moment changes nothing.
func TestNobodyRaisesTheirRightsInARace(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		eve := n.Employ(t, "eve@example.org", "Permissions:Create", "Permissions:Assign", "Permissions:Update", "Permissions:Archive", "Permissions:Read")
		boss := n.Employ(t, "boss@example.org", "Permissions:Update", "Permissions:Read", "Auth:Users:Read")
		own := n.Permission(t, n.Org.ID, "own", "Permissions:Read")
		n.Grant(t, n.Org.ID, own, eve.ID)
		n.Access.Changed()
		path := "/permissions/" + own
		var hers []request
		for range 5 {
			hers = append(hers, request{"PUT", path, `{"operations":["` + wanted + `"]}`}, request{"PUT", path, `{"operations":["Permissions:Update","` + wanted + `"]}`},
				request{"PUT", path, `{"operations":["Permissions:Read"]}`}, request{"PUT", path, `{"operations":["Permissions:Update"]}`},
				request{"PUT", path + "/archive", `{"isArchived":true}`}, request{"PUT", path + "/archive", `{"isArchived":false}`},
				request{"POST", path + "/assignments", `{"identityId":"` + n.IDs["userId"] + `"}`})
		}
		// Somebody else changes it meanwhile, to what both may do.
		others := prepare(t, n, boss.Session, repeated(request{"PUT", path, `{"operations":["Permissions:Update","Permissions:Read"]}`}, 10)...)
		storm := prepare(t, n, eve.Session, hers...)
		var both sync.WaitGroup
		both.Go(func() {
			for _, a := range others() {
				if a.Status != 200 && a.Code != "permission_changed" && a.Code != "permission_archived" {
					t.Errorf("%v", a)
				}
			}
		})
		for i, a := range storm() {
			if strings.Contains(hers[i].body, wanted) && a.Status == 200 {
				t.Errorf("%s: %v", hers[i].body, a)
			}
			if a.Status >= 500 || a.Status == 401 {
				t.Errorf("%s: %v", hers[i].body, a)
			}
		}
		both.Wait()
		wantNotRaised(t, n, "in a race", eve.Session)
		p, err := n.DB.Permission(t.Context(), n.Org.ID, own)
		must(t, err)
		if strings.Contains(world.JSON(t, p.Operations), wanted) {
			t.Errorf("the permission allows %v", p.Operations)
		}
		// Each change has counted, and is in the log.
		changes := 0
		for _, kind := range n.EventsNaming(t, own) {
			if kind != "permission.assigned" {
				changes++
			}
		}
		if int(p.Version) != 1+changes {
			t.Errorf("version %d after %d changes", p.Version, changes)
		}
	})
}
