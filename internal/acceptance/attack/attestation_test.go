package attack_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strconv"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// members of the statement of each format, by CBOR type.
var members = map[string]map[string]string{
	authenticator.PackedSelf: {"alg": "int", "sig": "bytes"},
	authenticator.PackedX5C:  {"alg": "int", "sig": "bytes", "x5c": "list"},
	authenticator.FIDOU2F:    {"sig": "bytes", "x5c": "list"},
	authenticator.Apple:      {"x5c": "list"},
	authenticator.AndroidKey: {"alg": "int", "sig": "bytes", "x5c": "list"},
	authenticator.TPM:        {"ver": "text", "alg": "int", "sig": "bytes", "x5c": "list", "certInfo": "bytes", "pubArea": "bytes"},
}

func statement(format string, change func(map[string]any), codes ...string) spoilt {
	return spoilt{authenticator.Options{Format: format, Tamper: authenticator.Tamper{Statement: change}}, codes}
}

var anyAttestation = world.Codes("attestation_malformed", "attestation_invalid", "attestation_certificate_invalid")

// Every member of every statement is missing, of another type, empty, cut, longer,
// another number, changed in a bit; and nothing may be added.
func TestSpoiltStatements(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		all := map[string]spoilt{}
		for format, of := range members {
			for name, kind := range of {
				at := format + " " + name + " "
				set := func(v any) spoilt {
					return statement(format, func(m map[string]any) { m[name] = v }, anyAttestation...)
				}
				change := func(f func([]byte) []byte) spoilt {
					return statement(format, func(m map[string]any) { m[name] = f(bytes.Clone(m[name].([]byte))) }, anyAttestation...)
				}
				all[at+"missing"] = statement(format, func(m map[string]any) { delete(m, name) }, anyAttestation...)
				all[at+"renamed"] = statement(format, func(m map[string]any) { m[name+"x"] = m[name]; delete(m, name) }, anyAttestation...)
				all[at+"null"], all[at+"true"], all[at+"map"] = set(nil), set(true), set(map[string]any{})
				if kind != "int" {
					all[at+"number"] = set(-7)
				}
				if kind != "text" {
					all[at+"text"] = set("text")
				}
				if kind != "bytes" {
					all[at+"bytes"] = set([]byte("bytes"))
				}
				switch kind {
				case "int":
					for _, alg := range []int64{0, 7, -1, -8, -35, -36, -37, -47, -65535, 1 << 40, -1 << 40} {
						all[at+strconv.Itoa(int(alg))] = set(alg)
					}
				case "bytes":
					all[at+"empty"] = set([]byte{})
					all[at+"one zero"] = set([]byte{0})
					all[at+"huge"] = set(make([]byte, 20000))
					all[at+"cut"] = change(func(b []byte) []byte { return b[:len(b)-1] })
					all[at+"longer"] = change(func(b []byte) []byte { return append(b, 0) })
					all[at+"first bit"] = change(func(b []byte) []byte { b[0] ^= 1; return b })
					all[at+"last bit"] = change(func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
					all[at+"middle bit"] = change(func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
				case "list":
					all[at+"empty"] = set([]any{})
					all[at+"of text"] = set([]any{"x"})
					all[at+"of null"] = set([]any{nil})
					all[at+"of nothing"] = set([]any{[]byte{}})
					all[at+"of garbage"] = set([]any{bytes.Repeat([]byte{0x30}, 500)})
					all[at+"of lists"] = set([]any{[]any{}})
					all[at+"too many"] = statement(format, func(m map[string]any) {
						x5c := m[name].([][]byte)
						for len(x5c) < 40 {
							x5c = append(x5c, x5c[len(x5c)-1])
						}
						m[name] = x5c
					}, anyAttestation...)
					all[at+"cut"] = leaf(format, func(b []byte) []byte { return b[:len(b)-1] })
					all[at+"longer"] = leaf(format, func(b []byte) []byte { return append(b, 0) })
					all[at+"twice in one"] = leaf(format, func(b []byte) []byte { return append(b, b...) })
				case "text":
					for _, v := range []string{"", "1.2", "2.0 ", "2", "2.0\x00"} {
						all[at+v] = set(v)
					}
				}
			}
			all[format+" and more"] = statement(format, func(m map[string]any) { m["more"] = 1 }, anyAttestation...)
			all[format+" and ecdaaKeyId"] = statement(format, func(m map[string]any) { m["ecdaaKeyId"] = []byte("x") }, anyAttestation...)
			all[format+" other client data"] = spoilt{authenticator.Options{Format: format, Tamper: authenticator.Tamper{
				SentClientData: func(b []byte) []byte { return append(b, ' ') }}}, anyAttestation}
			if format != authenticator.FIDOU2F { // which does not sign the counter
				all[format+" other counter"] = spoilt{authenticator.Options{Format: format, Tamper: authenticator.Tamper{
					SentAuthenticatorData: func(b []byte) []byte { b = bytes.Clone(b); b[36] ^= 1; return b }}}, anyAttestation}
			}
			all[format+" statement of none"] = statement(format, func(m map[string]any) { clear(m) }, anyAttestation...)
		}
		refuseAll(t, h, all)
	})
}

