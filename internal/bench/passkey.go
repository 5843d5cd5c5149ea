package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/url"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// passkey stamps ES256 credentials with attestation none from one that the software
// authenticator made. Challenge and credential id are put in place each time, and with
// this attestation nothing signs them. So all have one key pair: making keys would
// measure the client, and to a server a key is as good as another.
type passkey struct {
	object     mould // attestation object around the credential id
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
	a.object = b64.AppendEncode(a.object[:0], a.raw)
}

func (m mould) fill(into, gap []byte) []byte {
	into = append(into, m.before...)
	into = append(into, gap...)
	return append(into, m.after...)
}
