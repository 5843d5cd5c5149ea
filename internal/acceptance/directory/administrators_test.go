package directory_test

import (
	"context"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// assignment is the one that gives an identity the permission to do everything.
func (n *tenant) assignment(t *testing.T, identityID string) store.Assignment {
	t.Helper()
	all, err := n.DB.Assignments(context.Background(), n.all, "", 0)
	must(t, err)
	for _, a := range all {
		if a.IdentityID == identityID {
			return a
		}
	}
	t.Fatalf("%s is no administrator", identityID)
	return store.Assignment{}
}

// administrators counts who can administer the organisation: log in as an employee and do
// everything.
func (n *tenant) administrators(t *testing.T) (count int) {
	t.Helper()
	all, err := n.DB.Assignments(context.Background(), n.all, "", 0)
	must(t, err)
	for _, a := range all {
		m, err := n.DB.Member(context.Background(), n.org.ID, a.IdentityID)
		if err == nil && m.Active && !m.RegisteredAt.IsZero() && m.ArchivedAt.IsZero() && m.Kind == api.CustomerEmployee {
			count++
		}
	}
	return count
}

// boss is the id of the tenant's first administrator.
func (n *tenant) boss(t *testing.T) string {
	t.Helper()
	u, err := n.DB.UserByName(context.Background(), n.org.ID, "administrator@example.org")
	must(t, err)
	return u.ID
}

// The last administrator stays, whoever else holds the permission to do everything without
// being able to use it as one.
func TestLastAdministratorStays(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := context.Background()
		boss := n.boss(t)
		stays := func(what string) {
			t.Helper()
			before := n.state(t)
			refused(t, what+": revoked", n.admin.Revoke(ctx, n.all, n.assignment(t, boss).ID), 409, "last_administrator")
			_, err := n.admin.DeactivateUser(ctx, boss)
			refused(t, what+": deactivated", err, 409, "last_administrator")
			_, err = n.admin.ArchiveUser(ctx, boss)
			refused(t, what+": archived", err, 409, "last_administrator")
			n.unchanged(t, what, before)
			if !n.lives(t, n.admin) {
				t.Errorf("%s: the administrator's session is over", what)
			}
		}
		stays("alone")
		machine, _ := n.Machine(t, n.org.ID, "root", n.all)
		stays("and a machine")
		program, _ := n.PersonalToken(t, n.admin, "program", n.all)
		stays("and a program")
		n.promote(t, n.ids["appId"])
		stays("and an application")
		customer := n.hireAs(t, "customer", api.EndUser)
		n.promote(t, customer.id)
		stays("and an end user, who cannot invite anybody")
		invited := n.Invite(t, n.org.ID, "invited@example.org")
		n.promote(t, invited.UserID)
		stays("and one who is still to register")
		off := n.hire(t, "off@example.org")
		n.promote(t, off.id)
		_, err := n.admin.DeactivateUser(ctx, off.id)
		must(t, err)
		stays("and one who is deactivated")
		gone := n.hire(t, "gone@example.org")
		n.promote(t, gone.id)
		_, err = n.admin.ArchiveUser(ctx, gone.id)
		must(t, err)
		stays("and one who is archived")
		// None of them needs to stay.
		for _, id := range []string{machine, program, n.ids["appId"], customer.id, invited.UserID, off.id, gone.id} {
			if err := n.admin.Revoke(ctx, n.all, n.assignment(t, id).ID); err != nil {
				t.Errorf("revoke from %s: %v", id, err)
			}
		}
	})
}

