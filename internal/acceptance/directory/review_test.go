package directory_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/guard"
	"github.com/countersign/countersign/internal/service/refusal"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// halting sends a request all but its body. The answer comes once the rest is sent.
func (n *tenant) halting(t *testing.T, method, path, token, action, body string) (rest func() answer) {
	t.Helper()
	u, err := url.Parse(n.URL)
	must(t, err)
	c, err := net.Dial("tcp", u.Host)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n", method, path, u.Host, token, len(body))
	if action != "" {
		fmt.Fprintf(c, "%s: %s\r\n", api.HeaderUserAction, action)
	}
	fmt.Fprint(c, "\r\n")
	from := bufio.NewReader(c)
	res, err := http.ReadResponse(from, nil)
	if err != nil || res.StatusCode != http.StatusContinue {
		t.Fatalf("%v, %v, want 100", res, err)
	}
	return func() answer {
		t.Helper()
		io.WriteString(c, body)
		res, err := http.ReadResponse(from, nil)
		must(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		must(t, err)
		var e api.ErrorBody
		if res.StatusCode >= 400 {
			must(t, json.Unmarshal(text, &e))
		}
		return answer{res.StatusCode, e.Error.Code, string(text)}
	}
}

// Who sends slowly keeps no right that was withdrawn meanwhile: it is judged once the
// request is whole.
func TestReviewWithdrawalWhileARequestComes(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		clerk := n.hire(t, "clerk@example.org")
		target := n.hire(t, "target@example.com")
		a := n.allow(t, clerk.id, "Auth:Users:Deactivate", "Auth:Users:Read")
		path := "/auth/users/" + target.id + "/deactivate"
		action, err := clerk.SignFor(ctx, "PUT", path, []byte("{}"))
		must(t, err)
		changes := n.halting(t, "PUT", path, clerk.Token, action, "{}")
		reads := n.halting(t, "GET", "/auth/users", clerk.Token, "", "{}")
		must(t, n.admin.Revoke(ctx, a.PermissionID, a.ID))
		changes().wants(t, "a change", 403, "permission_denied")
		reads().wants(t, "a read", 403, "permission_denied")
		if !n.lives(t, target.Session) {
			t.Error("the user is deactivated")
		}

		reads = n.halting(t, "GET", "/auth/pats", clerk.Token, "", "{}")
		_, err = n.admin.DeactivateUser(ctx, clerk.id)
		must(t, err)
		reads().wants(t, "who is deactivated", 401, "user_inactive")
	})
}

// A machine that is withdrawn takes the sessions along that it opened: whoever had its key may
// have opened any of them. The user's own stay.
func TestReviewSessionsThatAMachineOpened(t *testing.T) {
	each(t, func(t *testing.T, srv *countersigntest.Server) {
		d, ctx := newDelegation(t, srv), t.Context()
		kid := d.endUser(t, "kid")
		_, other := d.newMachine(t, "other", "Auth:Login:Delegated")
		var theirs api.LoginResult
		must(t, other.DoSigned(ctx, http.MethodPost, delegatedLogin, api.DelegatedLoginRequest{Username: "kid"}, &theirs))
		own := kid.LogIn(t)
		for _, withdraw := range []func() error{
			func() error { _, err := d.admin.DeactivateServiceAccount(ctx, d.machineID); return err },
			func() error { return d.Users.SetActive(ctx, d.org.ID, d.machineID, false) },
			func() error {
				defer d.Users.SetCredentialActive(ctx, d.org.ID, api.FirstCredentialID(d.machineID), true)
				return d.Users.SetCredentialActive(ctx, d.org.ID, api.FirstCredentialID(d.machineID), false)
			},
			func() error { _, err := d.admin.ArchiveServiceAccount(ctx, d.machineID); return err },
		} {
			opened, err := d.logIn("kid")
			must(t, err)
			_, err = d.client.Session(opened, nil).ListTokens(ctx)
			must(t, err)
			must(t, withdraw())
			_, err = d.client.Session(opened, nil).ListTokens(ctx)
			wantRefusal(t, "a session of a withdrawn machine", err, 401, "token_invalid")
			if _, err = d.admin.ActivateServiceAccount(ctx, d.machineID); err == nil {
				_, err = d.client.Session(opened, nil).ListTokens(ctx)
				wantRefusal(t, "a session of a machine that was put back", err, 401, "token_invalid")
			}
			for _, token := range []string{own, theirs.Token} {
				_, err = d.client.Session(token, nil).ListTokens(ctx)
				must(t, err)
			}
		}
	})
}

// Refusals of who is known stay for good. So nobody fills the disk with their own, nor makes
// those of others go unrecorded.
func TestReviewRefusalsOfOneCaller(t *testing.T) {
	ctx, now := t.Context(), time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	db, err := store.Open(ctx, database.SQLite(t), store.Options{})
	must(t, err)
	defer db.Close()
	room := &refusal.Service{DB: db, Now: func() time.Time { return now }}
	kept := func(caller string, n int) (count int) {
		for range n {
			id := api.NewID(api.PrefixRefusal, now)
			must(t, room.Keep(ctx, store.Refusal{ID: id, At: now, Code: "x", CallerID: caller}))
			if _, err := room.Show(ctx, id); err == nil {
				count++
			}
		}
		return count
	}
	if n := kept("us-mallory", 1200); n != 1000 {
		t.Errorf("of 1,200 refusals of one caller %d are kept, want 1,000", n)
	}
	if n := kept("us-ada", 3); n != 3 {
		t.Errorf("meanwhile %d of 3 of another are kept", n)
	}
	now = now.Add(10 * time.Second)
	if n := kept("us-mallory", 20); n != 10 {
		t.Errorf("ten seconds later %d are kept, want 10", n)
	}
}

