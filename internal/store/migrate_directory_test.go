package store_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// managed are the permissions that an organisation made at epoch has from the start.
func managed(o store.Organisation) []store.Permission {
	p := store.Permission{OrgID: o.ID, Version: 1, CreatedAt: epoch, UpdatedAt: epoch}
	everything, endUsers := p, p
	everything.ID, everything.Managed = api.AdministratorPermissionID(o.ID), store.ManagedAdministrator
	everything.Name, everything.NameKey = "ManagedFullAdminAccess", "managedfulladminaccess"
	endUsers.ID, endUsers.Managed = api.EndUserPermissionID(o.ID), store.ManagedEndUser
	endUsers.Name, endUsers.NameKey = "ManagedDefaultEndUserAccess", "manageddefaultenduseraccess"
	endUsers.Operations = api.EndUserOperations
	return []store.Permission{everything, endUsers}
}

// oldOrganisation is an organisation in a database of version 2.
type oldOrganisation struct {
	o     store.Organisation
	users []store.User // an administrator, one who is still to register, an employee, two end users
	boss  person
	s     store.Session
	a     store.Action
	f     store.Refusal
}

// older fills a database of version 2 as the program did at that time.
func older(t *testing.T, db *sql.DB) oldOrganisation {
	t.Helper()
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Exec(statement, args...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	o := newOrganisation()
	boss := newUser(o, "boss")
	boss.RegisteredAt = epoch
	all := oldOrganisation{o: o, users: []store.User{boss}, boss: person{o, boss, newCredential(boss, store.Code{})}}
	all.boss.k.SignCount = 7
	fill(t, db, all.boss, newEvent(boss, "user.registered"), nil)
	exec(`UPDATE users SET administrator = 1 WHERE id = $1`, boss.ID)
	bit := map[bool]int{true: 1}
	for i, name := range []string{"heir", "bob", "eve", "gone"} {
		u := newUser(o, name)
		u.ID = api.NewID(api.PrefixUser, at(i+1))
		u.Kind = []string{api.CustomerEmployee, api.CustomerEmployee, api.EndUser, api.EndUser}[i]
		u.Active = name != "gone"
		if i > 0 {
			u.RegisteredAt = epoch
		}
		var registered any
		if !u.RegisteredAt.IsZero() {
			registered = epoch.UnixMilli()
		}
		exec(`INSERT INTO users (id, org_id, username, username_key, kind, active, administrator, external_id, created_at, registered_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8, $9)`, u.ID, u.OrgID, u.Username, u.UsernameKey, u.Kind,
			bit[u.Active], bit[name == "heir"], epoch.UnixMilli(), registered)
		all.users = append(all.users, u)
	}
	all.s = all.boss.session()
	exec(`INSERT INTO sessions (id, org_id, user_id, credential_id, challenge, created_at, expires_at, address, user_agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, all.s.ID, o.ID, boss.ID, all.s.CredentialID, all.s.Challenge,
		epoch.UnixMilli(), all.s.ExpiresAt.UnixMilli(), all.s.Address, all.s.UserAgent)
	a := all.boss.action(all.s)
	all.a = a
	exec(`INSERT INTO actions (id, org_id, user_id, credential_id, session_id, challenge, signed_at, expires_at, used_for,
		address, method, path, statement, client_data, authenticator_data, signature, payload)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, $10, $11, $12, $13, $14, $15, $16)`,
		a.ID, o.ID, boss.ID, a.CredentialID, a.SessionID, a.Challenge, epoch.UnixMilli(), a.ExpiresAt.UnixMilli(),
		a.Address, a.Method, a.Path, a.Statement, a.ClientData, a.AuthenticatorData, a.Signature, []byte(a.Payload))
	all.f = store.Refusal{ID: api.NewID(api.PrefixRefusal, epoch), At: epoch, Route: "POST /auth/login", Status: 401,
		Code: "code_wrong", Message: "No.", OrgID: o.ID, UserID: boss.ID, Address: "192.0.2.1"}
	exec(`INSERT INTO refusals (id, at, route, status, code, message, rule, received, expected, cause, org_id, user_id, code_id,
		address, user_agent) VALUES ($1, $2, $3, $4, $5, $6, '', '', '', '', $7, $8, '', $9, '')`,
		all.f.ID, epoch.UnixMilli(), all.f.Route, all.f.Status, all.f.Code, all.f.Message, o.ID, boss.ID, all.f.Address)
	return all
}

func TestADatabaseOfTheSecondVersionKeepsItsAdministrators(t *testing.T) {
	t.Parallel()
	database.EachEmpty(t, func(t *testing.T, url string) {
		ctx := context.Background()
		migrateTo(t, url, 2)
		before := connect(t, url)
		both := []oldOrganisation{older(t, before), older(t, before)}
		db := open(t, url)
		for _, was := range both {
			permissions := managed(was.o)
			equal(t, "permissions", must[[]store.Permission](t)(db.Permissions(ctx, was.o.ID, "", 0)), permissions)
			everything, endUsers := permissions[0], permissions[1]
			var administrators, others []string
			for i, m := range must[[]store.Member](t)(db.Members(ctx, was.o.ID, "", "", 0)) {
				equal(t, m.Username, m.User, was.users[i])
				var want []store.Permission
				switch m.Username {
				case "boss", "heir":
					want = []store.Permission{everything}
					administrators = append(administrators, m.ID)
				case "eve", "gone":
					want = []store.Permission{endUsers}
					others = append(others, m.ID)
				}
				if is := must[bool](t)(db.IsAdministrator(ctx, m.ID)); is != (m.Username == "boss" || m.Username == "heir") {
					t.Errorf("%s is an administrator: %v", m.Username, is)
				}
				var held []store.Permission
				for _, p := range m.Assignments {
					held = append(held, p.Permission)
				}
				equal(t, m.Username+"'s permissions", held, want)
			}
			wantAssigned(t, db, everything, administrators)
			wantAssigned(t, db, endUsers, others)

			// The migration made nobody an administrator, not even the first user.
			late := join(t, db, was.o, "late")
			write(t, db, func(tx *store.Tx) { makeFirst(tx, was.o, late.u) })
			if must[bool](t)(db.IsAdministrator(ctx, late.u.ID)) {
				t.Error("a later user is an administrator")
			}
			wantError(t, try(db, func(tx *store.Tx) { tx.KeepAnAdministrator(was.o.ID, was.boss.u.ID, errLost) }), errLost)

			// Sessions and signed actions can still be used.
			equal(t, "session", must[store.SessionWithUser](t)(db.SessionWithUser(ctx, was.s.ID)), store.SessionWithUser{Found: true, Session: was.s, User: was.boss.u})
			equal(t, "credential", must[store.Credential](t)(db.Credential(ctx, was.boss.k.ID)), was.boss.k)
			equal(t, "refusal", must[store.Refusal](t)(db.Refusal(ctx, was.f.ID)), was.f)
			write(t, db, func(tx *store.Tx) { tx.UseAction(was.a.ID, was.boss.u.ID, "x", at(1), errLost) })
		}
		prune(t, db.PruneRefusals(t.Context(), at(1), 10))
		for _, was := range both {
			_, err := db.Refusal(ctx, was.f.ID)
			wantKind(t, err, api.NotFound, "refusal_not_found")
		}
	})
}

// wantAssigned checks to whom a permission is assigned, under ids that the API allows.
func wantAssigned(t *testing.T, db *store.DB, p store.Permission, want []string) {
	t.Helper()
	if !api.ValidID(api.PrefixPermission, p.ID) {
		t.Errorf("the API does not allow the permission id %s", p.ID)
	}
	var got []string
	for _, a := range must[[]store.Assignment](t)(db.Assignments(context.Background(), p.ID, "", 0)) {
		if !api.ValidID(api.PrefixAssignment, a.ID) || a.OrgID != p.OrgID || !a.CreatedAt.Equal(epoch) {
			t.Errorf("assignment %+v", a)
		}
		got = append(got, a.IdentityID)
	}
	equal(t, "assigned", got, want)
}
