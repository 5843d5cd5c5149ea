package directory_test

import (
	"context"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/testing/database"
	"github.com/countersign/countersign/internal/testing/world"
)

// countAdministrators counts who can administer the organisation: log in as an employee and do
// everything.
func countAdministrators(t *testing.T, n *world.Tenant) (count int) {
	t.Helper()
	all, err := n.DB.Assignments(context.Background(), n.Everything, "", 0)
	must(t, err)
	for _, a := range all {
		m, err := n.DB.Member(context.Background(), n.Org.ID, a.IdentityID)
		if err == nil && m.Active && !m.RegisteredAt.IsZero() && m.ArchivedAt.IsZero() && m.Kind == api.CustomerEmployee {
			count++
		}
	}
	return count
}

// The last administrator stays, whoever else holds the permission to do everything without
// being able to use it as one.
func TestLastAdministratorStays(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := context.Background()
		boss := n.AdministratorID(t)
		stays := func(what string) {
			t.Helper()
			before := n.State(t)
			world.Refused(t, what+": revoked", n.Admin.Revoke(ctx, n.Everything, n.AdministratorAssignment(t, boss).ID), 409, "last_administrator")
			_, err := n.Admin.DeactivateUser(ctx, boss)
			world.Refused(t, what+": deactivated", err, 409, "last_administrator")
			_, err = n.Admin.ArchiveUser(ctx, boss)
			world.Refused(t, what+": archived", err, 409, "last_administrator")
			n.Unchanged(t, what, before)
			if !n.Lives(t, n.Admin) {
				t.Errorf("%s: the administrator's session is over", what)
			}
		}
		stays("alone")
		serviceAccount, _ := n.ServiceAccount(t, n.Org.ID, "root", n.Everything)
		stays("and a service account")
		program, _ := n.PersonalToken(t, n.Admin, "program", n.Everything)
		stays("and a program")
		n.Promote(t, n.IDs["appId"])
		stays("and an application")
		customer := n.EmployAs(t, "customer", api.EndUser)
		n.Promote(t, customer.ID)
		stays("and an end user, who cannot invite anybody")
		invited := n.Invite(t, n.Org.ID, "invited@example.org")
		n.Promote(t, invited.UserID)
		stays("and one who is still to register")
		off := n.Employ(t, "off@example.org")
		n.Promote(t, off.ID)
		_, err := n.Admin.DeactivateUser(ctx, off.ID)
		must(t, err)
		stays("and one who is deactivated")
		gone := n.Employ(t, "gone@example.org")
		n.Promote(t, gone.ID)
		_, err = n.Admin.ArchiveUser(ctx, gone.ID)
		must(t, err)
		stays("and one who is archived")
		// None of them needs to stay.
		for _, id := range []string{serviceAccount, program, n.IDs["appId"], customer.ID, invited.UserID, off.ID, gone.ID} {
			if err := n.Admin.Revoke(ctx, n.Everything, n.AdministratorAssignment(t, id).ID); err != nil {
				t.Errorf("revoke from %s: %v", id, err)
			}
		}
	})
}

// A second administrator lifts it, and then is the last one.
func TestSecondAdministrator(t *testing.T) {
	t.Parallel()
	for what, do := range map[string]func(n *world.Tenant, t *testing.T, by world.Member, id string) error{
		"revoked": func(n *world.Tenant, t *testing.T, by world.Member, id string) error {
			return by.Revoke(t.Context(), n.Everything, n.AdministratorAssignment(t, id).ID)
		},
		"deactivated": func(n *world.Tenant, t *testing.T, by world.Member, id string) error {
			_, err := by.DeactivateUser(t.Context(), id)
			return err
		},
		"archived": func(n *world.Tenant, t *testing.T, by world.Member, id string) error {
			_, err := by.ArchiveUser(t.Context(), id)
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
				second := n.Employ(t, "second@example.org")
				n.Promote(t, second.ID)
				if err := do(n, t, second, n.AdministratorID(t)); err != nil {
					t.Fatal(err)
				}
				world.Refused(t, "the second one", do(n, t, second, second.ID), 409, "last_administrator")
				if got := countAdministrators(t, n); got != 1 {
					t.Errorf("%d administrators remain", got)
				}
			})
		})
	}
}

// Two administrators who take each other's rights at the same moment: one remains.
func TestAdministratorsAgainstEachOther(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := context.Background()
		boss := world.Member{Session: n.Admin, ID: n.AdministratorID(t)}
		second := n.Employ(t, "second@example.org")
		revoked := 0
		for round := range 20 {
			n.Promote(t, second.ID)
			errs := make([]error, 2)
			ids := []string{n.AdministratorAssignment(t, second.ID).ID, n.AdministratorAssignment(t, boss.ID).ID}
			var all sync.WaitGroup
			for i, by := range []world.Member{boss, second} {
				action, err := by.SignFor(ctx, "DELETE", "/permissions/"+n.Everything+"/assignments/"+ids[i], []byte("{}"))
				must(t, err)
				all.Go(func() {
					a := n.Call(t, "DELETE", "/permissions/"+n.Everything+"/assignments/"+ids[i], by.Token, action, "{}")
					if a.Status != 200 {
						errs[i] = &api.Error{Code: a.Code}
					}
				})
			}
			all.Wait()
			if (errs[0] == nil) == (errs[1] == nil) || countAdministrators(t, n) != 1 {
				t.Fatalf("round %d: %v; %d administrators remain", round, errs, countAdministrators(t, n))
			}
			revoked++
			if errs[0] != nil { // the second one remains, and makes the first one anew
				n.Access.Changed()
				_, err := second.Assign(ctx, n.Everything, boss.ID)
				must(t, err)
				must(t, second.Revoke(ctx, n.Everything, ids[0]))
				revoked++
			}
		}
		if got := len(n.EventsAbout(t, boss.ID, "permission.revoked")) + len(n.EventsAbout(t, second.ID, "permission.revoked")); got != revoked {
			t.Errorf("the log has %d revocations, of %d", got, revoked)
		}
	})
}

// The same, each at another server.
func TestAdministratorsAgainstEachOtherAtTwoServers(t *testing.T) {
	t.Parallel()
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
