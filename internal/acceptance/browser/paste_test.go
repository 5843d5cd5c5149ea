package browser_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/chromium"
)

// module is an expression for a module of the open page.
func module(name string) string {
	return fmt.Sprintf(`await import(performance.getEntriesByType("resource").find((e) => /\/assets\/%s\.[0-9a-f]+\.js/.test(e.name)).name)`, name)
}

// What people paste into the form for invitations becomes names, or is left out and said so.
func TestPastedLists(t *testing.T) {
	t.Parallel()
	g := adminIn(t, countersigntest.Start(t))
	g.goTo("/people")
	ada, charles := "ada@example.org", "charles@example.org"
	both := []string{ada, charles}
	for pasted, want := range map[string][]string{
		"":                                  {},
		" ;,\n\t ; ":                        {},
		ada:                                 {ada},
		ada + "\n" + charles:                both,
		ada + ", " + charles:                both,
		ada + ";" + charles:                 both,
		ada + "; " + charles + ";":          both,
		ada + "\t" + charles:                both,
		ada + "\r\n\r\n" + charles + "\r\n": both,
		ada + "，" + charles + "；":           both,
		// As mail programs write them.
		"Lovelace, Ada <ada@example.org>; Babbage, Charles <charles@example.org>":      both,
		"Lovelace, Ada <ada@example.org>, Babbage, Charles <charles@example.org>":      both,
		"Lovelace, Ada <ada@example.org>;\nBabbage, Charles <charles@example.org>;":    both,
		"Lovelace, Ada\n <ada@example.org>;\nBabbage, Charles\n <charles@example.org>": both,
		`"Lovelace, Ada" <ada@example.org>, "Babbage; Charles" <charles@example.org>`:  both,
		`"Love\"lace, Ada" <ada@example.org>; "a@b" <charles@example.org>`:             both,
		"Ada Lovelace <ada@example.org>\nCharles Babbage <charles@example.org>":        both,
		"To: Ada <ada@example.org>, Charles <charles@example.org>":                     both,
		"<ada@example.org>, <charles@example.org>":                                     both,
		"<ada@example.org>\n<charles@example.org>":                                     both,
		"<ada@example.org> <charles@example.org>":                                      both,
		"'ada@example.org'; 'charles@example.org'":                                     both,
		"\u2018ada@example.org\u2019; \u201ccharles@example.org\u201d":                 both,
		"'ada@example.org' <ada@example.org>; 'charles@example.org'":                   both,
		"Ada Lovelace [mailto:ada@example.org]; Charles (charles@example.org)":         both,
		"mailto:ada@example.org; <mailto:charles@example.org>":                         both,
		"ada@example.org (Lovelace, Ada), charles@example.org":                         both,
		"Ada Lovelace ada@example.org\nCharles charles@example.org":                    both,
		"ada@example.org.\ncharles@example.org,":                                       both,
		"- ada@example.org\n\u2022 charles@example.org":                                both,
		"1. ada@example.org\n2) charles@example.org":                                   both,
		"ADA@example.org, ada@example.org, Ada <ada@example.org>":                      {"ADA@example.org"},
		"o'brien@example.org, d'arcy@example.org":                                      {"o'brien@example.org", "d'arcy@example.org"},
		"Ada+test@example.org; a.b_c-d@sub.example.org":                                {"Ada+test@example.org", "a.b_c-d@sub.example.org"},
		"Ада <алан@пример.org>":                                                        {"алан@пример.org"},
		// Tables.
		"Name;E-Mail\nAda Lovelace;ada@example.org\nCharles Babbage;charles@example.org":                   both,
		"\ufeffE-Mail;Name;Team\nada@example.org;Ada;Engines\ncharles@example.org;Charles;Engines":         both,
		"Ada Lovelace;ada@example.org;Engines\nCharles Babbage;charles@example.org;Engines":                both,
		"Ada Lovelace\tada@example.org\nCharles Babbage\tcharles@example.org":                              both,
		"Ada,ada@example.org\nCharles,charles@example.org":                                                 both,
		"\"Lovelace, Ada\",ada@example.org\n\"Babbage, Charles\",charles@example.org":                      both,
		"Name,Mail,Second\nAda,ada@example.org,a2@example.org\nCharles,charles@example.org,c2@example.org": both,
		"Ada Lovelace;ada@example.org": {ada},
		"\"Lovelace\";\"Ada\";\"ada@example.org\"\n\"Babbage\";\"Charles\";\"charles@example.org\"": both,
		"E-Mail\nada@example.org\ncharles@example.org":                                              both,
		// Names that are no addresses.
		"machine":                         {"machine"},
		"customer 17\ncustomer 18":        {"customer 17", "customer 18"},
		"ada@example.org, no address":     {ada, "no address"},
		"ada, charles":                    {"ada", "charles"},
		"Lovelace, Ada; Babbage, Charles": {"Lovelace, Ada", "Babbage, Charles"},
		"machine\nAda <ada@example.org>":  {"machine", ada},
		"שלום עולם, ada@example.org":      {"שלום עולם", ada},
		`<img src=x onerror="w=1">, ada`:  {`<img src=x onerror="w=1">`, "ada"},
		"a:b@example.org":                 {"a:b@example.org"},
		"Ada @ home":                      {"Ada @ home"},
		`"unbalanced, ada@example.org`:    {`"unbalanced`, ada},
	} {
		var got []string
		g.Eval(`(async () => (`+module("names")+`).readNames(`+quote(pasted)+`).names)()`, &got)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q becomes %q, want %q", pasted, got, want)
		}
	}

	g.Click("#invite")
	g.awaitState("form")
	g.Eval(`{ const e = document.querySelector("#names"); e.value = "Lovelace, Ada <ada2@example.org>; Babbage, Charles <charles@example.org>"; e.dispatchEvent(new Event("input", {bubbles: true})); }`, nil)
	g.wantText("#invite-submit", "Invite 2 people")
	g.wantText("#names-left", "Left out: Lovelace, Babbage.")
	g.sign("#invite-submit", "Invite 2 people", "ada2@example.org", "charles@example.org")
	g.awaitState("created")
	for _, name := range []string{"ada2@example.org", "charles@example.org"} {
		if g.person(name).UserID == "" {
			t.Errorf("%s is not invited", name)
		}
	}
	if p := g.person("Lovelace"); p.UserID != "" {
		t.Error("a surname is invited")
	}
	g.untroubled()
}

