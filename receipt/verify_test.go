package receipt_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/verify/publickey"
	"github.com/countersign/countersign/internal/verify/useraction"
	"github.com/countersign/countersign/receipt"
)

func TestSealedReceiptsVerify(t *testing.T) {
	for name, signed := range kinds {
		r := signed(t)
		document := seal(t, r)
		if again := seal(t, r); !bytes.Equal(document, again) {
			t.Errorf("%s: sealed twice, the document differs", name)
		}
		if !bytes.HasSuffix(document, []byte("\n}\n")) || !json.Valid(document) {
			t.Errorf("%s: %s", name, document)
		}
		for _, trusted := range [][]ed25519.PublicKey{nil, public(sealing), append(public(newKey("older")), public(sealing)...)} {
			read, report, err := receipt.Verify(document, trusted)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if read.Action != r.Action || read.Who != r.Who || read.Statement != r.Statement || read.SealedBy.ID != "sk-1" {
				t.Errorf("%s: read as %+v", name, read)
			}
			if (len(report.Compare) == 0) != (trusted != nil) || len(report.Lines) < 6 || len(report.Checks) < 5 || len(report.Grounds) == 0 {
				t.Errorf("%s: %+v", name, report)
			}
		}
	}
}

// A document with any byte changed, added or removed is refused with a reason, although the
// key inside it is trusted.
func TestEveryChangedByteIsRefused(t *testing.T) {
	reasons := []string{receipt.CodeMalformed, receipt.CodeLayout, receipt.CodeSeal}
	for _, name := range []string{"passkey ES256", "passkey RS256", "key Ed25519", "key secp256k1", "second factor"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document := seal(t, kinds[name](t))
			refused := func(what string, at int, changed []byte) {
				if _, _, err := receipt.Verify(changed, nil); err == nil || !slices.Contains(reasons, api.CodeOf(err)) {
					t.Errorf("byte %d %s: %v", at, what, err)
				}
			}
			for i, c := range document {
				for _, other := range []byte{c ^ 1, c ^ 0x20, c ^ 0x80, ' '} {
					if other != c {
						changed := bytes.Clone(document)
						changed[i] = other
						refused(fmt.Sprintf("made %q", other), i, changed)
					}
				}
				refused("lost", i, slices.Delete(bytes.Clone(document), i, i+1))
				refused("doubled", i, slices.Insert(bytes.Clone(document), i, c))
			}
			for _, end := range []string{" ", "\n", "\x00", "{}"} {
				refused("followed by "+end, len(document), append(bytes.Clone(document), end...))
			}
			for _, n := range []int{0, 1, len(document) / 2, len(document) - 1} {
				refused("the last", n, document[:n])
			}
		})
	}
}

// serverOnly lists the members that only the server vouches for. Every other one is bound to the
// credential's signature: if it is changed, the receipt is refused even with a valid seal.
var serverOnly = []string{"issuedAt", "who.organisation", "action.id", "action.signedAt", "action.usedAt", "action.usedFor",
	"credential.uuid", "credential.name", "credential.credentialId",
	"secondFactor.credential.uuid", "secondFactor.credential.name", "secondFactor.credential.credentialId"}

// A forger who changes a receipt and seals it with their own key deceives a reader who trusts
// no particular key about the seal, but not about the credential's signature.
func TestEveryForgedMemberIsRefusedUnderANewSeal(t *testing.T) {
	forger := newKey("a forger")
	for name, signed := range kinds {
		document := seal(t, signed(t))
		var tree map[string]any
		must(t, json.Unmarshal(document, &tree))
		for _, path := range leaves("", tree) {
			if strings.HasPrefix(path, "sealedBy.") || path == "seal" || path == "countersignReceipt" {
				continue // Seal writes these
			}
			changed := forged(t, document, path)
			_, _, err := receipt.Verify(sealWith(t, changed, "sk-1", forger), nil)
			if slices.Contains(serverOnly, path) {
				if err != nil {
					t.Errorf("%s: %s: %v, although nothing signed speaks of it: the list in this test is wrong", name, path, err)
				}
				continue
			}
			wantCode(t, name+": "+path, err, receipt.CodeStatement, receipt.CodeCredential, receipt.CodeSignature)
			_, _, err = receipt.Verify(sealWith(t, changed, "sk-1", forger), public(sealing))
			wantCode(t, name+": "+path+", keys pinned", err, receipt.CodeKeyUnknown)
		}
	}
}

// leaves lists the paths of all strings and numbers in a JSON tree.
func leaves(prefix string, tree map[string]any) (paths []string) {
	for name, v := range tree {
		if inner, ok := v.(map[string]any); ok {
			paths = append(paths, leaves(prefix+name+".", inner)...)
		} else {
			paths = append(paths, prefix+name)
		}
	}
	return paths
}

