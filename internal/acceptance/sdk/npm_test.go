package sdk_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// installed remembers which lock file node_modules was made from.
const installed = "node_modules/.countersign-installed"

var (
	installOnce sync.Once
	installErr  error
)

// install brings in the SDKs at the versions of package-lock.json, whose hashes npm
// checks. It does nothing when they are there already.
func install(t *testing.T) {
	t.Helper()
	installOnce.Do(func() { installErr = npmInstall() })
	if installErr != nil {
		t.Fatal(installErr)
	}
}

func npmInstall() error {
	fingerprint, err := fingerprint()
	if err != nil {
		return err
	}
	if have, err := os.ReadFile(installed); err == nil && string(have) == fingerprint {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	// The packages run no scripts of their own; esbuild's would only speed its start up.
	out, err := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts").CombinedOutput()
	if err != nil {
		return errors.New("the SDKs could not be installed (`make test` brings node and npm): npm ci: " + err.Error() + "\n" + string(out))
	}
	return os.WriteFile(installed, []byte(fingerprint), 0o644)
}

// fingerprint hashes all that decides what is installed. It reads the scripts as well,
// so that Go does not take a test for unchanged when only a script has changed.
func fingerprint() (string, error) {
	files := []string{".npmrc", "package.json", "package-lock.json"}
	versions, err := filepath.Glob("v*/package.json")
	if err != nil {
		return "", err
	}
	scripts, err := filepath.Glob("*.mjs")
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	for _, name := range slices.Concat(files, versions, scripts) {
		content, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		if !slices.Contains(scripts, name) {
			hash.Write(content)
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// node runs a script of this folder with the given environment added, and returns what
// it printed.
func node(t *testing.T, script string, env map[string]string) []byte {
	t.Helper()
	install(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", script)
	cmd.Env = os.Environ()
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %s (`make test` brings node): %v\n%s", script, err, problems.String())
	}
	return out
}

// outcome is what the SDK returned, or the error that it threw.
type outcome struct {
	Result       json.RawMessage
	CredentialID string
	Error        *struct {
		Name       string
		Message    string
		HTTPStatus int
		Body       json.RawMessage
	}
}

// reason is the stable code of the refusal that the SDK threw.
func (o outcome) reason() string {
	if o.Error == nil {
		return ""
	}
	var body struct {
		Code  string // of the inner object: 0.1 hands only that on
		Error struct{ Code string }
	}
	if err := json.Unmarshal(o.Error.Body, &body); err != nil {
		return ""
	}
	return body.Error.Code + body.Code
}

func decodeOutcome(t *testing.T, text []byte) outcome {
	t.Helper()
	var o outcome
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatalf("the script printed %q: %v", text, err)
	}
	if (o.Error == nil) == (o.Result == nil) {
		t.Fatalf("the script printed %s: want either a result or an error", text)
	}
	return o
}

// TestVersionsAreThePublishedOnes keeps the folders' names honest.
func TestVersionsAreThePublishedOnes(t *testing.T) {
	t.Parallel()
	install(t)
	for name, want := range map[string]string{
		"v0.1/node_modules/@dfns/sdk":             "0.1.2",
		"v0.2/node_modules/@dfns/sdk":             "0.2.5",
		"v0.2/node_modules/@dfns/sdk-webauthn":    "0.2.5",
		"v0.3/node_modules/@dfns/sdk":             "0.3.3",
		"v0.4/node_modules/@dfns/sdk":             "0.4.3",
		"v0.4/node_modules/@dfns/sdk-browser":     "0.4.3",
		"v0.5/node_modules/@dfns/sdk":             "0.5.8",
		"v0.5/node_modules/@dfns/sdk-browser":     "0.5.8",
		"v0.6/node_modules/@dfns/sdk":             "0.6.12",
		"v0.6/node_modules/@dfns/sdk-browser":     "0.6.12",
		"v0.7/node_modules/@dfns/sdk":             "0.7.18",
		"v0.8.3/node_modules/@dfns/sdk":           "0.8.3",
		"v0.8.3/node_modules/@dfns/sdk-keysigner": "0.8.3",
		"v0.8/node_modules/@dfns/sdk":             "0.8.21",
	} {
		text, err := os.ReadFile(filepath.Join(name, "package.json"))
		if err != nil {
			t.Error(err)
			continue
		}
		var manifest struct{ Version string }
		if err := json.Unmarshal(text, &manifest); err != nil || manifest.Version != want {
			t.Errorf("%s is %q (%v), want %s", name, manifest.Version, err, want)
		}
	}
}