// However many codes somebody had, the one that is live is withdrawn.
func TestReviewWithdrawalOfTheLatestOfManyCodes(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		guest, now := n.Invite(t, n.org.ID, "guest@example.org"), n.Clock.Now()
		must(t, n.DB.Write(t.Context(), func(tx *store.Tx) error {
			for range store.MaxPage {
				tx.IssueCode(store.Code{ID: api.NewID(api.PrefixCode, now), OrgID: n.org.ID, UserID: guest.UserID, CreatedAt: now, ExpiresAt: now.Add(time.Hour)})
			}
			return nil
		}))
		n.opened(t, n.renewed(t, n.admin, guest), 200)
		n.signedSend(t, n.admin, true, "DELETE", people+"/"+guest.UserID+"/code", "").wants(t, "the live code", 200, "")
		if s := n.shown(t, guest.Username).State; s != store.StateRevoked {
			t.Errorf("the code is %s", s)
		}
		n.signedSend(t, n.admin, true, "DELETE", people+"/"+guest.UserID+"/code", "").wants(t, "once more", 409, "registration_code_not_live")
	})
}

// The widths of letters that some spreadsheets take for the narrow ones begin no formula either.
func TestReviewWideFormulasInTheCSV(t *testing.T) {
	a := newArchive(t, countersigntest.Start(t), "Engines")
	ids := map[string]string{}
	for _, name := range []string{"＝1+1", "＋1", "－1", "＠SUM(A1)"} {
		p, _ := a.colleague(t, name)
		ids[p.UserID] = name
	}
	found := 0
	for _, row := range a.logs(t) {
		if name, ours := ids[row[2]]; ours {
			found++
			if row[3] != "'"+name || row[6][0] != '\'' {
				t.Errorf("%q stands as %q and in %q", name, row[3], row[6])
			}
		}
	}
	if found != 2*len(ids) {
		t.Errorf("%d rows", found)
	}
}

// Who stands behind a reverse proxy is told when a program signed in somebody's name, as who
// asks by themselves is.
func TestReviewProgramsBehindAProxy(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		g, err := guard.New(guard.Config{Server: n.URL})
		must(t, err)
		ada := n.hire(t, "ada@example.org", "Auth:Pats:Create")
		tokenID, program := n.PersonalToken(t, ada.Session, "program", "")
		for want, by := range map[string]*client.Session{tokenID: program, "": ada.Session} {
			action, err := by.SignFor(t.Context(), "POST", "/transfers", []byte("{}"))
			must(t, err)
			r, err := http.NewRequest("GET", n.URL+"/countersign/forward-auth?body=upstream", http.NoBody)
			must(t, err)
			r.Header = http.Header{"X-Original-Method": {"POST"}, "X-Original-Uri": {"/transfers"}, api.HeaderUserAction: {action}}
			res, err := n.HTTP().Do(r)
			must(t, err)
			res.Body.Close()
			passed := httptest.NewRequest("POST", "/transfers", strings.NewReader("{}"))
			for name, values := range res.Header {
				if strings.HasPrefix(name, "Countersign-") {
					passed.Header[name] = values
				}
			}
			var got guard.Action
			w := httptest.NewRecorder()
			g.RequireBehindProxy(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, _ = guard.From(r.Context()) })).ServeHTTP(w, passed)
			if w.Code != 200 || got.UserID != ada.id || got.TokenID != want {
				t.Errorf("%d, the service is told %+v, want the token %q", w.Code, got, want)
			}
		}
	})
}

// A permission that is archived comes back to who has it. So nobody gets hold of a user who
// has one that they could not give.
func TestReviewStandingInWhileAPermissionIsArchived(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		clerk := n.hire(t, "clerk@example.org", "Auth:Users:Create")
		_, machine := n.Machine(t, n.org.ID, "registrar", n.Permission(t, n.org.ID, "registrar", "Auth:Register:Delegated"))
		guest := n.Invite(t, n.org.ID, "guest@example.org")
		var begun api.RegistrationChallenge
		must(t, machine.DoSigned(ctx, "POST", delegatedPath, endUserNamed("kid"), &begun))
		for _, id := range []string{guest.UserID, begun.User.ID} {
			a := n.allow(t, id, wanted)
			_, err := n.admin.ArchivePermission(ctx, a.PermissionID, true)
			must(t, err)
		}
		n.signedSend(t, clerk.Session, true, "POST", people+"/"+guest.UserID+"/code", "").wants(t, "a code", 403, "permission_denied")
		err := machine.DoSigned(ctx, "POST", delegatedPath, endUserNamed("kid"), &begun)
		refused(t, "a challenge", err, 403, "permission_denied")
		n.renewed(t, n.admin, guest)
	})
}
