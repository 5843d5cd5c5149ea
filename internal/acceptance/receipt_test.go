package acceptance_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/verify/publickey"
	"github.com/countersign/countersign/internal/verify/useraction"
	"github.com/countersign/countersign/receipt"
)

// sealed is a receipt made by a server of its own, and the key set that it published.
func sealed(t testing.TB) (document []byte, keySet string) {
	t.Helper()
	s := useraction.NewStatement(useraction.Statement{Issuer: "https://sign.example.org", OrgID: "or-1", UserID: "us-1",
		Username: "ada@example.org", Method: "POST", Path: "/transfers"}, `{"amount":1}`, time.Now())
	signer := authenticator.NewKeySigner(publickey.P256)
	clientData, signature := signer.Assert(s.Challenge())
	public, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	document, err = receipt.Receipt{Issuer: s.Issuer, IssuedAt: s.IssuedAt,
		Who:       receipt.Who{OrgID: s.OrgID, Organisation: "Engines", UserID: s.UserID, Username: s.Username},
		Action:    receipt.Action{ID: "ua-1", Method: s.Method, Path: s.Path, Payload: `{"amount":1}`, SignedAt: s.IssuedAt},
		Statement: s.Text(),
		Credential: receipt.Credential{UUID: "cr-1", Kind: api.KindKey, Name: "machine", CredentialID: signer.CredentialID,
			PublicKey: receipt.PEM(signer.PublicKey().SPKI()), Algorithm: string(publickey.ES256)},
		Assertion: receipt.NewAssertion(api.KindKey, clientData, nil, signature),
	}.Seal("sk-1", private)
	must(t, err)
	return document, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"sk-1","use":"sig","alg":"EdDSA","x":"` +
		base64.RawURLEncoding.EncodeToString(public) + `"}]}`
}