// leaf spoils the first certificate's bytes.
func leaf(format string, change func([]byte) []byte) spoilt {
	return statement(format, func(m map[string]any) {
		x5c := m["x5c"].([][]byte)
		m["x5c"] = append([][]byte{change(bytes.Clone(x5c[0]))}, x5c[1:]...)
	}, anyAttestation...)
}

// Certificates that say something else than they must, properly signed.
func TestSpoiltCertificates(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]spoilt{}
		add := func(name string, formats []string, change func(*authenticator.Template)) {
			for _, f := range formats {
				all[f+" "+name] = spoilt{authenticator.Options{Format: f, Tamper: authenticator.Tamper{Certificate: change}}, anyAttestation}
			}
		}
		const x5c, u2f, apple, android, tpm = authenticator.PackedX5C, authenticator.FIDOU2F, authenticator.Apple, authenticator.AndroidKey, authenticator.TPM
		every := []string{x5c, u2f, apple, android, tpm}
		chained := []string{x5c, apple, android, tpm} // u2f has one certificate alone
		add("of another key", every, func(c *authenticator.Template) { c.PublicKey = other.Public() })
		add("of a weak key", every, func(c *authenticator.Template) { c.PublicKey = p224.Public() })
		add("expired", every, func(c *authenticator.Template) { c.NotAfter = time.Now().Add(-time.Hour) })
		add("not yet valid", every, func(c *authenticator.Template) { c.NotBefore = time.Now().Add(time.Hour) })
		add("signed by another", chained, func(c *authenticator.Template) {
			issuer := *c.Issuer
			issuer.PublicKey = other.Public()
			c.Issuer, c.IssuerKey = &issuer, other
		})
		add("of another issuer", chained, func(c *authenticator.Template) {
			issuer := *c.Issuer
			issuer.RawSubject, issuer.Subject = nil, pkix.Name{CommonName: "Another"}
			c.Issuer = &issuer
		})
		add("chain twice", chained, func(c *authenticator.Template) { c.Chain = append(c.Chain, []byte{0x30, 0}) })
		add("chain of garbage", chained, func(c *authenticator.Template) { c.Chain = [][]byte{[]byte("garbage")} })
		add("that is a CA", []string{x5c, tpm}, func(c *authenticator.Template) { c.IsCA = true })
		add("without constraints", []string{x5c, tpm}, func(c *authenticator.Template) { c.BasicConstraintsValid = false })
		add("without subject", []string{x5c}, func(c *authenticator.Template) { c.Subject = pkix.Name{} })
		add("with a subject", []string{tpm}, func(c *authenticator.Template) { c.Subject = pkix.Name{CommonName: "TPM"} })
		add("without usage", []string{tpm}, func(c *authenticator.Template) { c.UnknownExtKeyUsage = nil })
		add("of another usage", []string{tpm}, func(c *authenticator.Template) {
			c.UnknownExtKeyUsage = nil
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		})
		add("without extensions", []string{apple, android, tpm}, func(c *authenticator.Template) { c.ExtraExtensions = nil })
		add("of another unit", []string{x5c}, func(c *authenticator.Template) { c.Subject.OrganizationalUnit = []string{"Anything Else"} })
		add("of no country", []string{x5c}, func(c *authenticator.Template) { c.Subject.Country = []string{"Nowhere"} })
		add("of two organisations", []string{x5c}, func(c *authenticator.Template) { c.Subject.Organization = []string{"A", "B"} })
		aaguid := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}
		extension := func(value []byte, critical bool) func(*authenticator.Template) {
			return func(c *authenticator.Template) {
				var kept []pkix.Extension
				for _, e := range c.ExtraExtensions {
					if !e.Id.Equal(aaguid) {
						kept = append(kept, e)
					}
				}
				c.ExtraExtensions = append(kept, pkix.Extension{Id: aaguid, Critical: critical, Value: value})
			}
		}
		add("of another model", []string{x5c, tpm}, extension(append([]byte{4, 16}, make([]byte, 16)...), false))
		add("of a model in short", []string{x5c, tpm}, extension([]byte{4, 1, 0}, false))
		add("of a model in long", []string{x5c, tpm}, extension(append([]byte{4, 17}, make([]byte, 17)...), false))
		add("of a critical model", []string{x5c}, extension(append([]byte{4, 16}, world.Authenticator.AAGUID[:]...), true))
		garbage := func(c *authenticator.Template) {
			for i := range c.ExtraExtensions {
				c.ExtraExtensions[i].Value = []byte("garbage")
			}
		}
		add("of garbage", []string{x5c, apple, android, tpm}, garbage)
		add("of nothing", []string{x5c, apple, android, tpm}, func(c *authenticator.Template) {
			for i := range c.ExtraExtensions {
				c.ExtraExtensions[i].Value = []byte{}
			}
		})
		refuseAll(t, h, all)
	})
}

