package world

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
)

// Kept is all that logins and signatures leave behind, as text: who there is, with which
// credentials in which state, live sessions, actions and events.
func (o *Organisation) Kept(t testing.TB) string {
	t.Helper()
	ctx := context.Background()
	var b strings.Builder
	orgs, err := o.DB.Organisations(ctx)
	Must(t, err)
	for _, org := range orgs {
		members, err := o.DB.Members(ctx, org.ID, "", "", 0)
		Must(t, err)
		for _, m := range members {
			fmt.Fprintln(&b, m.Username, m.Active, m.RegisteredAt.UnixMilli())
			all, err := o.DB.CredentialsOfUser(ctx, m.ID)
			Must(t, err)
			for _, c := range all {
				fmt.Fprintln(&b, " ", c.ID, c.Active, c.SignCount, c.BackupEligible, c.BackupState, c.LastUsedAt.UnixMilli())
			}
			sessions, err := o.DB.SessionsOfUser(ctx, m.ID, o.Clock.Now())
			Must(t, err)
			for _, s := range sessions {
				fmt.Fprintln(&b, " ", s.ID)
			}
		}
		actions, err := o.DB.Actions(ctx, org.ID, "", "", 0)
		Must(t, err)
		for _, a := range actions {
			fmt.Fprintln(&b, " ", a.ID, a.UsedFor, a.UsedAt.UnixMilli())
		}
		events, err := o.DB.Events(ctx, org.ID, "", 0)
		Must(t, err)
		for _, e := range events {
			fmt.Fprintln(&b, " ", e.ID, e.Kind, string(e.Detail))
		}
	}
	return b.String()
}

// Unmoved fails t if anything is kept that was not before.
func (o *Organisation) Unmoved(t testing.TB, what, before string) {
	t.Helper()
	if after := o.Kept(t); after != before {
		t.Errorf("%s: the refused request left its mark:\n%s\nbefore:\n%s", what, after, before)
	}
}

// SessionCount counts the live sessions of a person.
func (o *Organisation) SessionCount(t testing.TB, p *countersigntest.Person) int {
	t.Helper()
	all, err := o.DB.SessionsOfUser(context.Background(), p.UserID, o.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// EventsOf returns the events of a kind that are about a user.
func (o *Organisation) EventsOf(t testing.TB, userID, kind string) (all []store.Event) {
	t.Helper()
	u, err := o.DB.User(context.Background(), userID)
	if err != nil {
		t.Fatal(err)
	}
	events, err := o.DB.Events(context.Background(), u.OrgID, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.UserID == userID && e.Kind == kind {
			all = append(all, e)
		}
	}
	return all
}

// KeepsSecret fails t if the log or the record of a refusal holds one of the secrets.
func (o *Organisation) KeepsSecret(t testing.TB, refusals []string, secrets ...string) {
	t.Helper()
	log := o.Log.String()
	for _, secret := range secrets {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	for _, id := range refusals {
		f, err := o.DB.Refusal(context.Background(), id)
		if err != nil {
			t.Fatalf("refusal %s cannot be looked up: %v", id, err)
		}
		text := fmt.Sprintf("%+v", f)
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("the record of a refusal holds %q: %s", secret, text)
			}
		}
	}
}
