package metadata

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign/api"
)

// Limits of a BLOB. FIDO's had 160 entries in 2 MiB in 2023, the largest of 108 KiB with its icon, and 39
// roots in one entry.
const (
	MaxBlob = 16 << 20

	maxHeader  = 64 << 10
	maxSigners = 8
	maxEntries = 10_000
	maxNesting = 32
)

// algorithms are those that a BLOB may be signed with (MDS §3.1.7: RFC 7518 §3.1). None is symmetric: who
// can verify could sign.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512}

func refuse(code, message, rule, received string, cause error) error {
	return &api.Error{Kind: api.Invalid, Code: code, Message: message, Rule: rule, Received: received, Cause: cause}
}

func malformed(received string, cause error) error {
	return refuse("metadata_malformed", "That is not FIDO metadata that can be read.", "MDS §3.1.7", received, cause)
}

// Read verifies a BLOB and reads it, at the time that it is loaded.
func Read(blob []byte, t *Trust, at time.Time) (*Metadata, error) {
	if len(blob) > MaxBlob {
		return nil, refuse("metadata_too_large", "The FIDO metadata is larger than 16 MiB.", "size of the BLOB", fmt.Sprintf("%d bytes", len(blob)), nil)
	}
	payload, signers, err := open(strings.TrimSpace(string(blob)), t, at)
	if err != nil {
		return nil, err
	}
	m, err := readPayload(payload)
	if err != nil {
		return nil, err
	}
	m.LoadedAt, m.signers = at, signers
	lists := make([][]byte, len(t.crls))
	for i, l := range t.crls {
		lists[i] = l.Raw
	}
	return m, m.CheckRevocation(lists, at)
}

// open verifies the signature and returns what was signed, and the chain of who signed it, which ends in a
// root (MDS §3.1.8, steps 3 to 6).
func open(blob string, t *Trust, at time.Time) ([]byte, []*x509.Certificate, error) {
	if header, _, _ := strings.Cut(blob, "."); len(header) > maxHeader || strings.Count(blob, ".") != 2 {
		return nil, nil, malformed("no compact JWS", nil)
	}
	signed, err := jose.ParseSignedCompact(blob, algorithms)
	if err != nil {
		return nil, nil, malformed("no JWS with x5c and an algorithm of RSA or ECDSA", err)
	}
	header := signed.Signatures[0].Protected
	if _, there := header.ExtraHeaders["x5u"]; there {
		return nil, nil, malformed("x5u", nil)
	}
	chains, err := header.Certificates(x509.VerifyOptions{DNSName: t.host, Roots: t.pool(), CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return nil, nil, refuse("metadata_untrusted", "The FIDO metadata is not signed by who is trusted with it.",
			"MDS §3.1.8, the chain of the signer ends in the root, for "+t.host, "", err)
	}
	chain := chains[0]
	if len(chain) > maxSigners {
		return nil, nil, malformed(fmt.Sprintf("a chain of %d certificates", len(chain)), nil)
	}
	if key, ok := chain[0].PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		return nil, nil, refuse("metadata_untrusted", "The FIDO metadata is signed with a key that is too small.", "RSA of 2048 bits or more",
			fmt.Sprintf("%d bits", key.N.BitLen()), nil)
	}
	payload, err := signed.Verify(chain[0].PublicKey)
	if err != nil {
		return nil, nil, refuse("metadata_signature_invalid", "The signature of the FIDO metadata is wrong.", "MDS §3.1.8, signature", "", err)
	}
	return payload, chain, nil
}

// readPayload reads the list (MDS §3.1.6).
func readPayload(payload []byte) (*Metadata, error) {
	if nesting(payload) > maxNesting {
		return nil, malformed("values within values", nil)
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(payload))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, malformed("no JSON object", err)
	}
	m := newMetadata()
	seen := map[string]bool{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, malformed("broken JSON", err)
		}
		member := name.String()
		seen[member] = true
		switch member {
		case "no":
			err = json.UnmarshalDecode(d, &m.Number)
			if err == nil && m.Number < 1 {
				err = fmt.Errorf("number %d", m.Number)
			}
		case "nextUpdate":
			m.NextUpdate, err = readDate(d)
		case "entries":
			err = m.readEntries(d)
		default:
			err = d.SkipValue()
		}
		if _, known := err.(*api.Error); known {
			return nil, err
		} else if err != nil {
			return nil, malformed(fmt.Sprintf("the member %.40q", member), err)
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, malformed("broken JSON", err)
	}
	if d.PeekKind() != 0 || len(bytes.TrimSpace(payload[d.InputOffset():])) > 0 {
		return nil, malformed("something after the JSON object", nil)
	}
	for _, member := range []string{"no", "nextUpdate", "entries"} {
		if !seen[member] {
			return nil, malformed("no member "+member, nil)
		}
	}
	m.forgetAmbiguous()
	return m, nil
}

func readDate(d *jsontext.Decoder) (time.Time, error) {
	var text string
	if err := json.UnmarshalDecode(d, &text); err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.DateOnly, text)
}

func (m *Metadata) readEntries(d *jsontext.Decoder) error {
	if t, err := d.ReadToken(); err != nil || t.Kind() != '[' {
		return malformed("entries that are no list", err)
	}
	for n := 0; d.PeekKind() != ']'; n++ {
		if n == maxEntries {
			return refuse("metadata_too_large", "The FIDO metadata has more than 10,000 entries.", "number of entries", "more", nil)
		}
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := m.add(raw); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// nesting returns how deep values are within values. It need not be right for what is no JSON.
func nesting(text []byte) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted:
			if c == '\\' {
				i++
			} else if c == '"' {
				quoted = false
			}
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}