// What a TPM and an Android key store say about the key.
func TestSpoiltDeviceStatements(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		all := map[string]spoilt{}
		tpm := func(o authenticator.Tamper) spoilt {
			return spoilt{authenticator.Options{Format: authenticator.TPM, Tamper: o}, anyAttestation}
		}
		for _, i := range []int{0, 1, 2, 3, 5, 8, 10, 14, 18, 20, 30, 60} {
			all["pubArea byte "+strconv.Itoa(i)] = tpm(authenticator.Tamper{PubArea: func(b []byte) []byte {
				b = bytes.Clone(b)
				b[min(i, len(b)-1)] ^= 0x40
				return b
			}})
		}
		// 4: attributes are the TPM's own to say; the rest must fit.
		delete(all, "pubArea byte 5")
		for _, i := range []int{0, 3, 4, 5, 6, 7, 42, 43, 60, 75} {
			all["certInfo byte "+strconv.Itoa(i)] = tpm(authenticator.Tamper{CertInfo: func(b []byte) []byte {
				b = bytes.Clone(b)
				b[i] ^= 0x40
				return b
			}})
		}
		for _, n := range []int{0, 1, 4, 6, 8, 40, 60, 90} {
			all["certInfo of "+strconv.Itoa(n)] = tpm(authenticator.Tamper{CertInfo: func(b []byte) []byte { return b[:n] }})
			all["pubArea of "+strconv.Itoa(n)] = tpm(authenticator.Tamper{PubArea: func(b []byte) []byte { return b[:min(n, len(b)-1)] }})
		}
		all["certInfo longer"] = tpm(authenticator.Tamper{CertInfo: func(b []byte) []byte { return append(bytes.Clone(b), 0) }})
		all["pubArea longer"] = tpm(authenticator.Tamper{PubArea: func(b []byte) []byte { return append(bytes.Clone(b), 0) }})
		// The attested name begins after magic, type, signer, extraData, clock and firmware.
		all["certInfo of another key"] = tpm(authenticator.Tamper{CertInfo: func(b []byte) []byte {
			b = bytes.Clone(b)
			b[len(b)-50] ^= 1
			return b
		}})

		android := func(change func(*authenticator.KeyDescription)) spoilt {
			var hash []byte
			return spoilt{authenticator.Options{Format: authenticator.AndroidKey, Tamper: authenticator.Tamper{
				ClientData: func(b []byte) []byte { hash = sum256(b); return b },
				Certificate: func(c *authenticator.Template) {
					d := authenticator.NewKeyDescription(hash)
					change(&d)
					e, err := d.Extension()
					if err != nil {
						panic(err)
					}
					c.ExtraExtensions = []pkix.Extension{e}
				}}}, anyAttestation}
		}
		applications := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 600, IsCompound: true, Bytes: []byte{5, 0}}
		all["android challenge"] = android(func(d *authenticator.KeyDescription) { d.AttestationChallenge = make([]byte, 32) })
		all["android no challenge"] = android(func(d *authenticator.KeyDescription) { d.AttestationChallenge = nil })
		all["android purpose"] = android(func(d *authenticator.KeyDescription) { d.TEEEnforced.Purpose = []int{0} })
		all["android purposes"] = android(func(d *authenticator.KeyDescription) { d.TEEEnforced.Purpose = []int{1, 2} })
		all["android imported"] = android(func(d *authenticator.KeyDescription) { d.TEEEnforced.Origin = 2 })
		all["android for all, TEE"] = android(func(d *authenticator.KeyDescription) { d.TEEEnforced.AllApplications = applications })
		all["android for all, software"] = android(func(d *authenticator.KeyDescription) { d.SoftwareEnforced.AllApplications = applications })

		for _, alg := range []publickey.Algorithm{publickey.ES384, publickey.ES512, publickey.EdDSA, publickey.RS256} {
			all["packed self "+string(alg)] = spoilt{authenticator.Options{Format: authenticator.PackedSelf, Algorithm: alg, Tamper: authenticator.Tamper{
				Statement: func(m map[string]any) { s := bytes.Clone(m["sig"].([]byte)); s[len(s)-3] ^= 1; m["sig"] = s }}}, anyAttestation}
		}
		refuseAll(t, h, all)
	})
}

