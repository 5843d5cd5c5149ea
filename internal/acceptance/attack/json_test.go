package attack_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/world"
)

// notJSON are bodies that are no JSON, or not one object, whatever they are sent to.
func notJSON() map[string]string {
	return map[string]string{
		"array":               `[]`,
		"array of one":        `[{}]`,
		"string":              `"{}"`,
		"number":              `1`,
		"huge number":         strings.Repeat("9", 60000),
		"true":                `true`,
		"null":                `null`,
		"empty":               ``,
		"space":               " \t\r\n",
		"open":                `{`,
		"open string":         `{"orgId":"`,
		"open array":          `[`,
		"closed only":         `}`,
		"BOM":                 "\ufeff{}",
		"BOM of UTF-16":       "\xff\xfe{\x00}\x00",
		"UTF-16":              "\x00{\x00}",
		"NUL":                 "\x00",
		"NUL inside":          "{\x00}",
		"NUL after":           "{}\x00",
		"two objects":         `{}{}`,
		"trailing letters":    `{}x`,
		"trailing comma":      `{"orgId":"x",}`,
		"leading comma":       `{,"orgId":"x"}`,
		"comment":             `{/**/}`,
		"line comment":        "{}//x",
		"single quotes":       `{'orgId':'x'}`,
		"bare name":           `{orgId:"x"}`,
		"number as name":      `{1:"x"}`,
		"null as name":        `{null:"x"}`,
		"NaN":                 `{"orgId":NaN}`,
		"Infinity":            `{"orgId":Infinity}`,
		"hexadecimal":         `{"orgId":0x1}`,
		"leading zero":        `{"orgId":01}`,
		"plus":                `{"orgId":+1}`,
		"lone dot":            `{"orgId":.5}`,
		"control in string":   "{\"orgId\":\"a\nb\"}",
		"bad escape":          `{"orgId":"\x41"}`,
		"short escape":        `{"orgId":"\u00"}`,
		"lone high surrogate": `{"orgId":"\ud800"}`,
		"lone low surrogate":  `{"orgId":"\udc00"}`,
		"swapped surrogates":  `{"orgId":"\udc00\ud800"}`,
		"surrogate in name":   `{"\ud800":"x"}`,
		"invalid UTF-8":       "{\"orgId\":\"\xff\"}",
		"overlong UTF-8":      "{\"orgId\":\"\xc0\xae\"}",
		"surrogate in UTF-8":  "{\"orgId\":\"\xed\xa0\x80\"}",
		"cut UTF-8":           "{\"orgId\":\"\xe2\x82\"}",
		"invalid UTF-8 name":  "{\"\xff\":1}",
		"deep array":          strings.Repeat("[", 60000),
		"deep object":         strings.Repeat(`{"a":`, 12000),
		"deep and closed":     `{"a":` + strings.Repeat("[", 30000) + strings.Repeat("]", 30000) + `}`,
		"many members":        `{` + strings.Repeat(`"a":1,`, 10000) + `"b":1}`,
		"twice unknown":       `{"x":1,"x":2}`,
		"twice nested":        `{"x":{"y":1,"y":2}}`,
		"twice by escape":     `{"x":1,"\u0078":2}`,
		"form":                `orgId=x&username=y&registrationCode=z`,
		"XML":                 `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>`,
		"YAML":                "orgId: x\nusername: y\n",
		"one byte too many":   `{"x":"` + strings.Repeat("a", 64<<10-7) + `"}`,
		"far too large":       `{"x":"` + strings.Repeat("a", 300<<10) + `"}`,
	}
}

func TestBodiesThatAreNoJSON(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		token := g.Begin(t).TemporaryAuthenticationToken
		want := world.Codes("invalid_json", "invalid_member", "member_missing", "body_too_large")
		for name, body := range notJSON() {
			for path, method := range map[string]string{initPath: "POST", completePath: "POST", resendPath: "PUT", openPath: "POST", recoveryPath: "POST"} {
				a := h.Send(t, method, path, world.Bearer(token), body)
				h.Refused(t, a, want, token)
				if a.Status != http.StatusBadRequest && a.Status != http.StatusRequestEntityTooLarge {
					t.Errorf("%s to %s: %d", name, path, a.Status)
				}
			}
		}
		h.KeepsSecret(t, nil, token, g.RegistrationCode)
		g.Registers(t)
	})
}

// The largest body that is read is exactly 64 KiB.
func TestLargestBody(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	h.Refused(t, h.Post(t, initPath, `{"x":"`+strings.Repeat("a", 64<<10-8)+`"}`), world.Codes("member_missing"))
	a := h.Post(t, initPath, `{"x":"`+strings.Repeat("a", 64<<10-7)+`"}`)
	h.Refused(t, a, world.Codes("body_too_large"))
	if a.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", a.Status)
	}
}

