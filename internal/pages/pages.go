package pages

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
)

// Config is what the pages need from the server.
type Config struct {
	// Version is shown at the foot of pages. It may be "".
	Version string
	// NoMail says that the server sends no mail. The registration page then offers no new code by
	// mail, and refers people to whoever invited them.
	NoMail bool
	// Recovery says that the server accepts recovery keys. Without, or without mail, none is offered:
	// a recovery begins with a code by mail.
	Recovery bool
	// Refuse writes an error in the server's own form: an unknown path is NotFound, a
	// method other than GET and HEAD is MethodNotAllowed. When nil, a bare status is
	// written.
	Refuse func(http.ResponseWriter, *http.Request, *api.Error)
}

// policy is the content security policy of every page (CSP Level 3). Scripts and styles are our own
// files; nothing is inline, framed, submitted by the browser or from another site.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// permissions switches off what no page uses.
const permissions = "publickey-credentials-create=(self), publickey-credentials-get=(self), clipboard-write=(self), " +
	"camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), hid=(), midi=(), display-capture=()"

//go:embed template/*.html
var templates embed.FS

// pageNames are the pages by path. A page has a template of its name and, unless it is static, a
// script of that name.
var pageNames = map[string]string{
	"/": "home", "/register": "register", "/login": "login", "/recover": "recover", "/add": "add", "/account": "account",
	"/people": "people", "/roles": "roles", "/machines": "serviceaccounts", "/audit": "audit", "/docs": "docs",
}

// navLink leads to a page for people who are logged in. Needs lists operations; without any of them
// the page is of no use.
type navLink struct{ Path, Name, Needs string }

var navLinks = []navLink{
	{"/account", "Account", ""},
	{"/people", "People", "Auth:Users:Read"},
	{"/roles", "Roles", "Permissions:Read"},
	{"/machines", "Service accounts", "Auth:ServiceAccounts:Read Auth:Pats:Create"},
	{"/audit", "Audit log", "Auth:Logs:Read"},
}

// table is the empty table of a page, which its script fills. Last is the heading of the column of
// buttons, for screen readers only.
type table struct {
	ID, LabelledBy, Last string
	Columns              []string
}

func newTable(id, labelledBy, last string, columns ...string) table {
	return table{id, labelledBy, last, columns}
}

// Handler serves the pages and, under /assets/, their styles, scripts and pictures. It answers GET and
// HEAD only and changes nothing: it reads no code, so mail scanners may fetch links.
func Handler(c Config) *Pages {
	h := &Pages{config: c, pages: map[string][]byte{}}
	for path, name := range pageNames {
		h.pages[path] = h.render(name, path)
	}
	h.missing = h.render("notfound", "")
	return h
}

// Pages are the pages of one server. Make them with Handler.
type Pages struct {
	config  Config
	pages   map[string][]byte
	missing []byte // says that there is nothing at an address
}

func (h *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		h.refuse(w, r, &api.Error{Kind: api.MethodNotAllowed, Code: "method_not_allowed",
			Message: "This path answers GET and HEAD only."})
		return
	}
	path := r.URL.Path
	if page, ok := h.pages[path]; ok {
		h.page(w, r, page, http.StatusOK)
		return
	}
	if strings.HasPrefix(path, assetPath) {
		h.asset(w, r, path)
		return
	}
	h.notFound(w, r)
}

// page answers with a page. No cache may store it: after an upgrade an old page would ask for styles
// and scripts that no longer exist.
func (h *Pages) page(w http.ResponseWriter, r *http.Request, page []byte, status int) {
	head := w.Header()
	protect(head)
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Security-Policy", policy)
	head.Set("Permissions-Policy", permissions)
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("X-Frame-Options", "DENY") // for browsers without frame-ancestors
	head.Set("Cache-Control", "no-store")
	head.Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(page) // whoever no longer reads is gone
	}
}

func (h *Pages) asset(w http.ResponseWriter, r *http.Request, path string) {
	a, ok := assets().byPath[path]
	if !ok {
		h.notFound(w, r)
		return
	}
	head := w.Header()
	protect(head)
	head.Set("Content-Type", a.contentType)
	head.Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}

func protect(head http.Header) {
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
}

func (h *Pages) notFound(w http.ResponseWriter, r *http.Request) {
	h.refuse(w, r, &api.Error{Kind: api.NotFound, Code: "not_found", Message: "There is nothing at this path."})
}

func (h *Pages) refuse(w http.ResponseWriter, r *http.Request, err *api.Error) {
	if h.config.Refuse != nil {
		h.config.Refuse(w, r, err)
		return
	}
	status := http.StatusNotFound
	if err.Kind == api.MethodNotAllowed {
		status = http.StatusMethodNotAllowed
	}
	http.Error(w, err.Message, status)
}

// render makes a page from its template. It panics if a template fails: they are part of the program,
// and no request can cause it.
func (h *Pages) render(name, path string) []byte {
	t := template.New("").Funcs(template.FuncMap{"asset": assetURL, "table": newTable})
	template.Must(t.ParseFS(templates, "template/layout.html", "template/parts.html"))
	if slices.ContainsFunc(navLinks, func(l navLink) bool { return l.Path == path }) {
		template.Must(t.ParseFS(templates, "template/signedin.html"))
	}
	template.Must(t.ParseFS(templates, "template/"+name+".html"))
	script := name + ".js"
	if assets().byName[script] == nil {
		script = ""
	}
	own, others := operationGroups()
	var page bytes.Buffer
	if err := t.ExecuteTemplate(&page, "layout.html", struct {
		Version, Path, Script string
		NoMail, Recovery      bool
		NavLinks              []navLink
		Own, Elsewhere        []operationGroup
	}{h.config.Version, path, script, h.config.NoMail, h.config.Recovery && !h.config.NoMail, navLinks, own, others}); err != nil {
		panic("pages: template " + name + ": " + err.Error())
	}
	return page.Bytes()
}