// A second administrator lifts it, and then is the last one.
func TestSecondAdministrator(t *testing.T) {
	for what, do := range map[string]func(n *tenant, t *testing.T, by member, id string) error{
		"revoked": func(n *tenant, t *testing.T, by member, id string) error {
			return by.Revoke(t.Context(), n.all, n.assignment(t, id).ID)
		},
		"deactivated": func(n *tenant, t *testing.T, by member, id string) error {
			_, err := by.DeactivateUser(t.Context(), id)
			return err
		},
		"archived": func(n *tenant, t *testing.T, by member, id string) error {
			_, err := by.ArchiveUser(t.Context(), id)
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			offices(t, func(t *testing.T, n *tenant) {
				second := n.hire(t, "second@example.org")
				n.promote(t, second.id)
				if err := do(n, t, second, n.boss(t)); err != nil {
					t.Fatal(err)
				}
				refused(t, "the second one", do(n, t, second, second.id), 409, "last_administrator")
				if got := n.administrators(t); got != 1 {
					t.Errorf("%d administrators remain", got)
				}
			})
		})
	}
}

// Two administrators who take each other's rights at the same moment: one remains.
func TestAdministratorsAgainstEachOther(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := context.Background()
		boss := member{Session: n.admin, id: n.boss(t)}
		second := n.hire(t, "second@example.org")
		revoked := 0
		for round := range 20 {
			n.promote(t, second.id)
			errs := make([]error, 2)
			ids := []string{n.assignment(t, second.id).ID, n.assignment(t, boss.id).ID}
			var all sync.WaitGroup
			for i, by := range []member{boss, second} {
				action, err := by.SignFor(ctx, "DELETE", "/permissions/"+n.all+"/assignments/"+ids[i], []byte("{}"))
				must(t, err)
				all.Go(func() {
					a := n.send(t, "DELETE", "/permissions/"+n.all+"/assignments/"+ids[i], by.Token, action, "{}")
					if a.status != 200 {
						errs[i] = &api.Error{Code: a.code}
					}
				})
			}
			all.Wait()
			if (errs[0] == nil) == (errs[1] == nil) || n.administrators(t) != 1 {
				t.Fatalf("round %d: %v; %d administrators remain", round, errs, n.administrators(t))
			}
			revoked++
			if errs[0] != nil { // the second one remains, and makes the first one anew
				n.Access.Changed()
				_, err := second.Assign(ctx, n.all, boss.id)
				must(t, err)
				must(t, second.Revoke(ctx, n.all, ids[0]))
				revoked++
			}
		}
		if got := len(n.happened(t, boss.id, "permission.revoked")) + len(n.happened(t, second.id, "permission.revoked")); got != revoked {
			t.Errorf("the log has %d revocations, of %d", got, revoked)
		}
	})
}

// The same, each at another server.
func TestAdministratorsAgainstEachOtherAtTwoServers(t *testing.T) {
	s := serve(t, database.Postgres(t), 2)
	ctx := t.Context()
	all := api.AdministratorPermissionID(s.org)
	bosses := []*client.Session{s.admin, s.registered("second@example.org")}
	users, err := s.admin.ListUsers(ctx, api.ListUsersRequest{})
	must(t, err)
	var given [2]api.Assignment
	list, err := s.admin.ListAssignments(ctx, api.ListAssignmentsRequest{PermissionID: all})
	must(t, err)
	given[0] = list.Items[0]
	given[1], err = s.admin.Assign(ctx, all, users.Items[1].UserID)
	must(t, err)
	for round := range 20 {
		for i, boss := range bosses { // each at their server, where what they have is known by now
			bosses[i] = s.nodes[i].Session(boss.Token, boss.Signer)
			for s.ask(s.nodes[i], boss.Token) != 200 {
				must(t, ctx.Err())
			}
		}
		errs := make([]error, 2)
		start := make(chan struct{})
		var both sync.WaitGroup
		for i, boss := range bosses {
			path := "/permissions/" + all + "/assignments/" + given[1-i].ID
			action, err := boss.SignFor(ctx, "DELETE", path, nil)
			must(t, err)
			both.Go(func() {
				<-start
				errs[i] = s.send(s.nodes[i], "DELETE", path, boss.Token, action)
			})
		}
		close(start)
		both.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("round %d: %v", round, errs)
		}
		lost := 1
		if errs[0] != nil {
			lost = 0
		}
		given[lost], err = bosses[1-lost].Assign(ctx, all, users.Items[lost].UserID)
		must(t, err)
	}
}