// wrongTypes are values of every JSON type but a string.
var wrongTypes = []string{`null`, `true`, `false`, `0`, `-1`, `1.5`, `1e400`, `12345678901234567890123`, `{}`, `[]`, `["x"]`, `{"a":"b"}`}

// spellings are other ways to write a member's name that some readers would take for it.
func spellings(name string) []string {
	return []string{strings.ToUpper(name), strings.ToLower(name), strings.ToUpper(name[:1]) + name[1:], snake(name)}
}

func snake(name string) string {
	var b strings.Builder
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

// escaped writes the first letter of a name as an escape: the same name in other bytes.
func escaped(name string) string { return `\u00` + strconv.FormatInt(int64(name[0]), 16) + name[1:] }

// spoilings returns the JSON of an object with one member spoilt in every way: missing,
// of another type, twice, twice by an escape, in other letters, alone or beside itself.
// The member must be a required string.
func spoilings(t *testing.T, object map[string]string, member string) map[string]string {
	t.Helper()
	write := func(members ...string) string { return "{" + strings.Join(members, ",") + "}" }
	var others []string
	for name, value := range object {
		if name != member {
			others = append(others, `"`+name+`":`+value)
		}
	}
	value := object[member]
	right := `"` + member + `":` + value
	all := map[string]string{
		"missing":                write(others...),
		"empty":                  write(append(others, `"`+member+`":""`)...),
		"twice":                  write(append(others, right, right)...),
		"twice by escape":        write(append(others, right, `"`+escaped(member)+`":`+value)...),
		"twice, another first":   write(append([]string{`"` + member + `":"x"`, right}, others...)...),
		"twice, null after":      write(append(others, right, `"`+member+`":null`)...),
		"as an object of itself": write(append(others, `"`+member+`":{"`+member+`":`+value+`}`)...),
	}
	for _, wrong := range wrongTypes {
		all["as "+wrong] = write(append(others, `"`+member+`":`+wrong)...)
	}
	for _, name := range spellings(member) {
		if name == member {
			continue
		}
		all["spelt "+name] = write(append(others, `"`+name+`":`+value)...)
		all["spelt "+name+" beside"] = write(append(others, right, `"`+name+`":"x"`)...)
		all["spelt "+name+" before"] = write(append([]string{`"` + name + `":"x"`, right}, others...)...)
	}
	return all
}

func TestSpoiltMembersOfInvitations(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		object := map[string]string{"orgId": world.JSON(t, g.OrgID), "username": world.JSON(t, g.Username), "registrationCode": world.JSON(t, g.RegistrationCode)}
		want := world.Codes("member_missing", "invalid_member", "invalid_json", "organisation_id_malformed")
		var refusals []string
		for member := range object {
			for name, body := range spoilings(t, object, member) {
				for _, path := range []string{initPath, openPath} {
					a := h.Post(t, path, body)
					h.Refused(t, a, want, g.RegistrationCode, g.Username)
					if a.Status != http.StatusBadRequest {
						t.Errorf("%s with %s %s: %d", path, member, name, a.Status)
					}
					refusals = append(refusals, a.SupportID)
				}
				if member != "registrationCode" {
					h.Refused(t, h.Send(t, "PUT", resendPath, nil, strings.ReplaceAll(body, "registrationCode", "x")), want, g.RegistrationCode, g.Username)
				}
			}
		}
		h.KeepsSecret(t, refusals[:40], g.RegistrationCode)
		// The same members with what nobody asked for are no attack: newer clients may say more.
		if a := h.Post(t, initPath, strings.TrimSuffix(world.JSON(t, g.Request()), "}")+`,"future":{"orgId":1},"tenantId":"x","accountId":null}`); a.Status != http.StatusOK {
			t.Errorf("an unknown member: %d %s", a.Status, a.Body)
		}
		if a := h.Post(t, initPath, strings.Replace(world.JSON(t, g.Request()), "orgId", escaped("orgId"), 1)); a.Status != http.StatusOK {
			t.Errorf("an escaped name: %d %s", a.Status, a.Body)
		}
		g.Registers(t)
	})
}

