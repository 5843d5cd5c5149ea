package webauthn

import (
	"bytes"
	"crypto"
	_ "crypto/sha256" // the hashes that tpmHash names
	_ "crypto/sha512"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"github.com/countersign/countersign/internal/verify/publickey"
)

// Constants of TPM 2.0 Part 2: §6.2 TPM_GENERATED, §6.3 TPM_ALG_ID, §6.4 TPM_ECC_CURVE,
// §6.9 TPM_ST.
const (
	tpmGenerated     = 0xff544347
	tpmAttestCertify = 0x8017

	tpmRSA    = 0x0001
	tpmSHA256 = 0x000b
	tpmSHA384 = 0x000c
	tpmSHA512 = 0x000d
	tpmNull   = 0x0010
	tpmRSASSA = 0x0014
	tpmECDSA  = 0x0018
	tpmECC    = 0x0023

	tpmP256 = 0x0003
	tpmP384 = 0x0004
	tpmP521 = 0x0005

	tpmDefaultExponent = 65537 // for which exponent is 0 (§12.2.3.5)
)

// tpmReader reads TPM structures: big-endian numbers and sized buffers. After a failure it
// returns only empty values, so that a caller reads a structure to its end and checks err
// once.
type tpmReader struct {
	data []byte
	err  error
}

func (r *tpmReader) take(n int) []byte {
	if r.err != nil || n > len(r.data) {
		if r.err == nil {
			r.err = errors.New("cut short")
		}
		return nil
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

func (r *tpmReader) uint16() uint16 {
	b := r.take(2)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

func (r *tpmReader) uint32() uint32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// sized reads a TPM2B: a length of two bytes and that many bytes.
func (r *tpmReader) sized() []byte { return r.take(int(r.uint16())) }

// end returns the first failure. Unread bytes are one too.
func (r *tpmReader) end() error {
	if r.err == nil && len(r.data) > 0 {
		r.err = fmt.Errorf("%d more bytes", len(r.data))
	}
	return r.err
}

// tpmHash returns the hash that a TPM_ALG_ID names.
func tpmHash(id []byte) (crypto.Hash, bool) {
	switch binary.BigEndian.Uint16(id) {
	case tpmSHA256:
		return crypto.SHA256, true
	case tpmSHA384:
		return crypto.SHA384, true
	case tpmSHA512:
		return crypto.SHA512, true
	}
	return 0, false
}

// pubArea is the public key in a TPMT_PUBLIC.
type pubArea struct {
	kind     uint16
	exponent uint32 // RSA
	modulus  []byte // RSA
	curve    uint16 // ECC
	x, y     []byte // ECC
}

// parsePubArea reads a TPMT_PUBLIC (TPM 2.0 Part 2 §12.2.4). The symmetric algorithm must be
// null, which excludes storage keys.
func parsePubArea(b []byte) (pubArea, error) {
	var a pubArea
	r := tpmReader{data: b}
	a.kind = r.uint16()
	if id := r.take(2); id != nil {
		if _, ok := tpmHash(id); !ok {
			return a, fmt.Errorf("nameAlg 0x%x", id)
		}
	}
	r.uint32() // objectAttributes
	r.sized()  // authPolicy
	if symmetric := r.uint16(); r.err == nil && symmetric != tpmNull {
		return a, fmt.Errorf("symmetric algorithm 0x%04x", symmetric)
	}
	if scheme := r.uint16(); scheme != tpmNull {
		if scheme != tpmRSASSA && scheme != tpmECDSA && r.err == nil {
			return a, fmt.Errorf("scheme 0x%04x", scheme)
		}
		r.uint16() // its hash
	}
	switch a.kind {
	case tpmRSA:
		r.uint16() // keyBits; publickey measures the modulus
		a.exponent = r.uint32()
		a.modulus = r.sized()
	case tpmECC:
		a.curve = r.uint16()
		if kdf := r.uint16(); kdf != tpmNull {
			r.uint16() // its hash
		}
		a.x, a.y = r.sized(), r.sized()
	default:
		return a, fmt.Errorf("key type 0x%04x", a.kind)
	}
	return a, r.end()
}

// publicKey returns the key that the area describes.
func (a pubArea) publicKey() (*publickey.Key, error) {
	if a.kind == tpmRSA {
		e := a.exponent
		if e == 0 {
			e = tpmDefaultExponent
		}
		return publickey.NewRSA(a.modulus, bytes.TrimLeft(binary.BigEndian.AppendUint32(nil, e), "\x00"))
	}
	curve, ok := map[uint16]struct {
		name string
		size int
	}{
		tpmP256: {publickey.P256, 32},
		tpmP384: {publickey.P384, 48},
		tpmP521: {publickey.P521, 66},
	}[a.curve]
	if !ok {
		return nil, fmt.Errorf("curve 0x%04x", a.curve)
	}
	return publickey.NewECDSA(curve.name, padded(a.x, curve.size), padded(a.y, curve.size))
}

// padded restores the leading zeros of a coordinate, which a TPM may leave out.
func padded(b []byte, size int) []byte {
	if len(b) >= size {
		return b
	}
	return append(make([]byte, size-len(b)), b...)
}

// certInfo holds the parts of a TPMS_ATTEST that §8.3 checks.
type certInfo struct {
	extraData []byte
	name      []byte // of the certified key
}

// parseCertInfo reads a TPMS_ATTEST (TPM 2.0 Part 2 §10.12.8) that certifies a key. It
// ignores signer, clock and firmware version, which a TPM may obfuscate.
func parseCertInfo(b []byte) (certInfo, error) {
	var c certInfo
	r := tpmReader{data: b}
	if magic := r.uint32(); r.err == nil && magic != tpmGenerated {
		return c, fmt.Errorf("magic 0x%08x", magic)
	}
	if kind := r.uint16(); r.err == nil && kind != tpmAttestCertify {
		return c, fmt.Errorf("type 0x%04x", kind)
	}
	r.sized() // qualifiedSigner
	c.extraData = r.sized()
	r.take(8 + 4 + 4 + 1) // clockInfo
	r.take(8)             // firmwareVersion
	c.name = r.sized()
	r.sized() // qualifiedName
	return c, r.end()
}

// plainSignature returns the signature in the form that COSE uses. §8.3 requires a
// TPMT_SIGNATURE (TPM 2.0 Part 2 §11.3.4), but Windows and the vectors of §16 send the
// signature alone. Both are accepted. They cannot be confused: a TPMT_SIGNATURE begins with
// 0x0014 or 0x0018, ECDSA in DER with 0x30, and a bare RSA signature is six bytes shorter
// than one in a TPMT_SIGNATURE.
func plainSignature(alg int64, sig []byte) ([]byte, error) {
	algorithm, _ := algorithmOf(alg)
	isRSA := algorithm.KeyType() == publickey.RSA || alg == coseRS1
	r := tpmReader{data: sig}
	scheme, _ := r.uint16(), r.uint16()
	switch {
	case scheme == tpmECDSA && len(sig) > 0 && !isRSA:
		rs, ss := r.sized(), r.sized()
		if err := r.end(); err != nil {
			return nil, err
		}
		return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(rs), new(big.Int).SetBytes(ss)})
	case scheme == tpmRSASSA && isRSA:
		inner := r.sized()
		if r.end() == nil {
			return inner, nil
		}
	}
	return sig, nil
}
