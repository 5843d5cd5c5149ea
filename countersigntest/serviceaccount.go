package countersigntest

import (
	"context"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/service/serviceaccount"
	"github.com/countersign/countersign/internal/store"
)

// ServiceAccount makes a service account with the named permissions. It returns its id and a
// session that signs with its key.
func (s *Server) ServiceAccount(t testing.TB, orgID, name string, permissionIDs ...string) (userID string, session *client.Session) {
	t.Helper()
	key := newKey(t)
	n := serviceaccount.New{Name: name, PublicKey: key.PublicKeyPEM()}
	for _, id := range permissionIDs {
		p, err := s.DB.Permission(context.Background(), orgID, id)
		must(t, err)
		n.Permissions = append(n.Permissions, p)
	}
	made, err := store.Do(context.Background(), s.DB, func(tx *store.Tx) (serviceaccount.Created, error) {
		return s.ServiceAccounts.CreateWith(tx, api.Caller{OrgID: orgID}, n)
	})
	must(t, err)
	return made.User.ID, s.Client().Session(made.Token.Text, withID(t, base64url([]byte(made.Token.Credential.CredentialID)), key))
}

// PersonalToken makes a personal access token in a person's session. It returns its id and a
// session that signs with its key. With permissionID "" it gets all permissions of the person.
func (s *Server) PersonalToken(t testing.TB, owner *client.Session, name, permissionID string) (tokenID string, session *client.Session) {
	t.Helper()
	key := newKey(t)
	made, err := owner.CreateToken(context.Background(), api.CreateTokenRequest{Name: name, PublicKey: key.PublicKeyPEM(), PermissionID: permissionID})
	must(t, err)
	return made.TokenID, s.Client().Session(made.AccessToken, withID(t, made.CredID, key))
}

// Session logs a person in and returns a session that signs with their credential.
func (s *Server) Session(t testing.TB, p *Person) *client.Session {
	t.Helper()
	return s.Client().Session(p.LogIn(t), p.Signer())
}

// Permission makes a permission of an organisation and returns its id.
func (s *Server) Permission(t testing.TB, orgID, name string, operations ...string) string {
	t.Helper()
	now := s.Clock.Now()
	id := api.NewID(api.PrefixPermission, now)
	must(t, s.DB.Write(context.Background(), func(tx *store.Tx) error {
		tx.CreatePermission(store.Permission{ID: id, OrgID: orgID, Name: name, NameKey: name, Operations: operations, CreatedAt: now}, nil)
		return nil
	}))
	return id
}

// Grant assigns a permission to any identity.
func (s *Server) Grant(t testing.TB, orgID, permissionID, identityID string) store.Assignment {
	t.Helper()
	now := s.Clock.Now()
	a := store.Assignment{ID: api.NewID(api.PrefixAssignment, now), OrgID: orgID, PermissionID: permissionID, IdentityID: identityID, CreatedAt: now}
	p, err := s.DB.Permission(context.Background(), orgID, permissionID)
	must(t, err)
	must(t, s.DB.Write(context.Background(), func(tx *store.Tx) error { tx.Assign(a, p.Version, nil, nil); return nil }))
	s.Access.Changed() // the clock may stand still, and with it the age of what is cached
	return a
}

func newKey(t testing.TB) *client.KeySigner {
	t.Helper()
	key, err := client.GenerateKeySigner(client.P256)
	must(t, err)
	return key
}

// withID returns the signer of a key that was registered with another credential ID.
func withID(t testing.TB, credentialID string, key *client.KeySigner) *client.KeySigner {
	t.Helper()
	signer, err := client.NewKeySigner(credentialID, key.PrivateKeyPEM())
	must(t, err)
	return signer
}
