// Package serviceaccount administers service accounts: users that sign with a key and carry an
// access token instead of logging in. A new one may do nothing until a permission is assigned to
// it.
package serviceaccount

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/accesstoken"
	"github.com/countersign/countersign/internal/auth/resource"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Service administers service accounts.
type Service struct {
	DB     *store.DB
	Access *access.Checker
	Tokens *accesstoken.Issuer
	Now    func() time.Time
}

var (
	errName     = &api.Error{Kind: api.Conflict, Code: "service_account_name_taken", Message: "This organisation has a service account of that name, or of one that looks the same."}
	errNotFound = &api.Error{Kind: api.NotFound, Code: "service_account_not_found", Message: "There is no such service account."}
)

// nameKey returns the key by which names of service accounts are unique. No person's key has
// capitals.
func nameKey(name string) string { return "SERVICE ACCOUNT " + username.Key(name) }

// New is a service account to be created.
type New struct {
	Name, PublicKey, ExternalID string
	DaysValid                   *int
	Permissions                 []store.Permission // as they were read
}

// Created is a new service account. The text of its token exists only here.
type Created struct {
	User        store.User
	Token       accesstoken.Issued
	Assignments []store.HeldPermission
}

// Create creates a service account in the caller's organisation.
func (s *Service) Create(ctx context.Context, tx *store.Tx, who api.Caller, in api.CreateServiceAccountRequest) (api.ServiceAccount, error) {
	n := New{Name: in.Name, PublicKey: in.PublicKey, ExternalID: in.ExternalID, DaysValid: in.DaysValid}
	if in.PermissionID != "" {
		p, err := s.Access.Grant(ctx, tx, who, in.PermissionID, "Permissions:Assign", "Auth:ServiceAccounts:Create")
		if err != nil {
			return api.ServiceAccount{}, err
		}
		n.Permissions = []store.Permission{p}
	}
	created, err := s.CreateWith(tx, who, n)
	if err != nil {
		return api.ServiceAccount{}, err
	}
	out := shown(store.Member{User: created.User, CredentialID: created.Token.Credential.ID, Assignments: created.Assignments},
		[]store.TokenEntry{created.Token.Entry(nil)})
	out.AccessTokens[0].AccessToken = created.Token.Text
	return out, nil
}

// CreateWith creates a service account in the organisation of who. It does not check whether who may
// assign its permissions: the operator at the command line may assign any.
func (s *Service) CreateWith(tx *store.Tx, who api.Caller, n New) (created Created, err error) {
	now := s.Now()
	created.User = store.User{ID: api.NewID(api.PrefixUser, now), OrgID: who.OrgID, Username: n.Name, UsernameKey: nameKey(n.Name),
		Kind: store.KindServiceAccount, Active: true, ExternalID: n.ExternalID, CreatedAt: now, RegisteredAt: now}
	created.Token, err = s.Tokens.Issue(created.User, accesstoken.Params{Kind: store.TokenServiceAccount, Name: n.Name, ExternalID: n.ExternalID,
		PublicKey: n.PublicKey, DaysValid: n.DaysValid, CredentialUUID: api.FirstCredentialID(created.User.ID)})
	if err != nil {
		return created, err
	}
	for _, p := range n.Permissions {
		created.Assignments = append(created.Assignments, access.Held(p, created.User.ID, now))
	}
	tx.CreateUser(created.User, errName)
	created.Token.Store(tx, errName, errNotFound)
	access.Assign(tx, who, created.Assignments, created.User.ID, now)
	tx.Record(event(who, store.EventServiceAccountCreated, store.Member{User: created.User}, now))
	return created, nil
}

// List lists the service accounts of the caller's organisation.
func (s *Service) List(ctx context.Context, who api.Caller, _ api.Nothing) (api.ServiceAccountList, error) {
	members, tokens, err := s.DB.ServiceAccounts(ctx, who.OrgID)
	if err != nil {
		return api.ServiceAccountList{}, err
	}
	of := map[string][]store.TokenEntry{}
	for _, t := range tokens {
		of[t.UserID] = append(of[t.UserID], t)
	}
	list := api.ServiceAccountList{Items: make([]api.ServiceAccount, 0, len(members))}
	for _, m := range members {
		list.Items = append(list.Items, shown(m, of[m.ID]))
	}
	return list, nil
}

// Get shows a service account.
func (s *Service) Get(ctx context.Context, who api.Caller, in api.ServiceAccountRequest) (api.ServiceAccount, error) {
	m, err := s.find(ctx, who, in.ServiceAccountID)
	if err != nil {
		return api.ServiceAccount{}, err
	}
	return s.show(ctx, m)
}

// find returns a service account of the caller's organisation, archived or not.
func (s *Service) find(ctx context.Context, who api.Caller, id string) (store.Member, error) {
	m, err := s.DB.ServiceAccount(ctx, who.OrgID, id)
	if api.KindOf(err) == api.NotFound {
		err = errNotFound
	}
	return m, err
}

