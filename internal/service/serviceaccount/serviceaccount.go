// Package serviceaccount administers service accounts: users that sign with a key and carry an
// access token instead of logging in. A new one may do nothing until it is assigned a
// permission.
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

// Service is service accounts with all that it needs.
type Service struct {
	DB     *store.DB
	Access *access.Checker
	Tokens *accesstoken.Issuer
	Now    func() time.Time
}

var (
	errName = &api.Error{Kind: api.Conflict, Code: "service_account_name_taken", Message: "This organisation has a service account of that name."}
	errGone = &api.Error{Kind: api.NotFound, Code: "service_account_not_found", Message: "There is no such service account."}
)

// nameKey makes names of service accounts unique among themselves: no person's key has capitals.
func nameKey(name string) string { return "SERVICE ACCOUNT " + username.Key(name) }

// New is a service account to be made.
type New struct {
	Name, PublicKey, ExternalID string
	DaysValid                   *int
	Permissions                 []store.Permission // what it may do, as they were read
}

// Made is a service account that was just made. Its token's text exists only here.
type Made struct {
	User        store.User
	Token       accesstoken.Issued
	Assignments []store.HeldPermission
}

// Create makes a service account in the caller's organisation.
func (s *Service) Create(ctx context.Context, tx *store.Tx, who api.Caller, in api.CreateServiceAccountRequest) (api.ServiceAccount, error) {
	n := New{Name: in.Name, PublicKey: in.PublicKey, ExternalID: in.ExternalID, DaysValid: in.DaysValid}
	if in.PermissionID != "" {
		p, err := s.Access.Give(ctx, who, in.PermissionID)
		if err != nil {
			return api.ServiceAccount{}, err
		}
		n.Permissions = []store.Permission{p}
	}
	made, err := s.Make(tx, who, n)
	if err != nil {
		return api.ServiceAccount{}, err
	}
	out := shown(store.Member{User: made.User, CredentialID: made.Token.Credential.ID, Assignments: made.Assignments},
		[]store.TokenEntry{made.Token.Entry(nil)})
	out.AccessTokens[0].AccessToken = made.Token.Text
	return out, nil
}

// Make makes a service account in the organisation of who, who need be nobody else: the
// operator at the command line assigns whatever permission they like.
func (s *Service) Make(tx *store.Tx, who api.Caller, n New) (made Made, err error) {
	now := s.Now()
	made.User = store.User{ID: api.NewID(api.PrefixUser, now), OrgID: who.OrgID, Username: n.Name, UsernameKey: nameKey(n.Name),
		Kind: store.KindServiceAccount, Active: true, ExternalID: n.ExternalID, CreatedAt: now, RegisteredAt: now}
	made.Token, err = s.Tokens.Issue(made.User, accesstoken.Params{Kind: store.TokenServiceAccount, Name: n.Name, ExternalID: n.ExternalID,
		PublicKey: n.PublicKey, DaysValid: n.DaysValid, CredentialUUID: api.FirstCredentialID(made.User.ID)})
	if err != nil {
		return made, err
	}
	for _, p := range n.Permissions {
		made.Assignments = append(made.Assignments, access.Held(p, made.User.ID, now))
	}
	tx.CreateUser(made.User, errName)
	made.Token.Keep(tx, errName, errGone)
	access.Assign(tx, who, made.Assignments, made.User.ID, now)
	tx.Record(event(who, store.EventServiceAccountCreated, store.Member{User: made.User}, now))
	return made, nil
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

// Get shows one.
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
		err = errGone
	}
	return m, err
}

// Update renames one.
func (s *Service) Update(ctx context.Context, tx *store.Tx, who api.Caller, in api.UpdateServiceAccountRequest) (api.ServiceAccount, error) {
	if err := username.CheckRename(in.Rename); err != nil {
		return api.ServiceAccount{}, err
	}
	return s.change(ctx, tx, who, in.ServiceAccountID, store.EventServiceAccountUpdated, func(m *store.Member, _ time.Time) {
		name, key := "", "" // as they are
		if in.Name != nil {
			name, key, m.Username = *in.Name, nameKey(*in.Name), *in.Name
		}
		tx.RenameUser(m.ID, who.OrgID, name, key, in.ExternalID, errName, errGone)
	})
}

// Activate lets a deactivated one act again.
func (s *Service) Activate(ctx context.Context, tx *store.Tx, who api.Caller, in api.ServiceAccountRequest) (api.ServiceAccount, error) {
	return s.change(ctx, tx, who, in.ServiceAccountID, store.EventServiceAccountActivated, func(m *store.Member, _ time.Time) {
		tx.ActivateUser(m.ID, who.OrgID, errGone)
		m.Active = true
	})
}

// Deactivate locks one out, as [store.Tx.DeactivateUser] says.
func (s *Service) Deactivate(ctx context.Context, tx *store.Tx, who api.Caller, in api.DeactivateServiceAccountRequest) (api.ServiceAccount, error) {
	return s.change(ctx, tx, who, in.ServiceAccountID, store.EventServiceAccountDeactivated, func(m *store.Member, now time.Time) {
		tx.DeactivateUser(m.ID, who.OrgID, now, errGone)
		m.Active = false
	})
}

// Archive is Deactivate, permanently, with its access tokens.
func (s *Service) Archive(ctx context.Context, tx *store.Tx, who api.Caller, in api.ArchiveServiceAccountRequest) (api.ServiceAccount, error) {
	return s.change(ctx, tx, who, in.ServiceAccountID, store.EventServiceAccountArchived, func(m *store.Member, now time.Time) {
		tx.ArchiveUser(m.ID, who.OrgID, now, errGone)
		m.Active = false
	})
}

// Reissue gives one a new access token instead of the one that it has, which is refused from then
// on. It returns the token's text, which exists only here.
func (s *Service) Reissue(ctx context.Context, tx *store.Tx, who api.Caller, id string, days *int) (token api.AccessToken, text string, err error) {
	m, err := s.present(ctx, who, id)
	if err != nil {
		return token, "", err
	}
	entries, err := s.DB.AccessTokens(ctx, m.ID)
	if err != nil {
		return token, "", err
	}
	if len(entries) != 1 {
		return token, "", errGone
	}
	entry := entries[0]
	was := entry.Digest
	if entry.AccessToken, text, err = s.Tokens.Reissue(m.User, entry.AccessToken, days); err != nil {
		return token, "", err
	}
	now := s.Now()
	tx.ReissueAccessToken(entry.AccessToken, was, now, &store.Outdated{Err: errGone})
	tx.Record(event(who, store.EventServiceAccountReissued, m, now))
	return accesstoken.ToAPI(entry, m.Active), text, nil
}

func (s *Service) change(ctx context.Context, tx *store.Tx, who api.Caller, id, kind string, do func(*store.Member, time.Time)) (api.ServiceAccount, error) {
	r := resource.Resource[store.Member, api.ServiceAccount]{Find: s.present, Show: s.show, Event: event, Now: s.Now}
	return r.Change(ctx, tx, who, id, kind, do)
}

// present is find for those that are not archived.
func (s *Service) present(ctx context.Context, who api.Caller, id string) (store.Member, error) {
	m, err := s.find(ctx, who, id)
	if err == nil && !m.ArchivedAt.IsZero() {
		err = errGone
	}
	return m, err
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
