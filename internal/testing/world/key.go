package world

import (
	"context"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
)

// NewKey makes a key of one of the types of package client.
func NewKey(t testing.TB, keyType string) *client.KeySigner {
	t.Helper()
	key, err := client.GenerateKeySigner(keyType)
	Must(t, err)
	return key
}

// Carry is a session of an access token with a key, named by whichever of its ids.
func (n *Tenant) Carry(t testing.TB, token api.AccessToken, key *client.KeySigner, id string) *client.Session {
	t.Helper()
	named, err := client.NewKeySigner(id, key.PrivateKeyPEM())
	Must(t, err)
	return n.As(token.AccessToken, AnyChallenge{named})
}

// AnyChallenge signs with a key whether or not the challenge lists it.
type AnyChallenge struct{ *client.KeySigner }

func (s AnyChallenge) Sign(ctx context.Context, c api.SigningChallenge) (api.CredentialAssertion, error) {
	c.AllowCredentials.Key = append(c.AllowCredentials.Key, api.CredentialDescriptor{Type: "public-key", ID: s.CredentialID()})
	return s.KeySigner.Sign(ctx, c)
}
