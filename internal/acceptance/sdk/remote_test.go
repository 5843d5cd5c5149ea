package sdk_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/chromium"
)

// program is a running program with one version of the SDK in it, in Node or in a page:
// remote.mjs. It does what it is told, one call after another.
type program func(t *testing.T, request []byte) []byte

// startNode runs node.mjs until the test ends.
func startNode(t *testing.T, sdk string) program {
	t.Helper()
	install(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	cmd := exec.CommandContext(ctx, "node", "node.mjs")
	cmd.Env = append(os.Environ(), "SDK="+sdk, "KEYSIGNER="+keysignerOf(sdk))
	var problems strings.Builder
	cmd.Stderr = &problems
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("node (`make test` brings it): %v", err)
	}
	answers := bufio.NewReader(out)
	t.Cleanup(func() {
		defer cancel()
		in.Close()
		rest, _ := io.ReadAll(answers)
		if err := cmd.Wait(); err != nil || len(rest) > 0 {
			t.Errorf("node.mjs ended with %v, and %q that nobody asked for\n%s", err, rest, problems.String())
		}
	})
	return func(t *testing.T, request []byte) []byte {
		t.Helper()
		if _, err := in.Write(append(request, '\n')); err != nil {
			t.Fatalf("node.mjs does not listen: %v\n%s", err, problems.String())
		}
		line, err := answers.ReadBytes('\n')
		if err != nil {
			t.Fatalf("node.mjs did not answer %s: %v\n%s", request, err, problems.String())
		}
		return line
	}
}

// inPage is a program in the page that the tab shows. It ends with the page.
func inPage(tab *chromium.Tab) program {
	return func(t *testing.T, request []byte) []byte {
		t.Helper()
		var text json.RawMessage
		tab.Eval("remote("+string(request)+")", &text)
		return text
	}
}

// sdkUser is a person or machine with a signer of their own inside a program.
type sdkUser struct {
	program
	name    string
	options map[string]any // of the SDK's clients
}

// newUser makes a user who talks to the server at url.
func newUser(p program, name, url string) *sdkUser {
	return &sdkUser{program: p, name: name, options: map[string]any{"baseUrl": url, "appId": appID}}
}

// with returns the same user, whose clients have one more option.
func (u *sdkUser) with(option string, value any) *sdkUser {
	more := map[string]any{option: value}
	for name, value := range u.options {
		if name != option {
			more[name] = value
		}
	}
	return &sdkUser{program: u.program, name: u.name, options: more}
}

// call has the SDK do something, named as in remote.mjs.
func (u *sdkUser) call(t *testing.T, name string, args ...any) outcome {
	t.Helper()
	return u.ask(t, name, false, args)
}

// delegated has the client of an application do it that serves this user and does not
// have their signer.
func (u *sdkUser) delegated(t *testing.T, name string, args ...any) outcome {
	t.Helper()
	return u.ask(t, name, true, args)
}

func (u *sdkUser) ask(t *testing.T, name string, delegated bool, args []any) outcome {
	t.Helper()
	if args == nil {
		args = []any{}
	}
	request, err := json.Marshal(map[string]any{"user": u.name, "call": name, "args": args, "options": u.options, "delegated": delegated})
	if err != nil {
		t.Fatal(err)
	}
	return decodeOutcome(t, u.program(t, request))
}

// into fails t if the SDK threw, and decodes what it returned into out, which may be nil.
func (o outcome) into(t *testing.T, out any) {
	t.Helper()
	if o.Error != nil {
		t.Fatalf("the SDK threw %+v %s", *o.Error, o.Error.Body)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(o.Result, out); err != nil {
		t.Fatalf("the SDK returned %s: %v", o.Result, err)
	}
}

// makeSigner gives the user a signer that remote.mjs's program knows.
func (u *sdkUser) makeSigner(t *testing.T, kind string, options map[string]any) {
	t.Helper()
	u.call(t, "signer.make", kind, options).into(t, nil)
}

// register registers the invited user with the user's signer.
func (u *sdkUser) register(t *testing.T, inv countersigntest.Invitation) {
	t.Helper()
	u.call(t, "authenticator.register", map[string]string{
		"orgId": inv.OrgID, "username": inv.Username, "registrationCode": inv.RegistrationCode}).into(t, nil)
}

// logIn logs in with DfnsAuthenticator and returns the user with the session's token.
func (u *sdkUser) logIn(t *testing.T, request map[string]string) *sdkUser {
	t.Helper()
	var result struct{ Token string }
	u.call(t, "authenticator.login", request).into(t, &result)
	if result.Token == "" {
		t.Fatal("the login brought no token")
	}
	return u.with("authToken", result.Token)
}

// token is the bearer token that the user's clients send.
func (u *sdkUser) token() string {
	token, _ := u.options["authToken"].(string)
	return token
}

// named names a user for a login.
func named(orgID, username string) map[string]string {
	return map[string]string{"orgId": orgID, "username": username}
}

// body wraps the body of a generated call.
func body(v any) map[string]any { return map[string]any{"body": v} }
