package acceptance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/contract"
	"github.com/countersign/countersign/internal/testing/database"
)

// installation is one database, empty at first, with the servers and commands that use it.
type installation struct {
	*testing.T
	database string
	flags    []string // given to every command and server
	records  *records
}

// each runs test on SQLite and on PostgreSQL, each time in a new installation.
func each(t *testing.T, test func(h *installation)) {
	t.Helper()
	database.Each(t, func(t *testing.T, url string) { test(&installation{T: t, database: url}) })
}

// inTurn is each without parallel subtests, see database.InTurn.
func inTurn(t *testing.T, test func(h *installation)) {
	t.Helper()
	database.InTurn(t, func(t *testing.T, url string) { test(&installation{T: t, database: url}) })
}

// command runs a countersign command on the installation's database.
func (h *installation) command(stdin string, args ...string) (stdout, stderr string, status int) {
	h.Helper()
	return command(h, stdin, append(append(args, "--database", h.database), h.flags...)...)
}

// command runs countersign to its end, which must come soon.
func command(t testing.TB, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, countersigntest.Binary(t), args...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = t.TempDir(), strings.NewReader(stdin), &out, &errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	if ctx.Err() != nil || cmd.ProcessState == nil {
		t.Fatalf("countersign %.200s: %v: %s%s", args, err, &out, &errs)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// patience is how long a command may take on a busy machine before it counts as hung.
const patience = 300 * time.Second

// do runs a command that must succeed, and returns what it printed.
func (h *installation) do(args ...string) string {
	h.Helper()
	stdout, stderr, status := h.command("", args...)
	if status != 0 {
		h.Fatalf("countersign %s: status %d: %s", strings.Join(args, " "), status, stderr)
	}
	return stdout
}

// organisation makes one and returns its id.
func (h *installation) organisation() string {
	h.Helper()
	return read[struct{ OrgID string }](h, h.do("org", "create", "--name", "Analytical Engines", "--json")).OrgID
}

// invitation is what user invite --json prints.
type invitation struct {
	OrgID            string    `json:"orgId"`
	UserID           string    `json:"userId"`
	Username         string    `json:"username"`
	RegistrationCode string    `json:"registrationCode"`
	RegistrationURL  string    `json:"registrationUrl"`
	ExpiresAt        time.Time `json:"expiresAt"`
}

func (h *installation) invite(org, name string, flags ...string) invitation {
	h.Helper()
	args := append([]string{"user", "invite", "--org", org, "--username", name, "--json"}, flags...)
	return read[invitation](h, h.do(args...))
}

// inviteMany invites n users in one go; their names begin with prefix.
func (h *installation) inviteMany(org, prefix string, n int) []invitation {
	h.Helper()
	var names strings.Builder
	names.WriteString("username\n")
	for i := range n {
		fmt.Fprintf(&names, "%s%06d\n", prefix, i)
	}
	out, stderr, status := h.command(names.String(), "user", "invite", "--org", org, "--csv", "-", "--format", "csv")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if status != 0 || len(lines) != n {
		h.Fatalf("invited %d of %d, status %d: %s", len(lines), n, status, stderr)
	}
	invited := make([]invitation, n)
	for i, line := range lines {
		f := strings.Split(line, ",")
		invited[i] = invitation{OrgID: f[0], Username: f[1], RegistrationCode: f[2]}
	}
	return invited
}

// state returns how far the only code of a user has come, as code list tells.
func (h *installation) state(inv invitation) string {
	h.Helper()
	var state string
	for _, c := range read[struct {
		Items []struct{ Username, State string }
	}](h, h.do("code", "list", "--org", inv.OrgID, "--json")).Items {
		if c.Username == inv.Username {
			if state != "" {
				h.Fatalf("%s has more than one code", inv.Username)
			}
			state = c.State
		}
	}
	return state
}

// node is one running server of an installation.
type node struct {
	*countersigntest.Process
	installation *installation
	port         string
	args         []string
	origin       string // the public URL, which all nodes of a service share
	http         *http.Client
	client       *client.Client
}

// serve starts a server on the installation's database.
func (h *installation) serve(args ...string) *node {
	h.Helper()
	return h.serveAt(countersigntest.FreePort(h), args...)
}

func (h *installation) serveAt(port string, args ...string) *node {
	h.Helper()
	args = append(append([]string{"--database", h.database}, h.flags...), args...)
	n := &node{installation: h, port: port, args: args, Process: countersigntest.StartBinaryAt(h, port, args...)}
	n.origin = n.URL
	n.http = httpClient(h)
	n.client = &client.Client{BaseURL: n.URL, HTTP: n.http}
	return n
}

// httpClient fails the test over any answer that the contract does not have.
func httpClient(t testing.TB) *http.Client {
	base := &http.Transport{MaxIdleConnsPerHost: 128}
	t.Cleanup(base.CloseIdleConnections)
	return &http.Client{Timeout: 30 * time.Second, Transport: contract.Transport(t, base)}
}

// another starts one more server of the same service on the same database.
func (n *node) another() *node {
	n.installation.Helper()
	m := n.installation.serve("--public-url", n.origin)
	m.origin = n.origin
	return m
}

// restart starts the server again where it was, after it was stopped or killed.
func (n *node) restart() {
	n.installation.Helper()
	n.Process = countersigntest.StartBinaryAt(n.installation, n.port, n.args...)
}

// stop ends the server as an operator would.
func (n *node) stop() {
	n.installation.Helper()
	if status := n.Stop(); status != 0 {
		n.installation.Fatalf("the server stopped with status %d: %s", status, n.Stderr())
	}
}

// attempt is everything that a completing call sends.
type attempt struct {
	token, challenge string
	request          api.RegistrationRequest
}

// init presents the code of an invitation.
func (n *node) init(inv invitation) (api.RegistrationChallenge, error) {
	return n.client.InitRegistration(n.installation.Context(), api.InitRegistrationRequest{
		OrgID: inv.OrgID, Username: inv.Username, RegistrationCode: inv.RegistrationCode})
}

// begin presents the code of an invitation and makes a passkey for the challenge. Of
// the options at most one is given.
func (n *node) begin(inv invitation, options ...authenticator.Options) (attempt, error) {
	challenge, err := n.init(inv)
	if err != nil {
		return attempt{}, err
	}
	return n.answer(challenge, options...)
}

// answer makes a passkey for a challenge, in an authenticator of its own.
func (n *node) answer(challenge api.RegistrationChallenge, options ...authenticator.Options) (attempt, error) {
	var o authenticator.Options
	if len(options) == 1 {
		o = options[0]
	}
	if o.Origin == "" {
		o.Origin = n.origin
	}
	credential, _, err := authenticator.New().Create(challenge, o)
	return attempt{challenge.TemporaryAuthenticationToken, challenge.Challenge,
		api.RegistrationRequest{FirstFactorCredential: &credential}}, err
}

func (n *node) mustBegin(inv invitation, options ...authenticator.Options) attempt {
	n.installation.Helper()
	a, err := n.begin(inv, options...)
	must(n.installation, err)
	return a
}

// complete sends an attempt.
func (n *node) complete(a attempt) (api.RegistrationResult, error) {
	return n.client.Register(n.installation.Context(), a.token, a.request)
}

// register completes a registration that must succeed.
func (n *node) register(inv invitation) api.RegistrationResult {
	n.installation.Helper()
	result, err := n.complete(n.mustBegin(inv))
	must(n.installation, err)
	return result
}

// refusal returns err as the refusal that it must be.
func refusal(t testing.TB, err error) *client.Error {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a refusal", err)
	}
	return e
}

// refused fails t unless err is a refusal with this status and reason.
func refused(t testing.TB, err error, status int, code string) {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Status != status || e.Code != code {
		t.Errorf("got %v, want a refusal %d %s", err, status, code)
	}
}

// invitationOf reads the link of a registration page.
func invitationOf(t testing.TB, link string) invitation {
	t.Helper()
	_, fragment, found := strings.Cut(link, "/register#")
	v, err := url.ParseQuery(fragment)
	if !found || err != nil || v.Get("code") == "" {
		t.Fatalf("%q is not the link of a registration page", link)
	}
	return invitation{OrgID: v.Get("org"), Username: v.Get("username"), RegistrationCode: v.Get("code"), RegistrationURL: link}
}

// together runs do n times at once: all wait until the last is ready.
func together(n int, do func(i int)) {
	ready := make(chan struct{})
	var done sync.WaitGroup
	for i := range n {
		done.Go(func() { <-ready; do(i) })
	}
	close(ready)
	done.Wait()
}

// read decodes the one JSON value that a command printed.
func read[T any](t testing.TB, text string) (v T) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	if d.More() {
		t.Fatalf("more than one JSON value in %q", text)
	}
	return v
}

// eventually waits until is true.
func eventually(t testing.TB, patience time.Duration, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func withCredentialID(id string) authenticator.Options {
	return authenticator.Options{CredentialID: []byte(id)}
}
