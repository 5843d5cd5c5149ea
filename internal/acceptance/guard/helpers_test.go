package guard_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"

	"github.com/countersign/countersign/internal/testing/chromium"
)

func TestMain(m *testing.M) { chromium.Main(m) }

// front is where clients send their requests: the example service or the proxy before
// it. Whoever signs, signs for prefix followed by path and query.
type front struct {
	url    string
	prefix string
	burns  bool // an altered body costs the signature, since it is checked after the token is spent
}

// pay is the origin that the documented configurations of proxies have.
const pay = "https://pay.example.org"

// fronts are the three ways in which the example service is guarded.
var fronts = map[string]func(t *testing.T, countersign, org string) front{
	"by itself": func(t *testing.T, countersign, org string) front {
		url := service(t, "--countersign", countersign, "--org", org)
		return front{url: url, prefix: url}
	},
	"behind nginx": func(t *testing.T, countersign, org string) front {
		return front{prefix: pay, url: nginx(t, countersign, service(t, "--countersign", countersign, "--org", org, "--behind-proxy")), burns: true}
	},
	"behind Caddy": func(t *testing.T, countersign, org string) front {
		return front{prefix: pay, url: caddy(t, countersign, service(t, "--countersign", countersign, "--org", org, "--behind-proxy")), burns: true}
	},
}

var example = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "countersign-binary-") // swept by countersigntest
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "example")
	out, err := exec.Command("go", "build", "-o", path, "github.com/countersign/countersign/internal/example").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// service runs the example service on a loopback port and returns its address.
func service(t *testing.T, args ...string) string {
	t.Helper()
	return serviceAt(t, countersigntest.FreePort(t), args...)
}

func serviceAt(t *testing.T, port string, args ...string) string {
	t.Helper()
	path, err := example()
	if err != nil {
		t.Fatal(err)
	}
	run(t, port, nil, path, append([]string{"--listen", "127.0.0.1:" + port}, args...)...)
	return "http://localhost:" + port
}

// run starts a program, waits until it listens on a loopback port, and ends it with the
// test.
func run(t *testing.T, port string, env []string, program string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil { // Debian keeps nginx where only root looks
		path, err = exec.LookPath(filepath.Join("/usr/sbin", program))
	}
	if err != nil {
		t.Fatalf("%v; `make test` installs what is missing", err)
	}
	var out bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() { gone <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-gone
		if t.Failed() && out.Len() > 0 {
			t.Logf("%s:\n%s", filepath.Base(program), out.String())
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return
		}
		select {
		case err := <-gone:
			gone <- err
			t.Fatalf("%s ended: %v\n%s", program, err, out.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen", program)
		}
	}
}

// documented is the configuration of docs/guarding.md in that language, with the places
// of a test.
func documented(t *testing.T, language string, replace ...string) string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "guarding.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(doc)
	if block == nil {
		t.Fatalf("docs/guarding.md has no configuration in %s", language)
	}
	config := string(block[1])
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(config, replace[i]) {
			t.Fatalf("the %s configuration of docs/guarding.md has no %q", language, replace[i])
		}
		config = strings.ReplaceAll(config, replace[i], replace[i+1])
	}
	return config
}

// nginx runs a real nginx before a service.
func nginx(t *testing.T, countersign, upstream string) string {
	t.Helper()
	dir, port := t.TempDir(), countersigntest.FreePort(t)
	server := documented(t, "nginx", "listen 80;", "listen 127.0.0.1:"+port+";",
		"http://127.0.0.1:8080/", ip(countersign)+"/", "http://127.0.0.1:8090;", ip(upstream)+";")
	var temp strings.Builder
	for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "%s_temp_path %s/%s;\n", what, dir, what)
	}
	config := filepath.Join(dir, "nginx.conf")
	write(t, config, "daemon off; master_process off; pid "+dir+"/pid; error_log stderr warn;\nevents {}\nhttp { access_log off;\n"+temp.String()+server+"}\n")
	run(t, port, nil, "nginx", "-p", dir, "-c", config, "-e", "stderr")
	return "http://127.0.0.1:" + port
}

