package attack_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/world"
)

// Each member that is base64url has one text for its bytes, or the same with its padding.
func TestSpoiltBase64(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		c := g.Begin(t)
		good := g.Passkey(t, c, authenticator.Options{CredentialID: []byte("0123456789abcdef0123456789abcdef?>")}) // 34 bytes: two letters of padding
		members := map[string]func(*api.CredentialAttestation) *string{
			"credId":          func(c *api.CredentialAttestation) *string { return &c.CredentialInfo.CredID },
			"clientData":      func(c *api.CredentialAttestation) *string { return &c.CredentialInfo.ClientData },
			"attestationData": func(c *api.CredentialAttestation) *string { return &c.CredentialInfo.AttestationData },
		}
		spoil := map[string]func(string) string{
			"one letter more":        func(s string) string { return s + "A" },
			"one letter less":        func(s string) string { return s[:len(s)-1] },
			"first letter lost":      func(s string) string { return s[1:] },
			"wrong padding":          func(s string) string { return s + strings.Repeat("=", 4-len(s)%4+1) },
			"half the padding":       func(s string) string { return s + strings.Repeat("=", max(1, (4-len(s)%4)%4-1)) + "A" },
			"only padding":           func(string) string { return "====" },
			"padding first":          func(s string) string { return "=" + s },
			"padding inside":         func(s string) string { return s[:4] + "=" + s[4:] },
			"padding twice":          func(s string) string { return s + "========" },
			"space before":           func(s string) string { return " " + s },
			"space after":            func(s string) string { return s + " " },
			"space inside":           func(s string) string { return s[:8] + " " + s[8:] },
			"line break after":       func(s string) string { return s + "\n" },
			"line break inside":      func(s string) string { return s[:8] + "\n" + s[8:] },
			"CRLF inside":            func(s string) string { return s[:8] + "\r\n" + s[8:] },
			"carriage return inside": func(s string) string { return s[:8] + "\r" + s[8:] },
			"tab":                    func(s string) string { return s[:8] + "\t" + s[8:] },
			"NUL":                    func(s string) string { return s + "\x00" },
			"standard alphabet":      func(s string) string { return "+/" + s[2:] },
			"not ASCII":              func(s string) string { return "é" + s[2:] },
			"wide letters":           func(s string) string { return "\uff21" + s[1:] },
			"percent":                func(s string) string { return "%41" + s },
			"data URL":               func(s string) string { return "data:;base64," + s },
			"hexadecimal":            func(s string) string { return "0x" + s + "!" },
			"quotes":                 func(s string) string { return `"` + s + `"` },
			"JSON array":             func(string) string { return "[1,2,3]" },
		}
		want := world.Codes("base64url_malformed", "credential_id_mismatch", "client_data_malformed", "attestation_malformed", "authenticator_data_malformed")
		for member, of := range members {
			for name, change := range spoil {
				made := good
				if *of(&made) = change(*of(&made)); *of(&made) == *of(&good) {
					t.Fatalf("%s changes nothing", name)
				}
				a := g.Complete(t, c.TemporaryAuthenticationToken, world.First(made))
				h.Refused(t, a, want, c.Challenge)
				if t.Failed() {
					t.Fatalf("%s with %s", member, name)
				}
			}
		}
		// The unused bits of the last letter are zero.
		made := good
		id := made.CredentialInfo.CredID
		last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", id[len(id)-1])
		made.CredentialInfo.CredID = id[:len(id)-1] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last|1])
		h.Refused(t, g.Complete(t, c.TemporaryAuthenticationToken, world.First(made)), world.Codes("base64url_malformed"))
		g.Untouched(t)

		// The same bytes with their padding are the same credential.
		for _, of := range members {
			b, err := base64.RawURLEncoding.DecodeString(*of(&good))
			if err != nil {
				t.Fatal(err)
			}
			*of(&good) = base64.URLEncoding.EncodeToString(b)
		}
		if a := g.Complete(t, c.TemporaryAuthenticationToken, world.First(good)); a.Status != http.StatusOK {
			t.Errorf("with padding: %d %s", a.Status, a.Body)
		}
	})
}
