package directory_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/contract"
	"github.com/countersign/countersign/internal/testing/database"
)

// soon is how long after the answer a revocation may take to hold everywhere.
const soon = time.Second

// service is one organisation served by real processes on one database.
type service struct {
	t        *testing.T
	database string
	http     *http.Client
	nodes    []*client.Client
	org      string
	admin    *client.Session
}

// serve starts so many servers, which have one public URL.
func serve(t *testing.T, url string, servers int) *service {
	t.Helper()
	base := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(base.CloseIdleConnections)
	s := &service{t: t, database: url, http: &http.Client{Timeout: 30 * time.Second, Transport: contract.Transport(t, base)}}
	first := countersigntest.FreePort(t)
	for i := range servers {
		port := first
		if i > 0 {
			port = countersigntest.FreePort(t)
		}
		p := countersigntest.StartBinaryAt(t, port, "--database", url, "--public-url", "http://localhost:"+first)
		s.nodes = append(s.nodes, &client.Client{BaseURL: p.URL, HTTP: s.http})
	}
	s.org = printed[struct{ OrgID string }](s, "org", "create", "--name", "Engines", "--json").OrgID
	s.admin = s.registered("administrator@example.org")
	return s
}

// command runs a command of the operator's, which must succeed.
func (s *service) command(args ...string) string {
	s.t.Helper()
	out, errs, status := countersigntest.Command(s.t, "", append(args, "--database", s.database)...)
	if status != 0 {
		s.t.Fatalf("countersign %v: %s", args, errs)
	}
	return out
}

func printed[T any](s *service, args ...string) (out T) {
	s.t.Helper()
	must(s.t, json.Unmarshal([]byte(s.command(args...)), &out))
	return out
}

// registered invites somebody, who registers and logs in at the first server.
func (s *service) registered(name string) *client.Session {
	s.t.Helper()
	i := printed[struct{ UserID, RegistrationCode string }](s, "user", "invite", "--org", s.org, "--username", name, "--json")
	p := countersigntest.RegisterKeyAt(s.t, s.nodes[0], countersigntest.Invitation{OrgID: s.org, UserID: i.UserID, Username: name,
		RegistrationCode: i.RegistrationCode}, "P-256")
	return s.nodes[0].Session(p.LogIn(s.t), p.Signer())
}

// poll is one request of a watcher.
type poll struct {
	sent   time.Time
	status int
}

// watch asks a server again and again, with hardly a pause, what a token may read. Once it
// wantActive told when the revocation was answered it goes on until it has asked often enough after
// the last moment at which the token may be let in.
func (s *service) watch(at *client.Client, token string, told <-chan time.Time) <-chan []poll {
	const enough = 20
	done := make(chan []poll, 1)
	go func() {
		var polls []poll
		var over time.Time
		for late := 0; late < enough; {
			select {
			case answered := <-told:
				over = answered.Add(soon)
			case <-time.After(time.Millisecond):
			}
			sent := time.Now()
			if !over.IsZero() && !sent.Before(over) {
				late++
			}
			polls = append(polls, poll{sent, s.ask(at, token)})
		}
		done <- polls
	}()
	return done
}

// ask reads something that takes a permission, and returns the status.
func (s *service) ask(at *client.Client, token string) int {
	res, err := s.request(at, "GET", "/auth/users?limit=1", token, "")
	if err != nil {
		return 0
	}
	return res.StatusCode
}

// send makes a signed request without a body.
func (s *service) send(at *client.Client, method, path, token, action string) error {
	res, err := s.request(at, method, path, token, action)
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(res.Status)
	}
	return err
}

