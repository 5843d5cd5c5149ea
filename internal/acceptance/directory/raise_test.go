package directory_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
)

// wanted is what those of these tests want to do and may not.
const wanted = "Auth:Logs:Read"

// raised holds that somebody still cannot do what they want.
func (n *tenant) raised(t *testing.T, what string, s *client.Session) {
	t.Helper()
	for _, path := range []string{n.auditLog(), "/countersign/audit"} {
		if n.may(t, s.Token, path) {
			t.Errorf("%s: they raised their rights", what)
		}
	}
}

// Whoever may make, change and assign permissions comes to no more than they have, whatever
// they do with them.
func TestNobodyRaisesTheirRights(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		eve := n.hire(t, "eve@example.org", "Permissions:Create", "Permissions:Assign", "Permissions:Update", "Permissions:Archive", "Permissions:Read",
			"Auth:Pats:Create", "Auth:ServiceAccounts:Create", "Auth:Users:Create")
		if !n.may(t, n.admin.Token, n.auditLog()) {
			t.Fatal("nobody can do what she wants")
		}
		machine, _ := n.Machine(t, n.org.ID, "hers")
		program, hers := n.PersonalToken(t, eve.Session, "program", "")
		denied := func(what string, err error) {
			t.Helper()
			refused(t, what, err, 403, "permission_denied")
			n.raised(t, what, eve.Session)
			n.raised(t, what+", her program", hers)
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
		for what, id := range map[string]string{"herself": eve.id, "her machine": machine, "her program": program,
			"somebody": n.ids["userId"], "an application": n.ids["appId"]} {
			denied("made and assigned to "+what, assign(more.ID, id))
			denied("everything to "+what, assign(n.all, id))
		}
		must(t, change(more.ID, wanted, "Permissions:Update"))
		denied("changed and assigned", assign(more.ID, eve.id))
		own := make("own", "Permissions:Read")
		must(t, assign(own.ID, eve.id))
		denied("assigned and changed", change(own.ID, "Permissions:Read", wanted))
		denied("what she has by another, changed", change(n.assignmentsOf(t, eve.id)[0].ID, "Permissions:Create", wanted))
		must(t, change(own.ID, "Permissions:Create"))
		denied("changed in steps", change(own.ID, wanted))
		denied("another's that she does not hold", change(n.ids["permissionId"], "Auth:Pats:Create", wanted))
		denied("what end users have", change(api.EndUserPermissionID(n.org.ID), wanted))

		_, err = eve.ArchivePermission(ctx, own.ID, true)
		must(t, err)
		if err := change(own.ID, "Permissions:Read", wanted); err == nil {
			t.Error("an archived permission was changed")
		}
		_, err = eve.ArchivePermission(ctx, own.ID, false)
		must(t, err)
		n.raised(t, "archived, changed and brought back", eve.Session)
		_, err = eve.ArchivePermission(ctx, more.ID, true)
		must(t, err)
		_, err = eve.ArchivePermission(ctx, more.ID, false)
		denied("archived and brought back", err)
		more = make("once more", wanted)

		_, err = eve.CreateToken(ctx, api.CreateTokenRequest{Name: "a", PublicKey: key.PublicKeyPEM(), PermissionID: more.ID})
		denied("a program", err)
		_, err = eve.CreateToken(ctx, api.CreateTokenRequest{Name: "b", PublicKey: key.PublicKeyPEM(), PermissionID: n.all})
		denied("a program for everything", err)
		for _, id := range []string{more.ID, n.all} {
			_, err = eve.CreateServiceAccount(ctx, api.CreateServiceAccountRequest{Name: "c", PublicKey: key.PublicKeyPEM(), PermissionID: id})
			denied("a machine", err)
			a, _ := n.invite(t, eve.Session, api.InvitePeopleRequest{Usernames: []string{"puppet@example.org"}, PermissionID: id})
			a.wants(t, "a puppet", 403, "permission_denied")
		}
		// Even what a caller holds is given with a new machine only by who may assign.
		mule := n.hire(t, "mule@example.org", "Auth:ServiceAccounts:Create", "Permissions:Read")
		reads := n.Permission(t, n.org.ID, "reads", "Permissions:Read")
		_, err = mule.CreateServiceAccount(ctx, api.CreateServiceAccountRequest{Name: "d", PublicKey: key.PublicKeyPEM(), PermissionID: reads})
		refused(t, "a machine of who may not assign", err, 403, "permission_denied")
	})
}

