package sdk_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/testing/chromium"
	"github.com/countersign/countersign/internal/testing/world"
)

// documents are those that people copy from.
const documents = "../../../README.md ../../../SECURITY.md ../../../docs/*.md"

var tsFence = regexp.MustCompile("(?ms)^```(?:ts|typescript|js|javascript)\n(.*?)^```$")

// snippets are the modules in TypeScript of all documents, in files of their own.
type snippets struct {
	folder string
	all    map[string]string // text by file
}

// readSnippets writes each snippet as it stands, but for the names of server and relying party.
func readSnippets(t *testing.T, server string) snippets {
	t.Helper()
	s := snippets{t.TempDir(), map[string]string{}}
	for pattern := range strings.SplitSeq(documents, " ") {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i, fence := range tsFence.FindAllStringSubmatch(string(text), -1) {
				name := strings.TrimSuffix(filepath.Base(file), ".md") + "-" + strconv.Itoa(i+1) + ".ts"
				module := strings.ReplaceAll(strings.ReplaceAll(fence[1], "https://sign.example.org", server), "sign.example.org", "localhost")
				s.all[filepath.Join(s.folder, name)] = module
				world.Must(t, os.WriteFile(filepath.Join(s.folder, name), []byte(module), 0o600))
			}
		}
	}
	return s
}

// with returns the file of the snippet that has such text.
func (s snippets) with(t *testing.T, text string) string {
	t.Helper()
	for file, module := range s.all {
		if strings.Contains(module, text) {
			return file
		}
	}
	t.Fatalf("no document has a snippet with %q", text)
	return ""
}

// typeCheck compiles every snippet against the types of the published packages.
func (s snippets) typeCheck(t *testing.T) {
	t.Helper()
	here, err := filepath.Abs(".")
	world.Must(t, err)
	dfns := func(version, name string) []string {
		return []string{filepath.Join(here, version, "node_modules/@dfns", name)}
	}
	config := map[string]any{"include": []string{"*.ts"}, "compilerOptions": map[string]any{
		"strict": true, "noEmit": true, "noUnusedLocals": true, "target": "es2022", "module": "esnext", "moduleResolution": "bundler",
		"types": []string{}, "lib": []string{"es2022", "dom"},
		"paths": map[string][]string{"@dfns/sdk": dfns("v0.8", "sdk"), "@dfns/sdk-browser": dfns("v0.6", "sdk-browser"),
			"@dfns/sdk-keysigner": dfns("v0.8.3", "sdk-keysigner")}}}
	world.Must(t, os.WriteFile(filepath.Join(s.folder, "tsconfig.json"), []byte(world.JSON(t, config)), 0o600))
	out, err := exec.CommandContext(t.Context(), "node", "node_modules/typescript/bin/tsc", "-p", s.folder).CombinedOutput()
	if err != nil {
		t.Fatalf("a snippet of the documents does not compile: %v\n%s", err, out)
	}
}

func (s snippets) bundle(t *testing.T, file, platform string) string {
	t.Helper()
	return string(node(t, "snippet.mjs", map[string]string{"SNIPPET": file, "PLATFORM": platform}))
}

// call is a call of an exported function of a snippet.
type call struct {
	Name      string   `json:"name"`
	Arguments []string `json:"arguments"`
}

// calls runs snippets under Node and returns what the last call returned.
func (s snippets) calls(t *testing.T, files []string, calls ...call) (result json.RawMessage) {
	t.Helper()
	var modules []string
	for _, file := range files {
		module := strings.TrimSuffix(file, ".ts") + ".cjs"
		world.Must(t, os.WriteFile(module, []byte(s.bundle(t, file, "node")), 0o600))
		modules = append(modules, module)
	}
	return node(t, "calls.mjs", map[string]string{"MODULES": world.JSON(t, modules), "CALLS": world.JSON(t, calls)})
}

// The TypeScript of README and documents compiles as it stands and does what it says.
func TestTypeScriptOfTheDocuments(t *testing.T) {
	t.Parallel()
	install(t)
	h := start(t)
	s := readSnippets(t, h.proxy)
	if len(s.all) < 5 {
		t.Fatalf("%d snippets were found", len(s.all))
	}
	s.typeCheck(t)

	connect, delegate := s.with(t, "function connect("), s.with(t, "function beginRegistration(")
	complete := s.with(t, "function completeRegistration(")
	registering, inviting := s.with(t, "function register("), s.with(t, "new DfnsAuthenticator({ baseUrl, signer }).login(")
	if len(s.all) != 5 {
		t.Errorf("%d snippets, of which 5 are run: have the others run too", len(s.all))
	}

	// A page registers, logs in and signs.
	open := func(file string) (string, *chromium.Tab) {
		origin := site(t, s.bundle(t, file, "browser"))
		tab := chromium.Open(t)
		tab.AddVirtualAuthenticator()
		return origin, tab
	}
	origin, tab := open(registering)
	org := h.OrganisationWith(t, organisation.New{Name: "Analytical Engines", RPID: "localhost", Origins: []string{origin}})
	inv := h.Invite(t, org.ID, "ada@example.org")
	tab.Open(origin)
	tab.Eval("snippet.register("+args(t, org.ID, inv.Username, inv.RegistrationCode)+").then(() => 0)", nil)
	tab.Eval("var snippet; "+s.bundle(t, inviting, "browser")+"; globalThis.snippet = snippet; 0", nil)
	var user api.User
	tab.Eval("snippet.invite("+args(t, org.ID, inv.Username, "grace@example.org")+")", &user)
	if user.Username != "grace@example.org" {
		t.Errorf("invited %+v", user)
	}

	// A service account lists, invites, and registers an end user, who completes in a page.
	_, machine := h.ServiceAccount(t, org.ID, "deployer", api.AdministratorPermissionID(org.ID))
	signer := machine.Signer.(*client.KeySigner)
	account := call{"connect", []string{org.ID, machine.Token, signer.CredentialID(), string(signer.PrivateKeyPEM())}}
	var names []string
	world.Must(t, json.Unmarshal(s.calls(t, []string{connect}, account, call{"invite", []string{"$0", "alan@example.org"}}, call{"names", []string{"$0"}}), &names))
	if joined := strings.Join(names, " "); !strings.Contains(joined, "ada@example.org") || !strings.Contains(joined, "alan@example.org") {
		t.Errorf("listed %q", names)
	}
	challenge := s.calls(t, []string{connect, delegate}, account, call{"beginRegistration", []string{"$0", "customer-1"}})
	origin, tab = open(complete)
	_, err := h.Organisations.Set(t.Context(), org.ID, organisation.Settings{AddOrigins: []string{origin}})
	world.Must(t, err)
	tab.Open(origin)
	var token string
	tab.Eval("snippet.completeRegistration("+string(challenge)+")", &token)
	var session string
	world.Must(t, json.Unmarshal(s.calls(t, []string{connect, delegate}, account, call{"openSession", []string{"$0", "customer-1"}}), &session))
	for what, token := range map[string]string{"the registration's": token, "the delegated login's": session} {
		who, err := h.Client().Session(token, nil).Caller(t.Context())
		if err != nil || who.Username != "customer-1" || who.Kind != api.CallerEndUser {
			t.Errorf("%s session is of %+v, %v", what, who, err)
		}
	}
}

func args(t *testing.T, values ...string) string {
	t.Helper()
	text := world.JSON(t, values)
	return text[1 : len(text)-1]
}