// A good statement of every format registers, or else the attacks above prove nothing.
func TestGoodStatements(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		for _, format := range authenticator.Formats {
			g := h.Invitee(t)
			c := g.Begin(t)
			if a := g.Complete(t, c.TemporaryAuthenticationToken, world.First(g.Passkey(t, c, authenticator.Options{Format: format}))); a.Status != 200 {
				t.Errorf("%s: %d %s", format, a.Status, a.Body)
			}
		}
	})
}

// The statement of one passkey says nothing about another.
func TestStatementsOfAnother(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		for _, format := range authenticator.Formats[1:] {
			c := g.Begin(t)
			var other map[string]any
			g.Passkey(t, c, authenticator.Options{Format: format, Tamper: authenticator.Tamper{Statement: func(m map[string]any) { other = m }}})
			made := g.Passkey(t, c, authenticator.Options{Format: format, Tamper: authenticator.Tamper{Statement: func(m map[string]any) {
				clear(m)
				for k, v := range other {
					m[k] = v
				}
			}}})
			h.Refused(t, g.Complete(t, c.TemporaryAuthenticationToken, world.First(made)), anyAttestation, c.Challenge)

			// Nor does one for another ceremony.
			again := g.Begin(t)
			stale := g.Passkey(t, c, authenticator.Options{Format: format})
			fresh := stale
			fresh.CredentialInfo.ClientData = g.Passkey(t, again, authenticator.Options{}).CredentialInfo.ClientData
			h.Refused(t, g.Complete(t, again.TemporaryAuthenticationToken, world.First(stale)), world.Codes("challenge_mismatch"))
			h.Refused(t, g.Complete(t, again.TemporaryAuthenticationToken, world.First(fresh)), anyAttestation)
		}
		g.Registers(t)
	})
}