// A program assigns with the rights of the program, not of its person.
func TestProgramsDoNotRaiseTheirRights(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		narrow := n.Permission(t, n.org.ID, "narrow", "Permissions:Create", "Permissions:Assign", "Permissions:Update", "Permissions:Read")
		id, program := n.PersonalToken(t, n.admin, "narrow", narrow)
		program = n.watched(program)
		made, err := program.CreatePermission(ctx, api.CreatePermissionRequest{Name: "more", Operations: []string{wanted}})
		must(t, err)
		for _, to := range []string{id, n.boss(t), n.ids["serviceAccountId"]} {
			_, err = program.Assign(ctx, made.ID, to)
			refused(t, "more", err, 403, "permission_denied")
			_, err = program.Assign(ctx, n.all, to)
			refused(t, "everything", err, 403, "permission_denied")
		}
		_, err = program.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: narrow, Operations: []string{"Permissions:Read", wanted}})
		refused(t, "its own", err, 403, "permission_denied")
		n.raised(t, "a program", program)
	})
}

// Who may renew registration codes is not told that of somebody who will be able to do more
// than themselves: with it they would register in their place.
func TestCodesDoNotRaiseRights(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		clerk := n.hire(t, "clerk@example.org", "Auth:Users:Create", "Auth:Users:Read", "Permissions:Assign")
		for what, permission := range map[string]string{"second-administrator": n.all, "auditor": n.Permission(t, n.org.ID, "auditor", wanted, "Auth:Users:Read")} {
			i := n.Invite(t, n.org.ID, what+"@example.org")
			n.Grant(t, n.org.ID, permission, i.UserID)
			a := n.signedSend(t, clerk.Session, true, "POST", people+"/"+i.UserID+"/code", "")
			a.wants(t, what, 403, "permission_denied")
			if strings.Contains(a.body, "registrationCode") {
				t.Errorf("%s: %v", what, a)
			}
			n.opened(t, i, 200) // the code that they have stays good
			n.opened(t, n.renewed(t, n.admin, i), 200)
		}
		reader := n.Invite(t, n.org.ID, "reader@example.org")
		n.allow(t, reader.UserID, "Auth:Users:Read")
		n.renewed(t, clerk.Session, reader)
		guest, _ := n.invite(t, clerk.Session, api.InvitePeopleRequest{Usernames: []string{"guest2"}, Kind: api.EndUser})
		guest.wants(t, "an end user", 200, "")
		n.renewed(t, clerk.Session, invitationOf(n.org.ID, api.InvitedPerson{UserID: n.shown(t, "guest2").UserID}))
	})
}

// All of it at the same moment changes nothing.
func TestNobodyRaisesTheirRightsInARace(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		eve := n.hire(t, "eve@example.org", "Permissions:Create", "Permissions:Assign", "Permissions:Update", "Permissions:Archive", "Permissions:Read")
		boss := n.hire(t, "boss@example.org", "Permissions:Update", "Permissions:Read", "Auth:Users:Read")
		own := n.Permission(t, n.org.ID, "own", "Permissions:Read")
		n.Grant(t, n.org.ID, own, eve.id)
		n.Access.Changed()
		path := "/permissions/" + own
		var hers []request
		for range 5 {
			hers = append(hers, request{"PUT", path, `{"operations":["` + wanted + `"]}`}, request{"PUT", path, `{"operations":["Permissions:Update","` + wanted + `"]}`},
				request{"PUT", path, `{"operations":["Permissions:Read"]}`}, request{"PUT", path, `{"operations":["Permissions:Update"]}`},
				request{"PUT", path + "/archive", `{"isArchived":true}`}, request{"PUT", path + "/archive", `{"isArchived":false}`},
				request{"POST", path + "/assignments", `{"identityId":"` + n.ids["userId"] + `"}`})
		}
		// Somebody else changes it meanwhile, to what both may do.
		others := n.ready(t, boss.Session, repeated(request{"PUT", path, `{"operations":["Permissions:Update","Permissions:Read"]}`}, 10)...)
		storm := n.ready(t, eve.Session, hers...)
		var both sync.WaitGroup
		both.Go(func() {
			for _, a := range others() {
				if a.status != 200 && a.code != "permission_changed" && a.code != "permission_archived" {
					t.Errorf("%v", a)
				}
			}
		})
		for i, a := range storm() {
			if strings.Contains(hers[i].body, wanted) && a.status == 200 {
				t.Errorf("%s: %v", hers[i].body, a)
			}
			if a.status >= 500 || a.status == 401 {
				t.Errorf("%s: %v", hers[i].body, a)
			}
		}
		both.Wait()
		n.raised(t, "in a race", eve.Session)
		p, err := n.DB.Permission(t.Context(), n.org.ID, own)
		must(t, err)
		if strings.Contains(jsonOf(t, p.Operations), wanted) {
			t.Errorf("the permission allows %v", p.Operations)
		}
		// Each change has counted, and is in the log.
		changes := 0
		for _, kind := range n.eventsNaming(t, own) {
			if kind != "permission.assigned" {
				changes++
			}
		}
		if int(p.Version) != 1+changes {
			t.Errorf("version %d after %d changes", p.Version, changes)
		}
	})
}
