package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/url"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// passkey stamps ES256 credentials with attestation none from one that the software
// authenticator made. Challenge, credential id and public key are put in place each time, and
// with this attestation nothing signs them.
type passkey struct {
	object     mould // attestation object around the credential id
	x, y       int   // where the coordinates of the key are in the object
	clientData mould // client data around the challenge
}

// mould is a text with a gap.
type mould struct{ before, after []byte }

func newMould(text, gap []byte) (mould, error) {
	before, after, ok := bytes.Cut(text, gap)
	if !ok {
		return mould{}, errors.New("the authenticator's answer does not hold what it was given")
	}
	return mould{before, after}, nil
}

// attestation is a new credential, its parts in base64url. Its buffers are used again.
type attestation struct {
	credentialID, clientData, object []byte
	raw                              []byte
	id                               [32]byte
}

func newPasskey(origin string) (*passkey, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return nil, err
	}
	id := make([]byte, len(attestation{}.id))
	rand.Read(id)
	challenge := rand.Text()
	made, _, err := authenticator.New().Create(api.RegistrationChallenge{Challenge: challenge},
		authenticator.Options{Algorithm: publickey.ES256, RPID: u.Hostname(), Origin: origin, CredentialID: id})
	if err != nil {
		return nil, err
	}
	object, err1 := base64.RawURLEncoding.DecodeString(made.CredentialInfo.AttestationData)
	clientData, err2 := base64.RawURLEncoding.DecodeString(made.CredentialInfo.ClientData)
	p := &passkey{}
	var err3, err4 error
	p.object, err3 = newMould(object, id)
	p.clientData, err4 = newMould(clientData, []byte(challenge))
	// The key is the last of the object: labels -2 and -3, each with a string of 32 bytes.
	p.x, p.y = bytes.LastIndex(object, []byte{0x21, 0x58, 32})+3, bytes.LastIndex(object, []byte{0x22, 0x58, 32})+3
	if p.x < 3 || p.y != p.x+32+3 || p.y+32 > len(object) {
		return nil, errors.New("the authenticator's answer does not hold a key on P-256")
	}
	return p, errors.Join(err1, err2, err3, err4)
}

// create answers a challenge, which is base64url text. It is safe for concurrent use as
// long as each caller has its own attestation.
func (p *passkey) create(a *attestation, challenge []byte) {
	b64 := base64.RawURLEncoding
	a.raw = p.clientData.fill(a.raw[:0], challenge)
	a.clientData = b64.AppendEncode(a.clientData[:0], a.raw)

	rand.Read(a.id[:])
	a.credentialID = b64.AppendEncode(a.credentialID[:0], a.id[:])
	a.raw = p.object.fill(a.raw[:0], a.id[:])
	point := newPoint()
	copy(a.raw[p.x:], point[:32])
	copy(a.raw[p.y:], point[32:])
	a.object = b64.AppendEncode(a.object[:0], a.raw)
}

// newPoint returns the coordinates of a new public key: no two users have the same.
func newPoint() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err == nil {
		var point []byte
		if point, err = key.PublicKey.Bytes(); err == nil {
			return point[1:]
		}
	}
	panic("bench: " + err.Error()) // crypto/rand does not fail
}

func (m mould) fill(into, gap []byte) []byte {
	into = append(into, m.before...)
	into = append(into, gap...)
	return append(into, m.after...)
}
