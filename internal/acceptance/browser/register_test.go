package browser_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/chromium"
)

func TestMain(m *testing.M) { chromium.Main(m) }

func TestRegister(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)

	t.Run("with a synced passkey", func(t *testing.T) {
		g := invite(t, srv)
		g.BeforeLoad(recordCalls)
		g.arrive()
		g.wantText("h1", "Join Analytical Engines")
		g.wantText("#organisation", "Analytical Engines")
		g.wantText("#account", "ada@example.org")
		g.wantText("#expires", "UTC")
		if calls := g.sent("/auth/registration/init"); len(calls) != 1 {
			t.Fatalf("%d challenges were fetched before the click, want 1", len(calls))
		}
		g.Click("#create")
		g.awaitState("done")
		g.wantText("#passkey-name", "Chrome on Linux")
		g.wantText("#passkey-kept", "Synced")
		if n := len(g.key.Credentials()); n != 1 {
			t.Errorf("the authenticator keeps %d passkeys, want 1", n)
		}
		checkKept(t, g)
		checkExtras(t, g)

		var url string
		g.Eval("location.href", &url)
		if url != srv.URL+"/register" {
			t.Errorf("the address bar still shows %q", url)
		}
		g.wantText("#done", "Analytical Engines", "ada@example.org", "Sign in")
		if text := g.Text("#done"); strings.Contains(text, "recovery") {
			t.Errorf("a recovery code is offered, which opens nothing: %q", text)
		}
		g.untroubled()
	})

	t.Run("with a security key", func(t *testing.T) {
		g := invite(t, srv, chromium.SecurityKey)
		g.arrive()
		g.Click("#elsewhere")
		g.awaitState("done")
		g.wantText("#passkey-name", "Security key")
		g.wantText("#passkey-kept", "On one device only")
		g.wantText("#passkey-why", "cannot be copied")
		if kept := g.credentials(); len(kept) != 1 || strings.Join(kept[0].Transports, " ") != "usb" || kept[0].BackupEligible {
			t.Errorf("kept %+v, want one device-bound credential reached by USB", kept)
		}
		g.untroubled()
	})
}

func checkKept(t *testing.T, g *user) {
	t.Helper()
	kept := g.credentials()
	if len(kept) != 1 {
		t.Fatalf("the server keeps %d credentials, want 1", len(kept))
	}
	c := kept[0]
	if c.Kind != api.KindFido2 || c.Factor != store.FactorFirst || c.Name != "Chrome on Linux" || !c.UserVerified || !c.BackupState {
		t.Errorf("kept kind %s, factor %s, name %q, verified %v, backed up %v", c.Kind, c.Factor, c.Name, c.UserVerified, c.BackupState)
	}
	if strings.Join(c.Transports, " ") != "internal" {
		t.Errorf("kept transports %q, want internal", c.Transports)
	}
	if !strings.Contains(string(c.ClientExtensions), "credProps") {
		t.Errorf("kept client extension results %s, want credProps", c.ClientExtensions)
	}
}

// checkExtras looks at what the page really sent beside the wire's own members.
func checkExtras(t *testing.T, g *user) {
	t.Helper()
	calls := g.sent("/auth/registration")
	if len(calls) != 1 {
		t.Fatalf("%d completing calls were sent, want 1", len(calls))
	}
	factor := calls[0]["firstFactorCredential"].(map[string]any)
	if transports, ok := factor["transports"].([]any); !ok || len(transports) != 1 || transports[0] != "internal" {
		t.Errorf("sent transports %v, want internal", factor["transports"])
	}
	results, _ := factor["clientExtensionResults"].(map[string]any)
	if props, _ := results["credProps"].(map[string]any); props["rk"] != true {
		t.Errorf("sent extension results %v, want credProps with rk", factor["clientExtensionResults"])
	}
}

func TestRecoveryKey(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t, countersigntest.Mail()))
	g.BeforeLoad(recordCalls)
	g.register()
	g.Click("#make-recovery")
	groups := g.shownCode()
	code := strings.Join(groups, "")
	if len(code) != 26 || strings.Trim(code, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != "" {
		t.Fatalf("the code %q is not 26 characters that people can type", code)
	}
	if body := g.sent("/countersign/registration/recovery"); len(body) != 1 || strings.Contains(quoteAll(t, g), code) {
		t.Errorf("%d recovery keys were sent, want 1, and never the code", len(body))
	}
	checkRecoverable(t, g, code)

	// Whoever says that it is saved types its end, which the page hides meanwhile.
	g.Click("#saved")
	if text := g.Text("#code"); text != "" {
		t.Errorf("the code is still shown: %q", text)
	}
	for typed, words := range map[string]string{"": "Type the last six", code[:6]: "not how the code ends", code[23:]: "not how the code ends"} {
		g.Eval(`document.querySelector("#last-part").value = `+quote(typed), nil)
		g.Click("#finish")
		g.wantText("#last-part-error", words)
		g.wantFocus("last-part")
	}
	g.Click("#show-again")
	g.wantText("#code", groups[0])
	g.keepCode()
	g.wantText("#summary", "recovery key")
	var page string
	g.Eval("document.documentElement.outerHTML", &page)
	for _, group := range groups[:6] {
		if strings.Contains(page, group) {
			t.Errorf("the code's group %s is still in the page", group)
		}
	}
	g.untroubled()
}

