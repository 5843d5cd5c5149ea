package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// TestNoStatementScansATable checks that both databases run the statements of logins, signatures and
// lists by index, and in the order of the index.
func TestNoStatementScansATable(t *testing.T) {
	t.Parallel()
	ctx, raw := context.Background(), []byte{1}
	reads := map[string]func(db *store.DB){
		"metadata":         func(db *store.DB) { db.Metadata(ctx, "x") },
		"metadata, whole":  func(db *store.DB) { db.MetadataBlob(ctx, "x") },
		"login state":      func(db *store.DB) { db.LoginState(ctx, "or-1", "ada", raw, raw) },
		"signer state":     func(db *store.DB) { db.SignerState(ctx, "us-1", "") },
		"by name":          func(db *store.DB) { db.OwnerByName(ctx, "or-1", "ada", raw, "cr-1") },
		"by user":          func(db *store.DB) { db.OwnerByUser(ctx, "us-1", raw, "cr-1") },
		"by name, kind":    func(db *store.DB) { db.OwnerByNameAndKind(ctx, "or-1", "ada", "Password") },
		"by user, kind":    func(db *store.DB) { db.OwnerByUserAndKind(ctx, "us-1", "Totp") },
		"by credential":    func(db *store.DB) { db.OwnerByCredential(ctx, "or-1", "example.org", raw) },
		"bearer":           func(db *store.DB) { db.SessionWithUser(ctx, "se-1") },
		"sessions":         func(db *store.DB) { db.SessionsOfUser(ctx, "us-1", epoch) },
		"last sessions":    func(db *store.DB) { db.LastSessions(ctx, "us-1") },
		"signed action":    func(db *store.DB) { db.SignedAction(ctx, "ua-1") },
		"actions":          func(db *store.DB) { db.Actions(ctx, "or-1", "", "", 10) },
		"actions of one":   func(db *store.DB) { db.Actions(ctx, "or-1", "us-1", "", 10) },
		"member":           func(db *store.DB) { db.Member(ctx, "or-1", "us-1") },
		"members":          func(db *store.DB) { db.Members(ctx, "or-1", "", "", 10) },
		"members, kind":    func(db *store.DB) { db.Members(ctx, "or-1", "EndUser", "", 10) },
		"credential":       func(db *store.DB) { db.Credential(ctx, "cr-1") },
		"held":             func(db *store.DB) { db.Held(ctx, "us-1", "to-1") },
		"assigned":         func(db *store.DB) { db.Assigned(ctx, "us-1") },
		"administrator":    func(db *store.DB) { db.IsAdministrator(ctx, "us-1") },
		"permission":       func(db *store.DB) { db.Permission(ctx, "or-1", "pm-1") },
		"permissions":      func(db *store.DB) { db.Permissions(ctx, "or-1", "", 10) },
		"assignment":       func(db *store.DB) { db.Assignment(ctx, "or-1", "pm-1", "as-1") },
		"assignments":      func(db *store.DB) { db.Assignments(ctx, "pm-1", "", 10) },
		"token bearer":     func(db *store.DB) { db.TokenWithUser(ctx, "to-1") },
		"token":            func(db *store.DB) { db.AccessToken(ctx, "us-1", "to-1") },
		"tokens":           func(db *store.DB) { db.AccessTokens(ctx, "us-1") },
		"service account":  func(db *store.DB) { db.ServiceAccount(ctx, "or-1", "us-1") },
		"service accounts": func(db *store.DB) { db.ServiceAccounts(ctx, "or-1") },
		"application":      func(db *store.DB) { db.Application(ctx, "or-1", "ap-1") },
		"applications":     func(db *store.DB) { db.Applications(ctx, "or-1") },
		"person":           func(db *store.DB) { db.Person(ctx, "or-1", "us-1") },
		"people":           func(db *store.DB) { db.People(ctx, "or-1", "", "", "", 10) },
		"people, kind":     func(db *store.DB) { db.People(ctx, "or-1", "EndUser", "", "", 10) },
		"users":            func(db *store.DB) { db.Users(ctx, "or-1", "", 10) },
		"users by key":     func(db *store.DB) { db.UsersByKey(ctx, "or-1", []string{"ada", "bob"}) },
		"twins":            func(db *store.DB) { db.Twins(ctx, "or-1", []string{"ada", "боб"}) },
		"refusal":          func(db *store.DB) { db.Refusal(ctx, "rf-1") },

		"policy":               func(db *store.DB) { db.Policy(ctx, "or-1", "EndUser", 1) },
		"holders":              func(db *store.DB) { db.Holders(ctx, "or-1", "EndUser", "", 10, true) },
		"people by name":       func(db *store.DB) { db.People(ctx, "or-1", "", "ada", "", 10) },
		"people by name, kind": func(db *store.DB) { db.People(ctx, "or-1", "EndUser", "ada", "", 10) },
		"credential code":      func(db *store.DB) { db.CredentialCode(ctx, "cc-1"); db.CredentialCodeByMAC(ctx, []byte("x")) },
		"audit entry":          func(db *store.DB) { db.AuditEntry(ctx, "or-1", api.NewID(api.PrefixAuditLog, epoch)) },
		"audit, oldest":        func(db *store.DB) { db.AuditOldest(ctx, store.AuditSpan{OrgID: "or-1"}, 10) },
		"audit, newest":        func(db *store.DB) { db.AuditNewest(ctx, store.AuditSpan{OrgID: "or-1"}, 10) },
		"audit, counted":       func(db *store.DB) { db.AuditCount(ctx, store.AuditSpan{OrgID: "or-1", WithoutRefusals: true}, 1) },
		"audit, refused": func(db *store.DB) {
			db.AuditCount(ctx, store.AuditSpan{OrgID: "or-1", WithoutEvents: true, UserID: "us-1"}, 1)
		},
		"audit, one user": func(db *store.DB) { db.AuditNewest(ctx, store.AuditSpan{OrgID: "or-1", UserID: "us-1"}, 10) },
		"recovery":        func(db *store.DB) { db.RecoveryOf(ctx, []byte{1}); db.OpenRecovery(ctx, "us-1") },
	}
	writes := map[string]func(tx *store.Tx){
		"login": func(tx *store.Tx) {
			tx.UseCredential(store.CredentialUse{ID: "cr-1", At: epoch}, errLost)
			tx.OpenSession(store.Session{UserID: "us-1"}, errLost)
			tx.SpendLoginCode(store.CodeForLogin, "lc-1", "us-1", epoch, errLost)
		},
		"logout":     func(tx *store.Tx) { tx.EndSession("se-1", "us-1", epoch, errLost); tx.EndSessions("us-1", epoch) },
		"delegation": func(tx *store.Tx) { tx.EndDelegatedSessions("cr-1", epoch) },
		"signature": func(tx *store.Tx) {
			tx.SignAction(store.Action{}, errLost)
			tx.UseAction("ua-1", "us-1", "", epoch, errLost)
		},
		"code": func(tx *store.Tx) {
			tx.IssueLoginCode(store.CodeForLogin, store.Code{})
			tx.LoginCodeSent("lc-1", epoch)
			tx.VoidLoginCodes(store.CodeForLogin, "us-1")
		},
		"deactivation": func(tx *store.Tx) { tx.SetUserActive("us-1", "or-1", false, errLost) },
		"first user":   func(tx *store.Tx) { tx.MakeFirstAdministrator("or-1", "us-1", "as-1", epoch) },
		"own credential": func(tx *store.Tx) {
			c := store.Credential{ID: "cr-1", OrgID: "or-1", UserID: "us-1"}
			tx.SameCredentials("us-1", 1, "cr-1", errLost)
			tx.KeepFirstFactor("us-1", "cr-1", true, errLost)
			tx.DeactivateOwnCredential(c, epoch, errLost)
			tx.ActivateOwnCredential(c, errLost)
			tx.RenameCredential(c, "name", errLost)
			tx.ArchiveCredential(c, epoch, errLost)
			tx.AddAnotherCredential(c, 100, errLost, errLost, errDuplicate)
			tx.IssueCredentialCode(store.CredentialCode{})
			tx.SpendCredentialCode("cc-1", "us-1", epoch, errLost)
		},
		"recovery": func(tx *store.Tx) {
			v := store.Recovery{ID: "rv-1", OrgID: "or-1", UserID: "us-1", RecoveryKeyID: "cr-1"}
			tx.RecoverAtOnce(v, "vc-1", epoch, errLost, errLost)
			tx.BeginRecovery(v, "vc-1", epoch, errLost, errLost)
			tx.CompleteRecovery(v, "cr-2", epoch, errLost)
			tx.StopRecovery(v, "us-2", epoch, errLost)
			tx.ApproveRecovery(v, "us-2", epoch, errLost)
		},
		"pruning": store.PruneSteps,
		"user named": func(tx *store.Tx) {
			tx.CreateUser(store.User{UsernameKey: "ada"}, errDuplicate)
			tx.CreateUser(store.User{UsernameKey: "боб"}, errDuplicate)
			tx.RenameUser("us-1", "or-1", "Боб", "боб", nil, errDuplicate, errLost)
		},
		"credential written": func(tx *store.Tx) { tx.AddCredential(store.Credential{}, errDuplicate) },
		"permission written": func(tx *store.Tx) {
			tx.CreatePermission(store.Permission{}, errDuplicate)
			tx.UpdatePermission(store.Permission{}, epoch, errDuplicate, errLost)
			tx.ArchivePermission(store.Permission{}, false, epoch, errDuplicate, errLost)
			tx.Assign(store.Assignment{}, 1, errDuplicate, errLost)
			tx.Revoke(store.Assignment{}, errLost)
		},
		"token written": func(tx *store.Tx) {
			tx.CreateAccessToken(store.AccessToken{}, errDuplicate, errLost)
			tx.RenameAccessToken("to-1", "us-1", "", "", new(string), errDuplicate, errLost)
			tx.DeactivateAccessToken("to-1", "us-1", epoch, errLost)
			tx.ArchiveAccessToken("to-1", "us-1", epoch, errLost)
		},
		"application written": func(tx *store.Tx) {
			tx.CreateApplication(store.Application{}, errDuplicate)
			tx.RenameApplication("ap-1", "or-1", "", "", new(string), errDuplicate, errLost)
			tx.SetApplicationActive("ap-1", "or-1", false, errLost)
			tx.ArchiveApplication("ap-1", "or-1", epoch, errLost)
		},
		"user written": func(tx *store.Tx) {
			tx.KeepAnAdministrator("or-1", "us-1", errLost)
			tx.KeepAnAdministratorWithout(store.Credential{ID: "cr-1", OrgID: "or-1", UserID: "us-1"}, errLost)
			tx.ArchiveUser("us-1", "or-1", epoch, errLost)
			tx.RenameUser("us-1", "or-1", "", "", new(string), errDuplicate, errLost)
			tx.MustBeInvited("us-1", "or-1", errLost)
		},
		"delegated login": func(tx *store.Tx) { tx.OpenDelegatedSession(store.Session{}, errLost) },
	}
	// A page by name is found in the order of users_name, but read by id and sorted again. That
	// is a few rows.
	paged := map[string]bool{"people by name": true, "people by name, kind": true}
	database.Each(t, func(t *testing.T, url string) {
		if strings.HasPrefix(url, "postgres") {
			url += "&enable_seqscan=off" // otherwise it would scan empty tables
		}
		db := open(t, url)
		plans := map[string][]store.Plan{}
		for name, read := range reads {
			plans[name] = store.Plans(db, read)
		}
		for name, change := range writes {
			plans[name] = store.PlansOf(db, change)
		}
		for name, found := range plans {
			if len(found) == 0 {
				t.Errorf("%s: no plan", name)
			}
			for _, plan := range found {
				looked := strings.Contains(plan.SQL, "VALUES")
				for _, step := range plan.Steps {
					looked = looked || strings.Contains(step, "SEARCH") || strings.Contains(step, "Index")
					if scans(step) || strings.Contains(step, "TEMP B-TREE") && !paged[name] {
						t.Errorf("%s: %s\n%s", name, plan.SQL, strings.Join(plan.Steps, "\n"))
					}
				}
				if !looked {
					t.Errorf("%s looks nothing up: %s\n%s", name, plan.SQL, strings.Join(plan.Steps, "\n"))
				}
			}
		}
		if steps := strings.Join(plans["twins"][0].Steps, "\n"); !strings.Contains(steps, "users_look") {
			t.Error(steps)
		}
		var one string
		for _, plan := range plans["audit, one user"] {
			one += strings.Join(plan.Steps, "\n") + "\n"
		}
		for _, index := range []string{"events_subject", "events_actor", "refusals_subject", "refusals_actor"} {
			if !strings.Contains(one, index) {
				t.Errorf("the log of one user is not read by %s:\n%s", index, one)
			}
		}
		if steps := strings.Join(plans["members, kind"][0].Steps, "\n"); !strings.Contains(steps, "users_kind") {
			t.Error(steps)
		}
		for name := range paged {
			plan := plans[name][0]
			steps := strings.Join(plan.Steps, "\n")
			if db.Kind() == store.SQLite && (!strings.Contains(steps, "SEARCH u USING INDEX users_name (org_id=? AND username_key>? AND username_key<?)") ||
				strings.Count(steps, "TEMP B-TREE") > 1) {
				t.Error(steps)
			}
			// Of several lower bounds SQLite uses one, and its plan does not say which.
			if strings.Count(plan.SQL, "username_key >") != 1 {
				t.Error(plan.SQL)
			}
		}
	})
}

// scans reports whether a step of a plan reads a whole table. The single row with which some
// reads begin is not a table.
func scans(step string) bool {
	return strings.Contains(step, "Seq Scan") ||
		strings.HasPrefix(step, "SCAN ") && step != "SCAN CONSTANT ROW" && step != "SCAN x"
}