func (s *service) request(at *client.Client, method, path, token, action string) (*http.Response, error) {
	r, err := http.NewRequest(method, at.BaseURL+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if action != "" {
		r.Header.Set(api.HeaderUserAction, action)
	}
	res, err := s.http.Do(r)
	if err != nil {
		return nil, err
	}
	return res, res.Body.Close()
}

// deactivates holds that a token which reads at every server is refused by all of them soon
// after a revocation is answered: with that status, and at once where it was made.
func (s *service) revokes(what, token string, status int, do func() error) {
	s.t.Helper()
	last := s.nodes[len(s.nodes)-1]
	for s.ask(last, token) != 200 { // what was given may take as long as what was taken
		if s.t.Context().Err() != nil {
			s.t.Fatal(what)
		}
	}
	told := make(chan time.Time, 1)
	watched := s.watch(last, token, told)
	for range 20 { // it is read, and remembered, before
		if got := s.ask(last, token); got != 200 {
			s.t.Errorf("%s: %d before it is deactivated", what, got)
		}
	}
	must(s.t, do())
	answered := time.Now()
	if got := s.ask(s.nodes[0], token); len(s.nodes) > 1 && got != status {
		s.t.Errorf("%s: %d where it was deactivated", what, got)
	}
	told <- answered
	in, lag := 0, time.Duration(0)
	for _, p := range <-watched {
		since := p.sent.Sub(answered)
		switch {
		case p.status == 200 && since >= soon:
			s.t.Errorf("%s: let in %v after the answer", what, since)
		case p.status == 200:
			in++
			lag = max(lag, since)
		case p.status != status:
			s.t.Errorf("%s: %d, want %d", what, p.status, status)
		}
	}
	if in == 0 {
		s.t.Errorf("%s: it was never let in", what)
	}
	s.t.Logf("%s: let in %d times, last %v after the answer", what, in, lag)
}

// What is taken at one server is refused by the other within a second.
func TestRevocationAcrossServers(t *testing.T) {
	// Not parallel: it is held to a time.
	s := serve(t, database.Postgres(t), 2)
	ctx := t.Context()
	admin := s.admin
	permission := func(name string, operations ...string) api.Permission {
		p, err := admin.CreatePermission(ctx, api.CreatePermissionRequest{Name: name, Operations: operations})
		must(t, err)
		return p
	}
	who := func(name string, p api.Permission) (*client.Session, string, api.Assignment) {
		ada := s.registered(name)
		users, err := admin.ListUsers(ctx, api.ListUsersRequest{Limit: 200})
		must(t, err)
		id := users.Items[len(users.Items)-1].UserID
		a, err := admin.Assign(ctx, p.ID, id)
		must(t, err)
		return ada, id, a
	}
	reads := permission("reads", "Auth:Users:Read", "Auth:Pats:Create")

	ada, _, a := who("ada@example.org", reads)
	s.revokes("an assignment that is revoked", ada.Token, 403, func() error { return admin.Revoke(ctx, reads.ID, a.ID) })

	also := permission("also", "Auth:Users:Read")
	bob, _, _ := who("bob@example.org", also)
	s.revokes("a permission that is changed", bob.Token, 403, func() error {
		_, err := admin.UpdatePermission(ctx, api.UpdatePermissionRequest{PermissionID: also.ID, Operations: []string{"Wallets:Read"}})
		return err
	})
	old := permission("old", "Auth:Users:Read")
	eve, _, _ := who("eve@example.org", old)
	s.revokes("a permission that is archived", eve.Token, 403, func() error { _, err := admin.ArchivePermission(ctx, old.ID, true); return err })

	dan, danID, given := who("dan@example.org", reads)
	key, err := client.GenerateKeySigner(client.P256)
	must(t, err)
	token, err := dan.CreateToken(ctx, api.CreateTokenRequest{Name: "program", PublicKey: key.PublicKeyPEM()})
	must(t, err)
	s.revokes("what the person of a program loses", token.AccessToken, 403, func() error { return admin.Revoke(ctx, reads.ID, given.ID) })
	_, err = admin.Assign(ctx, reads.ID, danID)
	must(t, err)
	s.revokes("a program's token", token.AccessToken, 401, func() error { _, err := dan.DeactivateToken(ctx, token.TokenID); return err })
	_, err = dan.ActivateToken(ctx, token.TokenID)
	must(t, err)
	s.revokes("the person of a program", token.AccessToken, 401, func() error { _, err := admin.DeactivateUser(ctx, danID); return err })
	if got := s.ask(s.nodes[1], dan.Token); got != 401 {
		t.Errorf("the session of who is deactivated: %d", got)
	}

	fay, fayID, _ := who("fay@example.org", reads)
	s.revokes("a user who is archived", fay.Token, 401, func() error { _, err := admin.ArchiveUser(ctx, fayID); return err })
}

// What the operator deactivates at the command line is refused by a running server within a
// second.
func TestRevocationAtTheCommandLine(t *testing.T) {
	// Not parallel: it is held to a time.
	database.InTurn(t, func(t *testing.T, url string) {
		s := serve(t, url, 1)
		ctx := t.Context()
		reads, err := s.admin.CreatePermission(ctx, api.CreatePermissionRequest{Name: "reads", Operations: []string{"Auth:Users:Read"}})
		must(t, err)
		ada := s.registered("ada@example.org")
		users, err := s.admin.ListUsers(ctx, api.ListUsersRequest{})
		must(t, err)
		_, err = s.admin.Assign(ctx, reads.ID, users.Items[len(users.Items)-1].UserID)
		must(t, err)
		s.revokes("a user", ada.Token, 401, func() error {
			s.command("user", "deactivate", "--org", s.org, "--username", "ada@example.org")
			return nil
		})

		key, err := client.GenerateKeySigner(client.P256)
		must(t, err)
		file := filepath.Join(t.TempDir(), "key.pem")
		must(t, os.WriteFile(file, []byte(key.PublicKeyPEM()), 0o600))
		serviceAccount := printed[struct{ UserID, AccessToken string }](s, "service-account", "create", "--org", s.org, "--name", "engine", "--public-key", file, "--json")
		_, err = s.admin.Assign(ctx, reads.ID, serviceAccount.UserID)
		must(t, err)
		s.revokes("a service account", serviceAccount.AccessToken, 401, func() error { s.command("service-account", "deactivate", "--org", s.org, "engine"); return nil })
		s.command("service-account", "activate", "--org", s.org, "engine")
		s.revokes("a service account permanently", serviceAccount.AccessToken, 401, func() error { s.command("service-account", "archive", "--org", s.org, "engine"); return nil })
	})
}