func quoteAll(t *testing.T, g *user) string {
	t.Helper()
	var all string
	g.Eval(`JSON.stringify(window.sent).replaceAll("-", "").toUpperCase()`, &all)
	return all
}

// checkRecoverable opens the envelope that the server keeps with the code that the page
// showed, as a recovery page will have to.
func checkRecoverable(t *testing.T, g *user, code string) {
	t.Helper()
	kept := g.credentials()
	if len(kept) != 2 {
		t.Fatalf("the server keeps %d credentials, want passkey and recovery key", len(kept))
	}
	key := kept[0]
	if key.Factor != store.FactorRecovery {
		key = kept[1]
	}
	if key.Kind != api.KindRecoveryKey || key.Factor != store.FactorRecovery {
		t.Fatalf("kept a %s as %s, want a recovery key", key.Kind, key.Factor)
	}
	parts := strings.Split(key.EncryptedPrivateKey, ".")
	if len(parts) != 4 || parts[0] != "csr1" {
		t.Fatalf("the envelope has %d parts and version %q", len(parts), parts[0])
	}
	var raw [3][]byte
	for i, part := range parts[1:] {
		b, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		raw[i] = b
	}
	wrapping, err := hkdf.Key(sha256.New, []byte(code), raw[0], "countersign recovery key v1", 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(wrapping)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	bound := "csr1." + base64.RawURLEncoding.EncodeToString(key.CredentialID)
	der, err := gcm.Open(nil, raw[1], raw[2], []byte(bound))
	if err != nil {
		t.Fatalf("the code does not open the envelope: %v", err)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(&private.(*ecdsa.PrivateKey).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if string(spki) != string(key.PublicKey) {
		t.Error("the envelope holds another key than the one registered")
	}
}

// A mail scanner may fetch the link as often as it likes.
func TestFetchingTheLinkChangesNothing(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t))
	fragment := g.inv.RegistrationURL[strings.Index(g.inv.RegistrationURL, "#"):]
	for i := range 50 {
		method := []string{http.MethodGet, http.MethodHead}[i%2]
		// Some scanners percent-encode the fragment into the path or the query.
		for _, url := range []string{g.inv.RegistrationURL, g.srv.URL + "/register?" + fragment[1:]} {
			request, err := http.NewRequest(method, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := g.srv.HTTP().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				t.Fatalf("%s: %d", method, answer.StatusCode)
			}
		}
	}
	code, err := g.srv.DB.Code(t.Context(), g.inv.CodeID)
	if err != nil {
		t.Fatal(err)
	}
	if !code.OpenedAt.IsZero() || !code.AttemptedAt.IsZero() || !code.SpentAt.IsZero() {
		t.Errorf("fetching the link left a trace: %+v", code)
	}
	g.register()
}

// Until the passkey is stored a reload must work; afterwards it shows what was registered, and
// nothing may be left of the code.
func TestReload(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t))
	g.arrive()
	g.Do(reload)
	g.awaitState("ready")
	g.Click("#create")
	g.awaitState("done")
	shown := g.Text("#done")
	for range 3 {
		g.Do(reload)
		g.awaitState("done")
		g.wantText("h1", "Your passkey is ready")
		if again := g.Text("#done"); again != shown {
			t.Errorf("after a reload the page shows %q, before %q", again, shown)
		}
	}
	g.wantFocus("title")
	var held string
	g.Eval(`JSON.stringify([location.href, document.documentElement.outerHTML, {...localStorage}, {...sessionStorage}, history.state])`, &held)
	if strings.Contains(held, g.inv.RegistrationCode) {
		t.Error("the code is still in the page, its address or its storage")
	}
	g.Click("#anew") // somebody else on the same device
	g.awaitState("form")
	g.wantFocus("orgId")
	g.Do(reload)
	g.awaitState("form")
	other := g.srv.Invite(t, g.inv.OrgID, "grace@example.org")
	g.inv = other
	g.arrive() // a link in the tab where somebody has registered
	g.wantText("#account", "grace@example.org")
	g.untroubled()
}