// A link that mail programs and filters made something of is read all the same.
func TestPastedLinks(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := &user{Tab: chromium.Open(t), t: t, srv: srv}
	g.Open(srv.URL + "/register")
	g.awaitState("form")
	const code = "ABCD-EFGH-JKMN-PQRS-TVWX"
	link := "https://sign.example.org/register#code=" + code + "&org=or-12345-67890-abcdefghijklmnop&username=ada%2Btest%40example.org"
	want := []string{"or-12345-67890-abcdefghijklmnop", "ada+test@example.org", code}
	quoted := strings.NewReplacer("=", "=3D").Replace(link)
	third := strings.NewReplacer("#", "*", "&", "*", "%", "*").Replace(link)
	marks := base64.RawURLEncoding.EncodeToString([]byte("#&&%%"))
	second := strings.NewReplacer("%", "-", "/", "_").Replace(strings.NewReplacer("-", "%2D", "_", "%5F", "%2F", "/").Replace(url.QueryEscape(link)))
	for name, pasted := range map[string]string{
		"as it is":                 link,
		"the fragment":             link[strings.Index(link, "#"):],
		"in angle brackets":        "<" + link + ">",
		"in quotes":                `"` + link + `"`,
		"in typographic quotes":    "\u201c" + link + "\u201d",
		"in single quotes":         "'" + link + "'",
		"in brackets":              "(" + link + ")",
		"in markup":                `<a href="` + strings.ReplaceAll(link, "&", "&amp;") + `">Register</a>`,
		"in text":                  "Hello,\n\nplease open " + link + " today.\n\nRegards",
		"in our own mail":          "Open this link:\n\n" + link + "\n\nRegistration code: " + code + "\n",
		"before the code":          link + "\n" + code,
		"in a quoted mail":         "> Hello\n> " + link + "\n> Regards",
		"broken":                   link[:70] + "\n" + link[70:],
		"broken and quoted":        "> " + link[:60] + "\n> " + link[60:110] + "\n> " + link[110:],
		"broken in the name":       link[:len(link)-6] + "\r\n" + link[len(link)-6:],
		"escaped once":             strings.ReplaceAll(link, "#", "%23"),
		"escaped as a whole":       url.QueryEscape(link),
		"escaped twice":            url.QueryEscape(url.QueryEscape(link)),
		"its values escaped again": strings.ReplaceAll(link, "%", "%25"),
		"with entities":            strings.ReplaceAll(link, "&", "&amp;"),
		"with numbered entities":   strings.ReplaceAll(link, "&", "&#38;"),
		"quoted-printable":         quoted,
		"quoted-printable, broken": quoted[:60] + "=\r\n" + quoted[60:120] + "=\n" + quoted[120:],
		"by Outlook":               "https://eur01.safelinks.protection.outlook.com/?url=" + url.QueryEscape(link) + "&data=05%7C01%7Cada&sdata=abc%3D&reserved=0",
		"by Outlook, in markup":    "https://eur01.safelinks.protection.outlook.com/?url=" + url.QueryEscape(link) + "&amp;data=05%7C01&amp;reserved=0",
		"by Google":                "https://www.google.com/url?q=" + url.QueryEscape(link) + "&sa=D&source=calendar",
		"by Barracuda":             "https://linkprotect.cudasvc.com/url?a=" + url.QueryEscape(link) + "&c=E,1,abc&typo=1",
		"by Proofpoint":            "https://urldefense.proofpoint.com/v2/url?u=" + second + "&d=DwMFaQ&c=abc&r=def&m=ghi&s=jkl&e=",
		"by Proofpoint, newer":     "https://urldefense.com/v3/__" + third + "__;" + marks + "!!abc$ ",
		"in another order":         "https://sign.example.org/register#username=ada%2Btest%40example.org&org=or-12345-67890-abcdefghijklmnop&code=" + code,
		"with lower-case code":     strings.ReplaceAll(link, code, strings.ToLower(code)),
		"a full stop after it":     strings.Replace(link, "username=ada%2Btest%40example.org", "username=ada%2Btest%40example.org&x=1.", 1),
	} {
		var got []string
		g.Eval(`(async () => { const i = (`+module("link")+`).invitationIn(`+quote(pasted)+`); return [i.orgId, i.username, i.registrationCode]; })()`, &got)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q is read as %q", name, pasted, got)
		}
	}
	// These begin like what is quoted-printable.
	var got []string
	g.Eval(`(async () => { const i = (`+module("link")+`).invitationIn("#code=3D7K-EFGH-JKMN-PQRS-TVWX&org=or-12345-67890-abcdefghijklmnop&username=3dada"); return [i.orgId, i.username, i.registrationCode]; })()`, &got)
	if want := []string{want[0], "3dada", "3D7K-EFGH-JKMN-PQRS-TVWX"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, pasted := range []string{"", "#", "https://example.org/", "code=ABCD", "#org=or-1&username=ada", "%", "%E0%A4%A", "/v3/__x__;!", "/v3/__x__;????!", strings.Repeat("%25", 2000), strings.Repeat("\n> a", 5000)} {
		var whole bool
		g.Eval(`(async () => { const m = `+module("link")+`; return m.complete(m.invitationIn(`+quote(pasted)+`)); })()`, &whole)
		if whole {
			t.Errorf("%.40q is read as an invitation", pasted)
		}
	}
	g.untroubled()
}

