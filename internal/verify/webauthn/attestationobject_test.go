package webauthn

import (
	"slices"
	"testing"
)

func TestAttestationObjectInAnyOrder(t *testing.T) {
	for name, object := range map[string]func(format string, stmt, authData []byte) []byte{
		"authData first": func(f string, s, a []byte) []byte {
			return cMap(cText("authData"), cBytes(a), cText("fmt"), cText(f), cText("attStmt"), s)
		},
		"attStmt first": func(f string, s, a []byte) []byte {
			return cMap(cText("attStmt"), s, cText("authData"), cBytes(a), cText("fmt"), cText(f))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCeremony()
			c.object = object
			c.accepted(t)
		})
	}
}

func TestAttestationObjectRefused(t *testing.T) {
	for name, object := range map[string]func(format string, stmt, authData []byte) []byte{
		"not CBOR": func(string, []byte, []byte) []byte { return []byte(`{"fmt":"none"}`) },
		"an array": func(f string, s, a []byte) []byte { return cArray(cText(f), s, cBytes(a)) },
		"wrapped in a byte string": func(f string, s, a []byte) []byte {
			return cBytes(attestationObjectOf(f, s, a))
		},
		"a byte after":  func(f string, s, a []byte) []byte { return append(attestationObjectOf(f, s, a), 0) },
		"an item after": func(f string, s, a []byte) []byte { return append(attestationObjectOf(f, s, a), cMap()...) },
		"twice": func(f string, s, a []byte) []byte {
			return append(attestationObjectOf(f, s, a), attestationObjectOf(f, s, a)...)
		},
		"tagged": func(f string, s, a []byte) []byte { return append(unhex("d9d9f7"), attestationObjectOf(f, s, a)...) },
		"indefinite": func(f string, s, a []byte) []byte {
			b := attestationObjectOf(f, s, a)
			return append(append([]byte{0xbf}, b[1:]...), 0xff)
		},
		"length not shortest": func(f string, s, a []byte) []byte {
			return append([]byte{0xb8, 3}, attestationObjectOf(f, s, a)[1:]...)
		},
		"authData length not shortest": func(f string, s, a []byte) []byte {
			long := slices.Concat([]byte{0x5a, 0, 0, byte(len(a) >> 8), byte(len(a))}, a)
			return cMap(cText("fmt"), cText(f), cText("attStmt"), s, cText("authData"), long)
		},
		"no fmt":      func(f string, s, a []byte) []byte { return cMap(cText("attStmt"), s, cText("authData"), cBytes(a)) },
		"no attStmt":  func(f string, s, a []byte) []byte { return cMap(cText("fmt"), cText(f), cText("authData"), cBytes(a)) },
		"no authData": func(f string, s, a []byte) []byte { return cMap(cText("fmt"), cText(f), cText("attStmt"), s) },
		"fmt twice, no attStmt": func(f string, s, a []byte) []byte {
			return cMap(cText("fmt"), cText(f), cText("fmt"), cText(f), cText("authData"), cBytes(a))
		},
		"authData twice": func(f string, s, a []byte) []byte {
			return cMap(cText("fmt"), cText(f), cText("authData"), cBytes(a), cText("authData"), cBytes(a))
		},
		"attStmt twice": func(f string, s, a []byte) []byte {
			return cMap(cText("attStmt"), s, cText("attStmt"), s, cText("authData"), cBytes(a))
		},
		"a fourth member": func(f string, s, a []byte) []byte {
			return cMap(cText("fmt"), cText(f), cText("attStmt"), s, cText("authData"), cBytes(a), cText("epAtt"), []byte{0xf5})
		},
		"fmt a fourth time": func(f string, s, a []byte) []byte {
			return cMap(cText("fmt"), cText("packed"), cText("attStmt"), s, cText("authData"), cBytes(a), cText("fmt"), cText(f))
		},
		"FMT": func(f string, s, a []byte) []byte {
			return cMap(cText("FMT"), cText(f), cText("attStmt"), s, cText("authData"), cBytes(a))
		},
		"the integer keys of CTAP2": func(f string, s, a []byte) []byte {
			return cMap(cInt(1), cText(f), cInt(2), cBytes(a), cInt(3), s)
		},
		"name as bytes": func(f string, s, a []byte) []byte {
			return cMap(cBytes([]byte("fmt")), cText(f), cText("attStmt"), s, cText("authData"), cBytes(a))
		},
		"fmt as bytes": func(f string, s, a []byte) []byte {
			return cMap(cText("fmt"), cBytes([]byte(f)), cText("attStmt"), s, cText("authData"), cBytes(a))
		},
		"authData as text": func(f string, s, a []byte) []byte {
			return cMap(cText("fmt"), cText(f), cText("attStmt"), s, cText("authData"), cText("x"))
		},
		"authData as an array": func(f string, s, a []byte) []byte {
			return cMap(cText("fmt"), cText(f), cText("attStmt"), s, cText("authData"), cArray(cBytes(a)))
		},
		"attStmt null": func(f string, s, a []byte) []byte {
			return cMap(cText("fmt"), cText(f), cText("attStmt"), []byte{0xf6}, cText("authData"), cBytes(a))
		},
		"attStmt as bytes": func(f string, s, a []byte) []byte {
			return cMap(cText("fmt"), cText(f), cText("attStmt"), cBytes(s), cText("authData"), cBytes(a))
		},
		"attStmt with a duplicate": func(f string, s, a []byte) []byte {
			return attestationObjectOf(f, cMap(cText("a"), cInt(1), cText("a"), cInt(1)), a)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCeremony()
			c.object = object
			c.refused(t, CodeAttestationMalformed)
		})
	}
}

// TestAttestationObjectEveryPrefix cuts the object short at every byte.
func TestAttestationObjectEveryPrefix(t *testing.T) {
	c := packedCeremony()
	r := c.response()
	whole := r.AttestationObject
	for n := range len(whole) {
		r.AttestationObject = whole[:n]
		_, err := VerifyRegistration(r, c.policy, c.now)
		wantCode(t, err, CodeAttestationMalformed)
	}
}
