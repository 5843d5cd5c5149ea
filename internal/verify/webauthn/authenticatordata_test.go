package webauthn

import (
	"bytes"
	"strings"
	"testing"
)

func TestAuthenticatorDataExtensions(t *testing.T) {
	extensions := cMap(cText("credProtect"), cInt(2), cText("hmac-secret"), []byte{0xf5})
	c := newCeremony()
	c.flags |= flagExtensionData
	c.extensions = extensions
	if reg := c.accepted(t); !bytes.Equal(reg.Extensions, extensions) {
		t.Errorf("extensions %x", reg.Extensions)
	}
	c.extensions = cMap(cText("unknown"), cMap(cInt(1), cArray(cText("x"), []byte{0xf6}, unhex("f93c00"))))
	c.accepted(t)
	c.extensions = cMap()
	c.accepted(t)
}

// TestExtensionOutputsInAnySpelling has outputs that nobody reads: they are signed, kept as they
// came, and no reason to refuse an authenticator.
func TestExtensionOutputsInAnySpelling(t *testing.T) {
	for name, extensions := range map[string][]byte{
		"extensions out of order": cMap(cText("hmac-secret"), cInt(1), cText("x"), cInt(1)),
		"output out of order":     cMap(cText("x"), cMap(cInt(2), cInt(1), cInt(1), cInt(1))),
		"output not shortest":     cMap(cText("x"), unhex("1801")),
		"output tagged":           cMap(cText("x"), unhex("c001")),
		"output indefinite":       cMap(cText("x"), unhex("9fff"), cText("a"), unhex("bf 7f6161ff 5f4100ff ff")),
		"empty lists":             cMap(cText("x"), cArray(), cText("a"), cMap()),
	} {
		t.Run(name, func(t *testing.T) {
			c := newCeremony()
			c.flags |= flagExtensionData
			c.extensions = extensions
			if reg := c.accepted(t); !bytes.Equal(reg.Extensions, extensions) {
				t.Errorf("extensions %x", reg.Extensions)
			}
			c.format, c.statement = "packed", selfStatement(-7, p256Key()) // signed, to the last byte
			c.accepted(t)
			c.object = func(f string, stmt, authData []byte) []byte {
				authData = bytes.Clone(authData)
				authData[fixedDataLen-1] ^= 1
				return attestationObjectOf(f, stmt, authData)
			}
			c.refused(t, CodeAttestationInvalid)
		})
	}
}

func TestAuthenticatorDataRefused(t *testing.T) {
	extend := func(extensions []byte) func(*ceremony) {
		return func(c *ceremony) {
			c.flags |= flagExtensionData
			c.extensions = extensions
		}
	}
	for name, change := range map[string]func(*ceremony){
		"no attested credential data": func(c *ceremony) { c.flags &^= flagAttestedData },
		"AT flag missing but data there": func(c *ceremony) {
			c.trailing = c.authData()[fixedDataLen:]
			c.flags &^= flagAttestedData
		},
		"empty credential ID":            func(c *ceremony) { c.credID = nil; c.claimedID = []byte{} },
		"a byte after the key":           func(c *ceremony) { c.trailing = []byte{0} },
		"extensions without the ED flag": func(c *ceremony) { c.extensions = cMap(cText("credProtect"), cInt(2)) },
		"ED flag without extensions":     func(c *ceremony) { c.flags |= flagExtensionData },
		"a byte after the extensions": func(c *ceremony) {
			extend(cMap())(c)
			c.trailing = []byte{0}
		},
		"extensions twice": func(c *ceremony) {
			extend(cMap())(c)
			c.trailing = cMap()
		},
		"extensions an array":         extend(cArray()),
		"extensions null":             extend([]byte{0xf6}),
		"extension named by a number": extend(cMap(cInt(1), cInt(1))),
		"extension named by bytes":    extend(cMap(cBytes([]byte("x")), cInt(1))),
		"extension twice":             extend(cMap(cText("x"), cInt(1), cText("x"), cInt(1))),
		"identifier not shortest":     extend(unhex("a1 780161 00")),
		"identifier indefinite":       extend(unhex("a1 7f6161ff 00")),
		"identifiers indefinite":      extend(unhex("bf 6161 00 ff")),
		"identifier tagged":           extend(unhex("a1 c06161 00")),
		"identifier not UTF-8":        extend(unhex("a1 61ff 00")),
		"twice, not in sequence":      extend(cMap(cText("x"), cInt(1), cText("a"), cInt(1), cText("x"), cInt(1))),
		"output of a break":           extend(unhex("a1 6161 ff")),
		"output without its break":    extend(unhex("a1 6161 9f00")),
		"output too deep":             extend(cMap(cText("x"), unhex(strings.Repeat("81", 8)+"00"))),
		"extensions cut short":        extend(cMap(cText("x"), cBytes([]byte("xyz")))[:5]),
		"output missing":              extend(unhex("a16178")),
		"no key":                      func(c *ceremony) { c.cose = nil },
		"a key that is no map":        func(c *ceremony) { c.cose = cBytes(c.cose) },
		"two keys":                    func(c *ceremony) { c.cose = append(bytes.Clone(c.cose), c.cose...) },
		"a PEM key":                   func(c *ceremony) { c.cose = []byte("-----BEGIN PUBLIC KEY-----\n") },
		"an uncompressed point for key": func(c *ceremony) {
			x, y := coordinates(&p256Key().PublicKey)
			c.cose = append(append([]byte{4}, x...), y...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCeremony()
			change(c)
			c.refused(t, CodeAuthenticatorDataMalformed)
		})
	}
}

// TestAuthenticatorDataEveryPrefix cuts authenticator data short at every byte, with the
// object around it intact.
func TestAuthenticatorDataEveryPrefix(t *testing.T) {
	for _, extended := range []bool{false, true} {
		c := newCeremony()
		if extended {
			c.flags |= flagExtensionData
			c.extensions = cMap(cText("credProtect"), cInt(2))
		}
		whole := c.authData()
		if _, err := parseAuthenticatorData(whole); err != nil {
			t.Fatal(err)
		}
		for n := range len(whole) {
			c.object = func(f string, s, a []byte) []byte { return attestationObjectOf(f, s, a[:n]) }
			c.refused(t, CodeAuthenticatorDataMalformed)
		}
	}
}

// TestWrongCredentialIDLength has lengths that reach into the key and beyond the end.
func TestWrongCredentialIDLength(t *testing.T) {
	c := newCeremony()
	for _, length := range []int{0, 1, 31, 33, 34, 100, 109, 110, 1023, 1024, 65535} {
		c.object = func(f string, s, a []byte) []byte {
			a = bytes.Clone(a)
			a[fixedDataLen+16], a[fixedDataLen+17] = byte(length>>8), byte(length)
			return attestationObjectOf(f, s, a)
		}
		c.refused(t, CodeAuthenticatorDataMalformed)
	}
}