// Links that arrive changed lead to the page that they are for.
func TestChangedLinksAreOpened(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := invite(t, srv)
	at := strings.Index(g.inv.RegistrationURL, "#")
	base, fragment := g.inv.RegistrationURL[:at], g.inv.RegistrationURL[at+1:]
	for _, link := range []string{
		base + "/#" + fragment,
		base + "%23" + fragment,
		base + "%23" + url.QueryEscape(fragment),
		base + "#" + url.QueryEscape(fragment),
		base + "#" + strings.ReplaceAll(fragment, "&", "&amp;"),
		g.inv.RegistrationURL + `">`,
		g.inv.RegistrationURL + ")",
		g.inv.RegistrationURL + "%22",
	} {
		g.Open("about:blank")
		g.Open(link)
		g.awaitState("ready")
		g.wantText("#account", "ada@example.org")
	}
	g.Open(base)
	g.awaitState("form")
	g.Eval(`{ const data = new DataTransfer(); data.setData("text", `+quote("> "+g.inv.RegistrationURL[:60]+"\n> "+g.inv.RegistrationURL[60:])+`);
		document.querySelector("#orgId").dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})); }`, nil)
	g.Click("#manual .primary")
	g.awaitState("ready")
	g.Open("about:blank")
	g.Open(base)
	g.awaitState("form")
	g.typeInto("orgId", "<"+g.inv.RegistrationURL+">") // typed or dropped, not pasted
	g.Click("#manual .primary")
	g.awaitState("ready")
	g.untroubled()
}
