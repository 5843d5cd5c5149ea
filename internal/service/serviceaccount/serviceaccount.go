// Package serviceaccount is the room of machines: users that sign with a key and carry an
// access token instead of logging in. A new one may do nothing until it is given a
// permission.
package serviceaccount

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/accesstoken"
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

// nameKey makes names of machines unique among themselves: no person's has capitals.
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
func (s *Service) Create(ctx context.Context, who api.Caller, in api.CreateServiceAccountRequest) (api.ServiceAccount, error) {
	n := New{Name: in.Name, PublicKey: in.PublicKey, ExternalID: in.ExternalID, DaysValid: in.DaysValid}
	if in.PermissionID != "" {
		p, err := s.Access.Give(ctx, who, in.PermissionID)
		if err != nil {
			return api.ServiceAccount{}, err
		}
		n.Permissions = []store.Permission{p}
	}
	made, err := s.Make(ctx, who, n)
	if err != nil {
		return api.ServiceAccount{}, err
	}
	out := shown(store.Member{User: made.User, CredentialID: made.Token.Credential.ID, Assignments: made.Assignments},
		[]store.TokenEntry{made.Token.Entry(nil)})
	out.AccessTokens[0].AccessToken = made.Token.Text
	return out, nil
}

// Make makes a service account in the organisation of who, who need be nobody else: the
// operator at the command line gives whatever permission they like.
func (s *Service) Make(ctx context.Context, who api.Caller, n New) (made Made, err error) {
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
	event := event(who, "service_account.created", made.User, now)
	return made, s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.CreateUser(made.User, errName)
		made.Token.Keep(tx, errName, errGone)
		access.Assign(tx, who, made.Assignments, made.User.ID, now)
		tx.Record(event)
		return nil
	})
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
	tokens, err := s.DB.AccessTokens(ctx, m.ID)
	return shown(m, tokens), err
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
func (s *Service) Update(ctx context.Context, who api.Caller, in api.UpdateServiceAccountRequest) (api.ServiceAccount, error) {
	return s.change(ctx, who, in.ServiceAccountID, "service_account.updated", func(tx *store.Tx, m *store.Member, _ time.Time) error {
		name, key := "", "" // as they are
		if in.Name != nil {
			name, key, m.Username = *in.Name, nameKey(*in.Name), *in.Name
		}
		tx.RenameUser(m.ID, who.OrgID, name, key, in.ExternalID, errName, errGone)
		return username.CheckRename(in.Rename)
	})
}

// Activate puts a deactivated one back.
func (s *Service) Activate(ctx context.Context, who api.Caller, in api.ServiceAccountRequest) (api.ServiceAccount, error) {
	return s.change(ctx, who, in.ServiceAccountID, "service_account.activated", func(tx *store.Tx, m *store.Member, _ time.Time) error {
		tx.SetUserActive(m.ID, who.OrgID, true, errGone)
		m.Active = true
		return nil
	})
}

// Deactivate withdraws one; what it signed and did not use is void, and the sessions that it
// opened for end users are over: whoever had its key may have opened any of them.
func (s *Service) Deactivate(ctx context.Context, who api.Caller, in api.DeactivateServiceAccountRequest) (api.ServiceAccount, error) {
	return s.change(ctx, who, in.ServiceAccountID, "service_account.deactivated", func(tx *store.Tx, m *store.Member, now time.Time) error {
		tx.SetUserActive(m.ID, who.OrgID, false, errGone)
		end(tx, m, now)
		m.Active = false
		return nil
	})
}

// Archive is Deactivate for good, with its access tokens.
func (s *Service) Archive(ctx context.Context, who api.Caller, in api.ArchiveServiceAccountRequest) (api.ServiceAccount, error) {
	return s.change(ctx, who, in.ServiceAccountID, "service_account.archived", func(tx *store.Tx, m *store.Member, now time.Time) error {
		tx.ArchiveUser(m.ID, who.OrgID, now, errGone)
		end(tx, m, now)
		m.Active = false
		return nil
	})
}

// end ends what one has begun and what it has opened.
func end(tx *store.Tx, m *store.Member, now time.Time) {
	tx.EndSessions(m.ID, now)
	tx.EndDelegatedSessions(api.FirstCredentialID(m.ID), now)
}

// change makes a change and records it in one unit. do may run again.
func (s *Service) change(ctx context.Context, who api.Caller, id, kind string, do func(*store.Tx, *store.Member, time.Time) error) (api.ServiceAccount, error) {
	m, err := s.find(ctx, who, id)
	if err == nil && !m.ArchivedAt.IsZero() {
		err = errGone
	}
	if err != nil {
		return api.ServiceAccount{}, err
	}
	tokens, err := s.DB.AccessTokens(ctx, m.ID)
	if err != nil {
		return api.ServiceAccount{}, err
	}
	now := s.Now()
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		if err := do(tx, &m, now); err != nil {
			return err
		}
		tx.Record(event(who, kind, m.User, now))
		return nil
	})
	return shown(m, tokens), err
}

func event(who api.Caller, kind string, u store.User, now time.Time) store.Event {
	e := store.NewEvent(who, kind, now, map[string]any{"name": u.Username})
	e.UserID = u.ID
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
