package chromium_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/testing/chromium"
)

func TestMain(m *testing.M) { chromium.Main(m) }

// A test finds nothing of the test before it, whose tab it may have got.
func TestTabsAreAsGoodAsNew(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<!doctype html><title>t</title><button>press</button><p>%s</p>", r.Header.Get("Cookie"))
	}))
	t.Cleanup(srv.Close)
	url := strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			tab := chromium.Open(t)
			tab.Open(url)
			var found string
			tab.Eval(`JSON.stringify([document.querySelector("p").textContent, localStorage.length, sessionStorage.length, history.length, innerWidth,
				matchMedia("(prefers-color-scheme: dark)").matches, String(window.before)])`, &found)
			var databases int
			tab.Eval(`indexedDB.databases().then((d) => d.length)`, &databases)
			if want := `["",0,0,2,1280,false,"undefined"]`; found != want || databases != 0 {
				t.Fatalf("the page found %s and %d databases, want %s and none", found, databases, want)
			}
			tab.AddVirtualAuthenticator()
			tab.BeforeLoad("window.before = true")
			tab.Viewport(360, 740)
			tab.Media("prefers-color-scheme", "dark")
			tab.Open(url + "/?next")
			tab.Eval(`new Promise((done) => {
				document.cookie = "a=b"; localStorage.a = sessionStorage.a = "b";
				addEventListener("beforeunload", (e) => e.preventDefault());
				open(location.href);
				indexedDB.open("d").onsuccess = () => done();
			})`, nil)
			tab.Click("button") // a page that was touched may ask before it is left
		})
	}
}