// forged is the receipt with the string at path changed as little as its form allows.
func forged(t testing.TB, document []byte, path string) receipt.Receipt {
	t.Helper()
	var tree map[string]any
	must(t, json.Unmarshal(document, &tree))
	names := strings.Split(path, ".")
	inner := tree
	for _, n := range names[:len(names)-1] {
		inner = inner[n].(map[string]any)
	}
	last := names[len(names)-1]
	text := inner[last].(string)
	switch {
	case strings.HasSuffix(last, "At"): // another second
		text = strings.Replace(text, ":0", ":1", 1)
	case last == "name" || last == "organisation" || text == "":
		text += "x"
	case last == "publicKey": // any other key of the same type
		text = otherKey(t, text)
	default: // a letter in the middle, still base64url
		b := []byte(text)
		i := len(b) / 2
		if b[i] == 'A' {
			b[i] = 'B'
		} else {
			b[i] = 'A'
		}
		text = string(b)
	}
	if text == inner[last] {
		t.Fatalf("%s is unchanged", path)
	}
	inner[last] = text
	changed, err := json.Marshal(tree)
	must(t, err)
	var r receipt.Receipt
	must(t, json.Unmarshal(changed, &r))
	return r
}

func otherKey(t testing.TB, pem string) string {
	t.Helper()
	k, err := publickey.ParsePEM(pem)
	must(t, err)
	return receipt.PEM(authenticator.NewKeySigner(k.Type()).PublicKey().SPKI())
}

// A forger may make payload, digest, statement and challenge agree, but then the signature is
// over another statement.
func TestAForgedPayloadWithItsOwnStatementIsRefused(t *testing.T) {
	for name, signed := range kinds {
		r := signed(t)
		s, ok := useraction.ReadStatement(r.Statement)
		if !ok {
			t.Fatal(r.Statement)
		}
		r.Action.Payload, r.Action.Withheld = strings.Replace(payload, "12345", "99999", 1), ""
		s.PayloadSHA256 = useraction.PayloadDigest([]byte(r.Action.Payload))
		r.Statement = s.Text()
		_, _, err := receipt.Verify(seal(t, r), nil)
		wantCode(t, name, err, receipt.CodeSignature)

		// Nor does it help to put the new challenge into the client data.
		clientData, err := decode(r.Assertion.ClientData)
		must(t, err)
		var m map[string]any
		must(t, json.Unmarshal(clientData, &m))
		m["challenge"] = challengeOf(r.Statement)
		clientData, err = json.Marshal(m)
		must(t, err)
		r.Assertion.ClientData = encode(clientData)
		_, _, err = receipt.Verify(seal(t, r), nil)
		wantCode(t, name+", new client data", err, receipt.CodeSignature)
	}
}

// Who logged in or registered signed no action, whatever text the server hid in the challenge;
// nor does a challenge of one version of the statement stand for the other's.
func TestTheChallengeOfAnotherPurposeIsRefused(t *testing.T) {
	for version, challenges := range map[int]map[string]func(text string) string{
		2: {
			"a login":        func(text string) string { return api.ChallengeOf(api.PurposeLogin, text) },
			"a registration": func(text string) string { return api.ChallengeOf(api.PurposeRegistration, text) },
			"recovery":       func(text string) string { return api.ChallengeOf("recovery", text) },
			"no purpose":     func(text string) string { return api.ChallengeOf("", text) },
			"no label":       func(text string) string { return useraction.PayloadDigest([]byte(text)) },
			"the text":       func(text string) string { return encode([]byte(text)) },
		},
		1: {
			"a login":  func(text string) string { return api.ChallengeOf(api.PurposeLogin, text) },
			"a label":  func(text string) string { return api.ChallengeOf(api.PurposeAction, text) },
			"the text": func(text string) string { return encode([]byte(text)) },
		},
	} {
		for name, challenge := range challenges {
			r := unsigned()
			s, _ := useraction.ReadStatement(r.Statement)
			s.Version = version
			r.Statement = s.Text()
			signer := authenticator.NewKeySigner(publickey.P256)
			clientData, signature := signer.Assert(challenge(r.Statement))
			r.Credential, r.Assertion = key(r.Statement, publickey.P256, api.KindKey)
			r.Credential.PublicKey = receipt.PEM(signer.PublicKey().SPKI())
			r.Assertion = receipt.NewAssertion(api.KindKey, clientData, nil, signature)
			_, _, err := receipt.Verify(seal(t, r), nil)
			wantCode(t, fmt.Sprintf("version %d, %s", version, name), err, receipt.CodeSignature)
		}
	}
}