func TestSpoiltMembersOfCredentials(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		c := g.Begin(t)
		made := g.Passkey(t, c, authenticator.Options{})
		info := map[string]string{"credId": world.JSON(t, made.CredentialInfo.CredID), "clientData": world.JSON(t, made.CredentialInfo.ClientData),
			"attestationData": world.JSON(t, made.CredentialInfo.AttestationData)}
		credential := map[string]string{"credentialKind": `"Fido2"`, "credentialInfo": world.JSON(t, made.CredentialInfo)}
		var bodies []string
		for member := range info {
			for _, body := range spoilings(t, info, member) {
				bodies = append(bodies, `{"firstFactorCredential":{"credentialKind":"Fido2","credentialInfo":`+body+`}}`)
			}
		}
		for _, body := range spoilings(t, credential, "credentialKind") {
			bodies = append(bodies, `{"firstFactorCredential":`+body+`}`)
		}
		good := `{"credentialKind":"Fido2","credentialInfo":` + world.JSON(t, made.CredentialInfo)
		for _, value := range append(wrongTypes, `"x"`) {
			if value != "{}" {
				bodies = append(bodies, `{"firstFactorCredential":`+value+`}`)
			}
			bodies = append(bodies, `{"firstFactorCredential":{"credentialKind":"Fido2","credentialInfo":`+value+`}}`)
			if value != "null" { // an optional member that is null is not there
				bodies = append(bodies, `{"firstFactorCredential":`+good+`},"secondFactorCredential":`+value+`}`,
					`{"firstFactorCredential":`+good+`},"recoveryCredential":`+value+`}`)
				if value != `"x"` {
					bodies = append(bodies, `{"firstFactorCredential":`+good+`,"credentialName":`+value+`}}`)
				}
				if value != `[]` && value != `["x"]` {
					bodies = append(bodies, `{"firstFactorCredential":`+good+`,"transports":`+value+`}}`)
				}
				if value != `{}` && value != `{"a":"b"}` {
					bodies = append(bodies, `{"firstFactorCredential":`+good+`,"clientExtensionResults":`+value+`}}`)
				}
			}
		}
		bodies = append(bodies,
			`{}`, `{"firstFactorCredential":{}}`, `{"firstFactorCredential":`+good+`},"firstFactorCredential":`+good+`}}`,
			`{"firstFactorCredential":`+good+`},"FirstFactorCredential":`+good+`}}`, `{"FirstFactorCredential":`+good+`}}`,
			`{"firstFactorCredential":`+good+`},"secondfactorCredential":`+good+`}}`, `{"firstFactorCredential":`+good+`},"recovery_credential":`+good+`}}`,
			`{"firstFactorCredential":`+good+`,"credentialname":"x"}}`, `{"firstFactorCredential":`+good+`,"Transports":["usb"]}}`,
			`{"secondFactorCredential":`+good+`}}`, `{"recoveryCredential":`+good+`}}`,
			`{"firstFactorCredential":`+good+`,"encryptedPrivateKey":"x"}}`,
			`{"firstFactorCredential":`+good+`,"credentialName":"`+strings.Repeat("a", 101)+`"}}`,
			`{"firstFactorCredential":`+good+`,"credentialName":"a\u0000b"}}`, `{"firstFactorCredential":`+good+`,"credentialName":"a\r\nX: y"}}`,
			`{"firstFactorCredential":`+good+`,"credentialName":"\u202egnp.exe"}}`, `{"firstFactorCredential":`+good+`,"credentialName":"a\u200bb"}}`,
			`{"firstFactorCredential":`+good+`,"transports":["`+strings.Repeat("a", 33)+`"]}}`, `{"firstFactorCredential":`+good+`,"transports":[""]}}`,
			`{"firstFactorCredential":`+good+`,"transports":["a\u0000"]}}`, `{"firstFactorCredential":`+good+`,"transports":["é"]}}`,
			`{"firstFactorCredential":`+good+`,"transports":["a","b","c","d","e","f","g","h","i"]}}`,
			`{"firstFactorCredential":`+good+`,"transports":[`+strings.Repeat(`"a",`, 10000)+`"a"]}}`,
			`{"firstFactorCredential":`+good+`,"clientExtensionResults":{"a":"`+strings.Repeat("b", 5000)+`"}}}`,
			`{"firstFactorCredential":`+good+`,"clientExtensionResults":{"a":1e999}}}`,
			`{"firstFactorCredential":`+good+`,"clientExtensionResults":{"a":1,"a":2}}}`,
			`{"firstFactorCredential":`+good+`,"clientExtensionResults":{"a":`+strings.Repeat("[", 20000)+strings.Repeat("]", 20000)+`}}}`,
		)
		for _, body := range bodies {
			a := g.Complete(t, c.TemporaryAuthenticationToken, body)
			h.Refused(t, a, nil, c.Challenge, c.TemporaryAuthenticationToken, g.RegistrationCode)
			if a.Status != http.StatusBadRequest {
				t.Errorf("%.300s: %d %s", body, a.Status, a.Body)
			}
		}
		g.Untouched(t)
		// What is merely strange is kept and given back as it came.
		strange := `{"firstFactorCredential":` + good + `,"credentialName":"<script>alert(1)</script>","transports":["usb","future"],` +
			`"clientExtensionResults":{"credProps":{"rk":true},"nul":"\u0000","deep":[[[[1.5e300]]]]}},"secondFactorCredential":null}`
		if a := g.Complete(t, c.TemporaryAuthenticationToken, strange); a.Status != http.StatusOK {
			t.Errorf("a strange but valid credential: %d %s", a.Status, a.Body)
		}
	})
}
