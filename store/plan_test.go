package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest/database"
	"github.com/countersign/countersign/store"
)

// TestNothingOnTheWayScansATable asks both databases how they run what logins, signatures
// and pages of lists ask for: by index, and in the order of the index.
func TestNothingOnTheWayScansATable(t *testing.T) {
	ctx, raw := context.Background(), []byte{1}
	reads := map[string]func(db *store.DB){
		"login state":    func(db *store.DB) { db.LoginState(ctx, "or-1", "ada", raw, raw) },
		"signer state":   func(db *store.DB) { db.SignerState(ctx, "us-1") },
		"by name":        func(db *store.DB) { db.HolderByName(ctx, "or-1", "ada", raw, "cr-1") },
		"by user":        func(db *store.DB) { db.HolderByUser(ctx, "us-1", raw, "cr-1") },
		"by credential":  func(db *store.DB) { db.HolderByCredential(ctx, "or-1", "example.org", raw) },
		"bearer":         func(db *store.DB) { db.Bearer(ctx, "se-1") },
		"sessions":       func(db *store.DB) { db.SessionsOfUser(ctx, "us-1", epoch) },
		"signed action":  func(db *store.DB) { db.SignedAction(ctx, "ua-1") },
		"actions":        func(db *store.DB) { db.Actions(ctx, "or-1", "", "", 10) },
		"actions of one": func(db *store.DB) { db.Actions(ctx, "or-1", "us-1", "", 10) },
		"member":         func(db *store.DB) { db.Member(ctx, "or-1", "us-1") },
		"members":        func(db *store.DB) { db.Members(ctx, "or-1", "", "", 10) },
		"members, kind":  func(db *store.DB) { db.Members(ctx, "or-1", "EndUser", "", 10) },
		"credential":     func(db *store.DB) { db.Credential(ctx, "cr-1") },
	}
	writes := map[string]func(tx *store.Tx){
		"login": func(tx *store.Tx) {
			tx.UseCredential(store.CredentialUse{ID: "cr-1", At: epoch}, errLost)
			tx.OpenSession(store.Session{UserID: "us-1"}, errLost)
			tx.SpendLoginCode("lc-1", epoch, errLost)
		},
		"logout": func(tx *store.Tx) { tx.EndSession("se-1", "us-1", epoch, errLost); tx.EndSessions("us-1", epoch) },
		"signature": func(tx *store.Tx) {
			tx.SignAction(store.Action{}, errLost)
			tx.UseAction("ua-1", "us-1", "", epoch, errLost)
		},
		"code":       func(tx *store.Tx) { tx.IssueLoginCode(store.LoginCode{}); tx.LoginCodeSent("lc-1", epoch) },
		"withdrawal": func(tx *store.Tx) { tx.SetUserActive("us-1", "or-1", false, errLost) },
		"first user": func(tx *store.Tx) { tx.MakeFirstAdministrator("or-1", "us-1") },
		"pruning":    func(tx *store.Tx) { tx.PruneSessions(epoch) },
	}
	database.Each(t, func(t *testing.T, url string) {
		if strings.HasPrefix(url, "postgres") {
			url += "&enable_seqscan=off" // of an empty table it would read all
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
					if scans(step) || strings.Contains(step, "TEMP B-TREE") {
						t.Errorf("%s: %s\n%s", name, plan.SQL, strings.Join(plan.Steps, "\n"))
					}
				}
				if !looked {
					t.Errorf("%s looks nothing up: %s\n%s", name, plan.SQL, strings.Join(plan.Steps, "\n"))
				}
			}
		}
		if steps := strings.Join(plans["members, kind"][0].Steps, "\n"); !strings.Contains(steps, "users_kind") {
			t.Error(steps)
		}
	})
}

// scans reports whether a step of a plan reads a whole table. The single row that some
// reads begin with is none.
func scans(step string) bool {
	return strings.Contains(step, "Seq Scan") ||
		strings.HasPrefix(step, "SCAN ") && step != "SCAN CONSTANT ROW" && step != "SCAN x"
}
