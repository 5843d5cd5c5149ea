package webauthn

import (
	"fmt"

	"github.com/countersign/countersign/internal/verify/publickey"
)

// Labels and values of COSE_Key (RFC 9052 §7, RFC 9053 §7, RFC 8230 §4).
const (
	coseKeyType   = 1
	coseAlgorithm = 3

	coseOKP = 1
	coseEC2 = 2
	coseRSA = 3
)

// coseKey is a credential public key as the authenticator encoded it, well-formed but
// not yet checked to be a sound key.
type coseKey struct {
	keyType   int64
	algorithm int64
	curve     int64  // EC2 and OKP
	x, y      []byte // EC2; OKP has x only
	n, e      []byte // RSA
}

// readCOSEKey reads a COSE_Key in CTAP2 canonical form with exactly the members of its
// type (WebAuthn L3 §6.5.1: alg, and no other optional member). Members and order are fixed,
// so it reads them as one sequence, in which a duplicate, an optional member or a private
// part (label -4 and on) cannot occur.
func readCOSEKey(r *cborReader) (k coseKey, err error) {
	n, err := r.mapLen()
	if err != nil {
		return k, err
	}
	if k.keyType, err = labelled(r, coseKeyType, "kty", (*cborReader).integer); err != nil {
		return k, err
	}
	if k.algorithm, err = labelled(r, coseAlgorithm, "alg", (*cborReader).integer); err != nil {
		return k, err
	}
	members := 4
	switch k.keyType {
	case coseEC2:
		members = 5
		err = k.readEC2(r)
	case coseOKP:
		err = k.readOKP(r)
	case coseRSA:
		err = k.readRSA(r)
	default:
		err = fmt.Errorf("key type %d", k.keyType)
	}
	if err == nil && n != members {
		err = fmt.Errorf("%d members in a key of type %d, which has %d", n, k.keyType, members)
	}
	return k, err
}

func (k *coseKey) readEC2(r *cborReader) (err error) {
	if k.curve, err = labelled(r, -1, "crv", (*cborReader).integer); err != nil {
		return err
	}
	if k.x, err = labelled(r, -2, "x", (*cborReader).byteString); err != nil {
		return err
	}
	// A boolean y is the compressed form, which §5.8.5 forbids.
	k.y, err = labelled(r, -3, "y", (*cborReader).byteString)
	return err
}

func (k *coseKey) readOKP(r *cborReader) (err error) {
	if k.curve, err = labelled(r, -1, "crv", (*cborReader).integer); err != nil {
		return err
	}
	k.x, err = labelled(r, -2, "x", (*cborReader).byteString)
	return err
}

func (k *coseKey) readRSA(r *cborReader) (err error) {
	if k.n, err = labelled(r, -1, "n", (*cborReader).byteString); err != nil {
		return err
	}
	k.e, err = labelled(r, -2, "e", (*cborReader).byteString)
	return err
}

// labelled reads a map member that must have the given label.
func labelled[T any](r *cborReader, label int64, name string, read func(*cborReader) (T, error)) (T, error) {
	var none T
	got, err := r.integer()
	if err != nil {
		return none, fmt.Errorf("label of %s: %w", name, err)
	}
	if got != label {
		return none, fmt.Errorf("label %d instead of %d (%s)", got, label, name)
	}
	v, err := read(r)
	if err != nil {
		return none, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

// coseShapes gives the type of key and the curve for each algorithm that a credential may
// have (WebAuthn L3 §5.8.5).
var coseShapes = map[publickey.Algorithm]struct {
	keyType, curve int64
	curveName      string
}{
	publickey.ES256: {coseEC2, 1, publickey.P256},
	publickey.ES384: {coseEC2, 2, publickey.P384},
	publickey.ES512: {coseEC2, 3, publickey.P521},
	publickey.EdDSA: {coseOKP, 6, publickey.Ed25519},
	publickey.RS256: {keyType: coseRSA},
}

// publicKey checks that type, curve and algorithm agree and that the key is sound.
func (k *coseKey) publicKey() (*publickey.Key, publickey.Algorithm, error) {
	alg, ok := algorithmOf(k.algorithm)
	shape, known := coseShapes[alg]
	if !ok || !known {
		return nil, "", fmt.Errorf("COSE algorithm %d is not supported for credentials", k.algorithm)
	}
	if k.keyType != shape.keyType || k.curve != shape.curve {
		return nil, "", fmt.Errorf("key type %d with curve %d does not go with %s", k.keyType, k.curve, alg)
	}
	var key *publickey.Key
	var err error
	switch k.keyType {
	case coseEC2:
		key, err = publickey.NewECDSA(shape.curveName, k.x, k.y)
	case coseOKP:
		key, err = publickey.NewEd25519(k.x)
	default:
		key, err = publickey.NewRSA(k.n, k.e)
	}
	return key, alg, err
}

// algorithmOf is publickey.FromCOSE for an identifier of any size.
func algorithmOf(id int64) (publickey.Algorithm, bool) {
	if int64(int(id)) != id { // where int has 32 bits
		return "", false
	}
	return publickey.FromCOSE(int(id))
}