// The same JSON in another layout is another document.
func TestOtherLayoutsAreRefused(t *testing.T) {
	document := seal(t, withSecondFactor(t))
	var compact, indented bytes.Buffer
	must(t, json.Compact(&compact, document))
	must(t, json.Indent(&indented, document, "", "\t"))
	for name, c := range map[string]struct {
		document []byte
		code     string
	}{
		"compact":              {compact.Bytes(), receipt.CodeLayout},
		"tabs":                 {indented.Bytes(), receipt.CodeLayout},
		"CRLF":                 {bytes.ReplaceAll(document, []byte("\n"), []byte("\r\n")), receipt.CodeLayout},
		"no last break":        {document[:len(document)-1], receipt.CodeLayout},
		"byte order mark":      {append([]byte("\ufeff"), document...), receipt.CodeMalformed},
		"escaped letter":       {replaced(t, document, `"method": "POST"`, `"method": "\u0050OST"`), receipt.CodeLayout},
		"escaped slash":        {replaced(t, document, `"origin": "https://`, `"origin": "https:\/\/`), receipt.CodeLayout},
		"member twice":         {replaced(t, document, `"method": "POST",`, `"method": "POST", "method": "POST",`), receipt.CodeMalformed},
		"unknown member":       {replaced(t, document, `"method": "POST",`, `"method": "POST", "Method": "GET",`), receipt.CodeMalformed},
		"misspelt member":      {replaced(t, document, `"method"`, `"Method"`), receipt.CodeMalformed},
		"member left out":      {replaced(t, document, `    "method": "POST",`+"\n", ``), receipt.CodeLayout},
		"member null":          {replaced(t, document, `"method": "POST"`, `"method": null`), receipt.CodeLayout},
		"version 1.0":          {replaced(t, document, `"countersignReceipt": 1`, `"countersignReceipt": 1.0`), receipt.CodeMalformed},
		"version 2":            {replaced(t, document, `"countersignReceipt": 1`, `"countersignReceipt": 2`), receipt.CodeMalformed},
		"an array of it":       {append(append([]byte("["), document...), ']'), receipt.CodeMalformed},
		"twice":                {append(bytes.Clone(document), document...), receipt.CodeMalformed},
		"nothing":              {nil, receipt.CodeMalformed},
		"null":                 {[]byte("null\n"), receipt.CodeMalformed},
		"not UTF-8":            {replaced(t, document, `"method": "POST"`, "\"method\": \"P\xffST\""), receipt.CodeMalformed},
		"over a megabyte":      {append(bytes.Clone(document), bytes.Repeat([]byte(" "), receipt.MaxSize)...), receipt.CodeMalformed},
		"very deep":            {bytes.Repeat([]byte("["), 1<<19), receipt.CodeMalformed},
		"seal with padding":    {bytes.Replace(document, []byte("\"\n}\n"), []byte("==\"\n}\n"), 1), receipt.CodeSeal},
		"seal left out":        {document[:bytes.LastIndex(document, []byte(",\n"))], receipt.CodeMalformed},
		"key in standard form": {replaced(t, document, `"x": "`, `"x": "=`), receipt.CodeSeal},
	} {
		_, _, err := receipt.Verify(c.document, nil)
		wantCode(t, name, err, c.code)
	}
	for _, other := range []*bytes.Buffer{&compact, &indented} {
		restored, err := receipt.Restore(other.Bytes())
		if err != nil || !bytes.Equal(restored, document) {
			t.Errorf("restored with %v: %s", err, restored)
		}
	}
	if _, err := receipt.Restore([]byte("{}")); err == nil {
		t.Error("an empty object is restored")
	}
}

func TestInvalidSeals(t *testing.T) {
	document := seal(t, withPasskey(publickey.ES256)(t))
	r, _, err := receipt.Verify(document, nil)
	must(t, err)
	_, _, err = receipt.Verify(document, []ed25519.PublicKey{})
	wantCode(t, "no key trusted", err, receipt.CodeKeyUnknown)

	// With a key of small order one seal fits every document.
	identity := append([]byte{1}, make([]byte, 31)...)
	everything := append(bytes.Clone(identity), make([]byte, 32)...)
	if !ed25519.Verify(identity, []byte("anything"), everything) {
		t.Fatal("this is not the forgery that it should be")
	}
	forged := replaced(t, replaced(t, document, r.SealedBy.X, encode(identity)), r.Signature, encode(everything))
	_, _, err = receipt.Verify(forged, nil)
	wantCode(t, "a key of small order", err, receipt.CodeSeal)
	_, _, err = receipt.Verify(replaced(t, document, r.SealedBy.X, r.SealedBy.X[:40]), nil)
	wantCode(t, "a short key", err, receipt.CodeSeal)

	// The same bytes signed without the line before them, as another kind of signature.
	bare := replaced(t, document, r.Signature, "")
	_, _, err = receipt.Verify(replaced(t, document, r.Signature, encode(ed25519.Sign(sealing, bare))), nil)
	wantCode(t, "a signature of the bare document", err, receipt.CodeSeal)

	r.Action.Payload = "\xff"
	if _, err := r.Seal("sk-1", sealing); err == nil {
		t.Error("text that is not UTF-8 is sealed")
	}
	if _, err := r.Seal("sk-1", sealing[:63]); err == nil {
		t.Error("sealed with 63 bytes")
	}
}
