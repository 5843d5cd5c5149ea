package serviceaccount_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
	"github.com/countersign/countersign/internal/testing/world"
)

// Bearer tokens are the installation's: they outlive a move to another public URL, and are worth
// nothing at any other installation.
func TestTokensOutliveAMove(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		ctx := t.Context()
		before := countersigntest.Start(t, countersigntest.Database(url))
		org, admin := before.Administrator(t, "Engines")
		session := before.Session(t, admin)
		_, robot := before.ServiceAccount(t, org.ID, "robot", api.AdministratorPermissionID(org.ID))
		_, personal := before.PersonalToken(t, session, "program", "")
		after := countersigntest.Start(t, countersigntest.Database(url))
		if before.URL == after.URL {
			t.Fatal("the server did not move")
		}
		// A token as it was issued before there were installations.
		former := bearer.New(before.Ring, "", before.URL, before.Clock.Now)
		entry, err := before.DB.SessionWithUser(ctx, claims(t, session.Token).ID)
		must(t, err)
		unnamed, err := former.SignSession(entry.Session, entry.User)
		must(t, err)
		for name, token := range map[string]string{"a session": session.Token, "a service account's": robot.Token, "a personal one": personal.Token, "one of before": unnamed} {
			if _, err := after.Client().Session(token, nil).Caller(ctx); err != nil {
				t.Errorf("%s after the move: %v", name, err)
			}
		}
		moved := after.Client().Session(robot.Token, robot.Signer)
		if _, err := moved.CreatePermission(ctx, api.CreatePermissionRequest{Name: "moved", Operations: []string{"Wallets:Read"}}); err != nil {
			t.Errorf("a signed call after the move: %v", err)
		}
		fresh, err := after.Bearer.SignSession(entry.Session, entry.User)
		must(t, err)
		if got := claims(t, fresh).Issuer; got != after.URL {
			t.Errorf("the issuer of a new token is %s, want %s", got, after.URL)
		}

		elsewhere := countersigntest.Start(t)
		_, stranger := elsewhere.Administrator(t, "Elsewhere")
		foreign := elsewhere.Session(t, stranger).Token
		stolen := bearer.New(after.Ring, strings.Repeat("0", 32), after.URL, after.Clock.Now) // our keys, another id
		forged, err := stolen.SignSession(entry.Session, entry.User)
		must(t, err)
		for name, c := range map[string]struct{ token, received string }{
			"of another installation":       {foreign, elsewhere.URL},
			"of another id":                 {forged, strings.Repeat("0", 32)},
			"with our address, another key": {foreign[:strings.IndexByte(foreign, '.')] + session.Token[strings.IndexByte(session.Token, '.'):], before.URL},
		} {
			_, err := after.Client().Session(c.token, nil).Caller(ctx)
			world.Refused(t, name, err, http.StatusUnauthorized, "token_invalid")
			var e *client.Error
			if !errors.As(err, &e) {
				continue
			}
			kept, err := after.DB.Refusal(ctx, e.ID)
			if err != nil || !strings.Contains(kept.Received, c.received) || kept.Expected == "" || strings.Contains(kept.Received+kept.Expected+kept.Cause, c.token) {
				t.Errorf("%s: the operator reads %+v, %v", name, kept, err)
			}
		}
	})
}

type said struct {
	ID     string `json:"jti"`
	Issuer string `json:"iss"`
}

func claims(t *testing.T, token string) (c said) {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	must(t, err)
	must(t, json.Unmarshal(text, &c))
	return c
}

// A token is replaced, its key and permissions are not; the former text is refused at once.
func TestReissue(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		ctx := t.Context()
		org := srv.Organisation(t, "Engines")
		other := srv.Organisation(t, "Elsewhere")
		id, robot := srv.ServiceAccount(t, org.ID, "robot", api.AdministratorPermissionID(org.ID))
		unused, err := robot.SignFor(ctx, http.MethodPost, "/auth/permissions", []byte(`{"name":"x","operations":["Wallets:Read"]}`))
		must(t, err)
		reissue := func(orgID, id string) (text string, err error) {
			days := 30
			_, err = store.Do(ctx, srv.DB, func(tx *store.Tx) (token api.AccessToken, err error) {
				token, text, err = srv.ServiceAccounts.Reissue(ctx, tx, api.Caller{OrgID: orgID}, id, &days)
				return token, err
			})
			return text, err
		}
		texts := map[string]bool{robot.Token: true}
		for range 3 { // within one second
			text, err := reissue(org.ID, id)
			must(t, err)
			for former := range texts {
				_, err := srv.Client().Session(former, nil).Caller(ctx)
				world.Refused(t, "a former token", err, http.StatusUnauthorized, "token_invalid")
			}
			texts[text] = true
			fresh := srv.Client().Session(text, robot.Signer)
			if who, err := fresh.Caller(ctx); err != nil || who.UserID != id {
				t.Errorf("the new token: %+v, %v", who, err)
			}
			robot = fresh
		}
		if len(texts) != 4 {
			t.Errorf("%d different tokens, want 4", len(texts))
		}
		if _, err := robot.CreatePermission(ctx, api.CreatePermissionRequest{Name: "y", Operations: []string{"Wallets:Read"}}); err != nil {
			t.Errorf("the key and permissions: %v", err)
		}
		payload := `{"name":"x","operations":["Wallets:Read"]}`
		_, err = srv.Client().ConsumeAction(ctx, api.ConsumeActionRequest{UserAction: unused, Method: http.MethodPost, Path: "/auth/permissions", Payload: &payload})
		world.Refused(t, "what was signed under the former token", err, http.StatusForbidden, "user_action_invalid")
		for name, at := range map[string][2]string{"another organisation": {other.ID, id}, "nobody": {org.ID, "us-none"}} {
			if _, err := reissue(at[0], at[1]); api.CodeOf(err) != "service_account_not_found" {
				t.Errorf("%s: %v", name, err)
			}
		}
		srv.Clock.Advance(31 * 24 * time.Hour)
		if _, err := robot.Caller(ctx); err == nil {
			t.Error("the new token outlives its days")
		}
		if _, err := reissue(org.ID, id); err != nil {
			t.Errorf("an expired token: %v", err)
		}
		_, err = store.Do(ctx, srv.DB, func(tx *store.Tx) (api.ServiceAccount, error) {
			return srv.ServiceAccounts.Archive(ctx, tx, api.Caller{OrgID: org.ID}, api.ArchiveServiceAccountRequest{ServiceAccountID: id})
		})
		must(t, err)
		if _, err := reissue(org.ID, id); api.CodeOf(err) != "service_account_not_found" {
			t.Errorf("an archived one: %v", err)
		}
	})
}