// Update renames a service account.
func (s *Service) Update(ctx context.Context, tx *store.Tx, who api.Caller, in api.UpdateServiceAccountRequest) (api.ServiceAccount, error) {
	if err := username.CheckRename(in.Rename); err != nil {
		return api.ServiceAccount{}, err
	}
	return s.change(ctx, tx, who, in.ServiceAccountID, store.EventServiceAccountUpdated, func(m *store.Member, _ time.Time) {
		name, key := "", "" // unchanged
		if in.Name != nil {
			name, key, m.Username = *in.Name, nameKey(*in.Name), *in.Name
		}
		tx.RenameUser(m.ID, who.OrgID, name, key, in.ExternalID, errName, errNotFound)
	})
}

// Activate activates a deactivated service account.
func (s *Service) Activate(ctx context.Context, tx *store.Tx, who api.Caller, in api.ServiceAccountRequest) (api.ServiceAccount, error) {
	return s.change(ctx, tx, who, in.ServiceAccountID, store.EventServiceAccountActivated, func(m *store.Member, _ time.Time) {
		tx.ActivateUser(m.ID, who.OrgID, errNotFound)
		m.Active = true
	})
}

// Deactivate deactivates a service account, as [store.Tx.DeactivateUser] does.
func (s *Service) Deactivate(ctx context.Context, tx *store.Tx, who api.Caller, in api.DeactivateServiceAccountRequest) (api.ServiceAccount, error) {
	return s.change(ctx, tx, who, in.ServiceAccountID, store.EventServiceAccountDeactivated, func(m *store.Member, now time.Time) {
		tx.DeactivateUser(m.ID, who.OrgID, now, errNotFound)
		m.Active = false
	})
}

// Archive removes a service account permanently, with its access tokens.
func (s *Service) Archive(ctx context.Context, tx *store.Tx, who api.Caller, in api.ArchiveServiceAccountRequest) (api.ServiceAccount, error) {
	return s.change(ctx, tx, who, in.ServiceAccountID, store.EventServiceAccountArchived, func(m *store.Member, now time.Time) {
		tx.ArchiveUser(m.ID, who.OrgID, now, errNotFound)
		m.Active = false
	})
}

// Reissue gives a service account a new access token in place of the one that it has, which is
// refused from then on. It returns the token's text, which exists only here.
func (s *Service) Reissue(ctx context.Context, tx *store.Tx, who api.Caller, id string, days *int) (token api.AccessToken, text string, err error) {
	m, err := s.find(ctx, who, id)
	if err == nil && m.Archived() {
		err = errNotFound
	}
	if err != nil {
		return token, "", err
	}
	entries, err := s.DB.AccessTokens(ctx, m.ID)
	if err != nil {
		return token, "", err
	}
	if len(entries) != 1 {
		return token, "", errNotFound
	}
	entry := entries[0]
	was := entry.Digest
	if entry.AccessToken, text, err = s.Tokens.Reissue(m.User, entry.AccessToken, days); err != nil {
		return token, "", err
	}
	now := s.Now()
	tx.ReissueAccessToken(entry.AccessToken, was, now, &store.Outdated{Err: errNotFound})
	tx.Record(event(who, store.EventServiceAccountReissued, m, now))
	return accesstoken.ToAPI(entry, m.Active), text, nil
}

func (s *Service) change(ctx context.Context, tx *store.Tx, who api.Caller, id, kind string, do func(*store.Member, time.Time)) (api.ServiceAccount, error) {
	r := resource.Resource[store.Member, api.ServiceAccount]{Find: s.find, Gone: errNotFound, Show: s.show, Event: event, Now: s.Now}
	return r.Change(ctx, tx, who, id, kind, do)
}

func (s *Service) show(ctx context.Context, m store.Member) (api.ServiceAccount, error) {
	tokens, err := s.DB.AccessTokens(ctx, m.ID)
	return shown(m, tokens), err
}

func event(who api.Caller, kind string, m store.Member, now time.Time) store.Event {
	e := store.NewEvent(who, kind, now, map[string]any{"name": m.Username})
	e.UserID = m.ID
	return e
}

func shown(m store.Member, tokens []store.TokenEntry) api.ServiceAccount {
	out := api.ServiceAccount{AccessTokens: make([]api.AccessToken, 0, len(tokens)), UserInfo: api.ServiceAccountUser{
		Username: m.Username, Name: m.Username, UserID: m.ID, Kind: api.CustomerEmployee,
		CredentialUUID: api.FirstCredentialID(m.ID), OrgID: m.OrgID, Permissions: []string{}, IsActive: m.Active,
		IsServiceAccount: true, IsRegistered: true, PermissionAssignments: access.Summaries(m.Assignments)}}
	for _, t := range tokens {
		out.AccessTokens = append(out.AccessTokens, accesstoken.ToAPI(t, m.Active))
	}
	return out
}