// In a fresh folder with nothing but the receipt, and no way to any server, the command
// says who signed what; and of a changed receipt, what is wrong with it.
func TestReceiptVerifiedOffline(t *testing.T) {
	t.Parallel()
	document, keySet := sealed(t)
	_, otherSet := sealed(t)
	dir := t.TempDir()
	put := func(name string, content []byte) {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	var compact bytes.Buffer
	must(t, json.Compact(&compact, document))
	put("receipt.json", document)
	put("changed.json", bytes.Replace(document, []byte(`{\"amount\":1}`), []byte(`{\"amount\":9}`), 1))
	put("compact.json", compact.Bytes())
	put("large.json", append(bytes.Clone(document), bytes.Repeat([]byte(" "), 1<<20)...))
	put("keys.json", []byte(keySet))
	put("others.json", []byte(otherSet))
	before, err := os.ReadDir(dir)
	must(t, err)

	for _, c := range []struct {
		args   []string
		stdin  string
		status int
		says   string
	}{
		{[]string{"receipt.json"}, "", 1, "anybody could have sealed it"},
		{[]string{"-"}, string(document), 1, "anybody could have sealed it"},
		{[]string{"receipt.json", "--untrusted"}, "", 0, "x must be "},
		{[]string{"-", "--untrusted"}, string(document), 0, `signed this request:`},
		{[]string{"compact.json", "--reformatted"}, "", 1, "anybody could have sealed it"},
		{[]string{"compact.json", "--reformatted", "--untrusted"}, "", 0, "x must be "},
		{[]string{"changed.json", "--untrusted"}, "", 1, "changed after it was sealed"},
		{[]string{"receipt.json", "--untrusted", "--keys", "keys.json"}, "", 2, "not both"},
		{[]string{"receipt.json", "--untrusted", "--keys", "others.json"}, "", 2, "not both"},
		{[]string{"receipt.json", "--keys", "keys.json"}, "", 0, "one of those that were given as trusted"},
		{[]string{"receipt.json", "--keys", "others.json"}, "", 1, "not among the trusted ones"},
		{[]string{"changed.json"}, "", 1, "changed after it was sealed"},
		{[]string{"compact.json"}, "", 1, "add --reformatted"},
		{[]string{"compact.json", "--reformatted", "--keys", "keys.json"}, "", 0, `{\"amount\":1}`},
		{[]string{"-", "--reformatted"}, strings.Replace(compact.String(), "amount", "Amount", 1), 1, "changed after it was sealed"},
		{[]string{"-"}, "", 1, "not a receipt"},
		{[]string{"keys.json"}, "", 1, "not a receipt"},
		{[]string{"large.json"}, "", 2, "larger than a megabyte"},
		{[]string{"nothing.json"}, "", 2, "cannot be read"},
		{[]string{"receipt.json", "--keys", "nothing.json"}, "", 2, "key set cannot be read"},
		{[]string{"receipt.json", "--keys", "receipt.json"}, "", 2, "key set"},
	} {
		cmd := exec.Command(countersigntest.Binary(t), append([]string{"receipt", "verify"}, c.args...)...)
		var out, errs bytes.Buffer
		cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, strings.NewReader(c.stdin), &out, &errs
		cmd.Env = []string{}
		cmd.Run()
		status := cmd.ProcessState.ExitCode()
		if status != c.status || !strings.Contains(out.String()+errs.String(), c.says) ||
			status == 0 && errs.Len() > 0 || status != 0 && (out.Len() > 0 || strings.Count(errs.String(), "\n") != 1) {
			t.Errorf("receipt verify %q: status %d, want %d and %q: %s%s", c.args, status, c.status, c.says, &out, &errs)
		}
	}
	if after, err := os.ReadDir(dir); err != nil || len(after) != len(before) {
		t.Errorf("the folder holds %v, before %v: %v", after, before, err)
	}

	out, _, status := command(t, string(document), "receipt", "verify", "-", "--json")
	if v := read[struct{ Valid, Trusted bool }](t, out); status != 1 || !v.Valid || v.Trusted {
		t.Errorf("status %d: %s", status, out)
	}
	out, _, status = command(t, string(document), "receipt", "verify", "-", "--json", "--untrusted")
	wantMembers(t, json.RawMessage(out), "valid", "trusted", "signed", "checked", "grounds", "compare", "receipt")
	if v := read[struct {
		Valid, Trusted bool
		Receipt        struct{ Who struct{ Username string } }
	}](t, out); status != 0 || !v.Valid || v.Trusted || v.Receipt.Who.Username != "ada@example.org" {
		t.Errorf("status %d: %s", status, out)
	}
	out, _, status = command(t, "{}", "receipt", "verify", "-", "--json")
	wantMembers(t, json.RawMessage(out), "valid", "trusted", "code", "reason")
	if v := read[struct {
		Valid bool
		Code  string
	}](t, out); status != 1 || v.Valid || v.Code != receipt.CodeMalformed {
		t.Errorf("status %d: %s", status, out)
	}
}

// The whole way on a real server: somebody signs, with a passkey and with a key, another
// service consumes the action, the receipt that it was given, the one that the user asks
// for and the one that the operator exports verify in a folder of their own against the
// published keys, and one of another action or with another payload does not.
func TestReceiptOfASignedAction(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org := h.organisation()
		n := h.serve()
		invited := func(name string) countersigntest.Invitation {
			inv := h.invite(org, name)
			return countersigntest.Invitation{OrgID: inv.OrgID, UserID: inv.UserID, Username: inv.Username, RegistrationCode: inv.RegistrationCode}
		}
		people := map[string]*countersigntest.Person{
			"passkey":   countersigntest.RegisterAt(h, n.client, invited("ada@example.org"), authenticator.Options{Origin: n.origin}),
			"secp256k1": countersigntest.RegisterKeyAt(h, n.client, invited("machine"), publickey.Secp256k1),
		}
		published, err := n.http.Get(n.URL + "/.well-known/jwks.json")
		must(h, err)
		var keySet bytes.Buffer
		_, err = keySet.ReadFrom(published.Body)
		must(h, err)
		published.Body.Close()
		keys := filepath.Join(h.TempDir(), "keys.json")
		must(h, os.WriteFile(keys, keySet.Bytes(), 0o600))

		for kind, who := range people {
			payload := `{"amount":"1000000.01","to":"Zoë & Söhne <x>"}`
			token := who.LogIn(h)
			signed := who.Sign(h, token, "POST", "https://bank.example.org/transfers?dry=false", payload)
			consumed, err := n.client.ConsumeAction(h.Context(), api.ConsumeActionRequest{UserAction: signed, Method: "POST", Path: "https://bank.example.org/transfers?dry=false", Payload: &payload})
			must(h, err)
			shown, err := n.client.Receipt(h.Context(), token, consumed.ActionID)
			must(h, err)
			exported := h.do("receipt", "export", "--org", org, consumed.ActionID)

			for how, document := range map[string]string{"shown": string(shown), "exported": exported} {
				out, stderr, status := command(h, document, "receipt", "verify", "-", "--keys", keys)
				if status != 0 {
					h.Errorf("%s, %s: status %d: %s\n%s", kind, how, status, stderr, document)
				}
				for _, says := range []string{`"` + who.Username + `"`, "POST https://bank.example.org/transfers?dry=false", `1000000.01`, "The signature was used on"} {
					if !strings.Contains(out, says) {
						h.Errorf("%s, %s: %q does not say %q", kind, how, out, says)
					}
				}
				changed := strings.Replace(document, "1000000.01", "9000000.01", 1)
				if _, stderr, status := command(h, changed, "receipt", "verify", "-", "--keys", keys); status != 1 || !strings.Contains(stderr, "changed") {
					h.Errorf("%s, %s, changed: status %d: %s", kind, how, status, stderr)
				}
			}
			// What came inside another answer is the same document, to the byte.
			out, stderr, status := command(h, consumed.Receipt, "receipt", "verify", "-", "--keys", keys)
			if status != 0 || !strings.Contains(out, "The receipt holds.") {
				h.Errorf("%s, consumed: status %d: %s", kind, status, stderr)
			}
			out, _, status = command(h, consumed.Receipt, "receipt", "verify", "-", "--keys", keys, "--json")
			if v := read[struct{ Valid, Trusted bool }](h, out); status != 0 || !v.Valid || !v.Trusted {
				h.Errorf("%s, for programs: status %d: %s", kind, status, out)
			}

			other := h.organisation()
			for _, wrong := range [][2]string{{other, consumed.ActionID}, {org, "ua-4k8df-1vu8r-8a1b2c3d4e5f6g7h"}, {org, ""}} {
				out, stderr, status := h.command("", "receipt", "export", "--org", wrong[0], wrong[1])
				if status != 1 || out != "" || strings.Count(stderr, "\n") != 1 {
					h.Errorf("receipt export %q: status %d: %s%s", wrong, status, out, stderr)
				}
			}
		}
	})
}
