package chromium_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/testing/chromium"
)

const blank = `<!doctype html><html lang="en"><title>blank</title><button id="b">press</button>
<script>document.getElementById("b").onclick = async () => {
	const c = await navigator.credentials.create({publicKey: {
		rp: {id: "localhost", name: "test"}, user: {id: new Uint8Array(4), name: "ada", displayName: "Ada"},
		challenge: new Uint8Array(32), pubKeyCredParams: [{type: "public-key", alg: -7}],
		authenticatorSelection: {residentKey: "required", userVerification: "required"}}});
	console.error("made " + c.type);
	window.made = c.id;
}</script>`

func serve(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(blank))
	}))
	t.Cleanup(srv.Close)
	return strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
}

func TestAuthenticatorAnswersAClick(t *testing.T) {
	url := serve(t)
	for _, name := range []string{"first tab", "second tab"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tab := chromium.Open(t)
			key := tab.AddVirtualAuthenticator()
			tab.BeforeLoad("window.early = document.title")
			tab.Open(url)
			tab.Click("#b")
			tab.WaitFor("window.made")
			if n := len(key.Credentials()); n != 1 {
				t.Errorf("the authenticator keeps %d credentials, want 1", n)
			}
			if p := tab.Problems(); len(p) == 0 || !strings.Contains(strings.Join(p, " "), "made public-key") {
				t.Errorf("console error not seen: %q", p)
			}
			var early string
			tab.Eval("Promise.resolve(window.early)", &early)
			if early != "" {
				t.Errorf("BeforeLoad ran after the document was read: title %q", early)
			}
			file := filepath.Join(t.TempDir(), "page.png")
			tab.Viewport(360, 740)
			tab.Media("prefers-color-scheme", "dark")
			tab.Screenshot(file)
			if b, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(b), "\x89PNG") {
				t.Errorf("no PNG written: %v", err)
			}
		})
	}
}