// caddy runs a real Caddy before a service.
func caddy(t *testing.T, countersign, upstream string) string {
	t.Helper()
	dir, port := t.TempDir(), countersigntest.FreePort(t)
	site := documented(t, "caddyfile", "pay.example.org {", "http://127.0.0.1:"+port+" {\n\tbind 127.0.0.1",
		"forward_auth 127.0.0.1:8080", "forward_auth "+ip(countersign), "reverse_proxy 127.0.0.1:8090", "reverse_proxy "+ip(upstream))
	config := filepath.Join(dir, "Caddyfile")
	write(t, config, "{\n\tadmin off\n\tauto_https off\n\tservers {\n\t\tprotocols h1 h2 h2c\n\t}\n}\n"+site)
	run(t, port, []string{"XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "HOME=" + dir}, "caddy", "run", "--config", config, "--adapter", "caddyfile")
	return "http://127.0.0.1:" + port
}

// ip names a local server by address: the proxies would ask a resolver for its name.
func ip(url string) string { return strings.Replace(url, "localhost", "127.0.0.1", 1) }

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// signer is a logged-in person.
type signer struct {
	*countersigntest.Person
	t     *testing.T
	token string
}

func logIn(t *testing.T, srv *countersigntest.Server) signer {
	t.Helper()
	_, p := srv.Administrator(t, "Analytical Engines")
	return signer{p, t, p.LogIn(t)}
}

const transfer = `{"to":"grace@example.org","amount":"10.00"}`

// sign signs the usual transfer for a front.
func (s signer) sign(f front) string {
	s.t.Helper()
	return s.Sign(s.t, s.token, "POST", f.prefix+"/transfers?fast=1", transfer)
}

// request is the usual transfer, with an action's token unless it is "".
func (f front) request(t *testing.T, userAction string) *http.Request {
	t.Helper()
	r, err := http.NewRequest("POST", f.url+"/transfers?fast=1", strings.NewReader(transfer))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if userAction != "" {
		r.Header.Set(api.HeaderUserAction, userAction)
	}
	return r
}

// moved is what the example service answers once it has moved the money.
type moved struct{ To, Amount, SignedBy, Action string }

// send returns status, reason and, of a 200, what the service did.
func send(t *testing.T, r *http.Request) (int, string, moved) {
	t.Helper()
	client := &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var done moved
	if res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(b, &done); err != nil || done.Action == "" || done.SignedBy == "" {
			t.Fatalf("answered 200 with %q", b)
		}
		return res.StatusCode, "", done
	}
	var e api.ErrorBody
	if json.Unmarshal(b, &e) != nil {
		return res.StatusCode, string(b), done
	}
	return res.StatusCode, e.Error.Code, done
}

func wantRefused(t *testing.T, r *http.Request, status int, code string) {
	t.Helper()
	if s, c, done := send(t, r); s != status || c != code {
		t.Errorf("answered %d %s %+v, want %d %s", s, c, done, status, code)
	}
}

func wantDone(t *testing.T, r *http.Request, p *countersigntest.Person) moved {
	t.Helper()
	s, c, done := send(t, r)
	if s != http.StatusOK || done.To != "grace@example.org" || done.Amount != "10.00" || done.SignedBy != p.Username || !strings.HasPrefix(done.Action, "ua-") {
		t.Errorf("answered %d %s %+v, want the transfer, signed by %s", s, c, done, p.Username)
	}
	return done
}

func setBody(r *http.Request, body string) {
	r.Body, r.ContentLength, r.GetBody = io.NopCloser(strings.NewReader(body)), int64(len(body)), nil
	if body == "" {
		r.Body = http.NoBody
	}
}
