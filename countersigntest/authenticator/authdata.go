package authenticator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/fxamacker/cbor/v2"

	"github.com/countersign/countersign/internal/verify/publickey"
)

// Flags of authenticator data (WebAuthn L3 §6.1).
const (
	flagUP = 1 << 0 // user present
	flagUV = 1 << 2 // user verified
	flagBE = 1 << 3 // backup eligible
	flagBS = 1 << 4 // backup state
	flagAT = 1 << 6 // attested credential data included
	flagED = 1 << 7 // extension data included
)

// authDataHeader writes the 37 bytes that every authenticator data begins with.
func authDataHeader(o Options, flags byte) []byte {
	rpIDHash := sha256.Sum256([]byte(o.RPID))
	for _, f := range []struct {
		set  bool
		flag byte
	}{
		{!o.WithoutUserPresence, flagUP}, {!o.WithoutUserVerification, flagUV},
		{o.BackupEligible, flagBE}, {o.BackupState, flagBS}, {len(o.Extensions) > 0, flagED},
	} {
		if f.set {
			flags |= f.flag
		}
	}
	b := make([]byte, 0, 256)
	b = append(b, rpIDHash[:]...)
	b = append(b, flags)
	return binary.BigEndian.AppendUint32(b, o.SignCount)
}

// registrationData writes authenticator data with the new credential (§6.5.1).
func (a *Authenticator) registrationData(c *Credential, o Options) []byte {
	b := authDataHeader(o, flagAT)
	if o.Format == FIDOU2F {
		b = append(b, make([]byte, 16)...) // U2F tokens have no AAGUID
	} else {
		b = append(b, a.AAGUID[:]...)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.ID)))
	b = append(b, c.ID...)
	b = append(b, change(o.Tamper.CredentialKey, c.coseKey)...)
	return appendExtensions(b, o)
}

func appendExtensions(b []byte, o Options) []byte {
	if len(o.Extensions) == 0 {
		return b
	}
	return append(b, encodeCBOR(o.Extensions)...)
}

// ctap2 writes CTAP2 canonical CBOR.
var ctap2 = func() cbor.EncMode {
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		panic(err) // fixed options cannot fail
	}
	return mode
}()

// encodeCBOR encodes a value of this package or of a test. It panics on a value that has no
// encoding, which is a mistake in the test.
func encodeCBOR(v any) []byte {
	b, err := ctap2.Marshal(v)
	if err != nil {
		panic("authenticator: " + err.Error())
	}
	return b
}

// Curves of COSE keys (RFC 9053 §7.1).
var coseCurves = map[string]int{publickey.P256: 1, publickey.P384: 2, publickey.P521: 3}

// coseKey writes a COSE_Key (RFC 9052 §7, RFC 8230 §4) as WebAuthn L3 §6.5.1.1 requires.
func coseKey(alg publickey.Algorithm, public crypto.PublicKey) ([]byte, error) {
	number, ok := alg.COSE()
	if !ok {
		return nil, fmt.Errorf("authenticator: %s has no COSE number", alg)
	}
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			return nil, err
		}
		n := len(point) / 2
		return encodeCBOR(map[int]any{1: 2, 3: number, -1: coseCurves[p.Params().Name],
			-2: point[1 : 1+n], -3: point[1+n:]}), nil
	case ed25519.PublicKey:
		return encodeCBOR(map[int]any{1: 1, 3: number, -1: 6, -2: []byte(p)}), nil
	case *rsa.PublicKey:
		return encodeCBOR(map[int]any{1: 3, 3: number, -1: p.N.Bytes(), -2: big.NewInt(int64(p.E)).Bytes()}), nil
	}
	return nil, fmt.Errorf("authenticator: no COSE key of type %T", public)
}

// appendHead writes the head of a CBOR item: its major type and length.
func appendHead(b []byte, major byte, n int) []byte {
	switch {
	case n < 24:
		return append(b, major<<5|byte(n))
	case n < 1<<8:
		return append(b, major<<5|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major<<5|25), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, major<<5|26), uint32(n))
}
