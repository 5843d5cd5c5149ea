package user

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/pagination"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Service is users with all that it needs.
type Service struct {
	DB     *store.DB
	Access *access.Checker   // the operator's commands need neither this
	Pages  *pagination.Maker // nor this
	Codes  *code.Issuer
	Now    func() time.Time
}

// Invitee is somebody to be invited.
type Invitee struct {
	Username string
	Kind     string // CustomerEmployee (the default) or EndUser

	// Administrator makes the user one. Who is invited by themselves into an organisation
	// that has no user yet becomes one anyway.
	Administrator bool
}

// Invitation is what came of inviting an Invitee. Code and Link are shown here and never
// again.
type Invitation struct {
	User store.User
	code.Issued
	Mailed bool // the code was mailed as well
}

// batch is how many people are invited in one transaction: enough that a hundred
// thousand take seconds, few enough that a running server hardly waits.
const batch = 500

// Invite makes a user and a registration code, or a new code for a user who is still
// to register; the old code is void from then on. If mail is configured and the name
// is an address, the code is mailed too; an error of kind Unavailable then comes with
// a valid Invitation whose code is good although its mail did not go.
func (s *Service) Invite(ctx context.Context, orgID string, g Invitee, lifetime time.Duration) (Invitation, error) {
	org, err := s.DB.Organisation(ctx, orgID)
	if err != nil {
		return Invitation{}, err
	}
	entries, err := s.validate(ctx, org, []Invitee{g}, lifetime)
	if e := (*EntryError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	if err != nil {
		return Invitation{}, err
	}
	entries[0].mayBeFirst = true
	all, err := s.invite(ctx, orgID, entries, lifetime)
	if err != nil {
		return Invitation{}, err
	}
	inv := all[0]
	if s.Codes.Outbox.Reaches(inv.User.Username) {
		if err := s.Codes.Send(ctx, org, inv.User, inv.Issued); err != nil {
			return inv, &api.Error{Kind: api.Unavailable, Code: "mail_failed",
				Message: "The user is invited but the mail did not go; hand over the link yourself or invite again.", Cause: err}
		}
		inv.Mailed = true
	}
	return inv, nil
}

// InviteAll invites many people and calls each with every invitation once its batch is
// durable. It mails nothing. If one of them cannot be invited nobody is, and the error
// names the entry, counted from 1. Only what changes while it runs can stop it half
// way; earlier batches then stand.
func (s *Service) InviteAll(ctx context.Context, orgID string, invitees []Invitee, lifetime time.Duration, each func(Invitation) error) error {
	org, err := s.DB.Organisation(ctx, orgID)
	if err != nil {
		return err
	}
	entries, err := s.validate(ctx, org, invitees, lifetime)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(entries, batch) {
		invited, err := s.invite(ctx, orgID, part, lifetime)
		if err != nil {
			return err
		}
		for _, inv := range invited {
			if err := each(inv); err != nil {
				return err
			}
		}
	}
	return nil
}

// EntryError says which of several people could not be invited.
type EntryError struct {
	Entry int // counted from 1
	Err   error
}

func (e *EntryError) Error() string { return fmt.Sprintf("entry %d: %v", e.Entry, e.Err) }

// Unwrap returns why.
func (e *EntryError) Unwrap() error { return e.Err }

// entry is an invitee who can be invited: a new user, or one who was invited before.
type entry struct {
	user       store.User
	isNew      bool
	mayBeFirst bool // not one of many: the first of an organisation administers it

	administrator bool
}

// validate looks at every invitee before anybody is invited. It reads all that is known of
// them at once: while many are being written is no time to look them up.
func (s *Service) validate(ctx context.Context, org store.Organisation, invitees []Invitee, lifetime time.Duration) ([]entry, error) {
	if lifetime < code.MinLifetime || lifetime > code.MaxLifetime {
		return nil, &api.Error{Kind: api.Invalid, Code: "lifetime_invalid",
			Message: "A registration code lives between one second and 90 days."}
	}
	keys, err := distinct(invitees)
	if err != nil {
		return nil, err
	}
	known, err := s.DB.UsersByKey(ctx, org.ID, keys)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	entries := make([]entry, len(invitees))
	for i, g := range invitees {
		k, exists := known[keys[i]]
		u := k.User
		switch {
		case !exists:
			u = newUser(org.ID, g, keys[i], now)
		case !u.RegisteredAt.IsZero():
			return nil, &EntryError{Entry: i + 1, Err: &api.Error{Kind: api.Conflict, Code: "user_already_exists",
				Message: fmt.Sprintf("The user %q is registered already.", u.Username)}}
		case g.Administrator && !k.Administrator:
			return nil, &EntryError{Entry: i + 1, Err: &api.Error{Kind: api.Conflict, Code: "user_not_administrator",
				Message: fmt.Sprintf("The user %q was invited without administering the organisation.", u.Username)}}
		case g.Kind != "" && g.Kind != u.Kind:
			return nil, &EntryError{Entry: i + 1, Err: &api.Error{Kind: api.Conflict, Code: "user_kind_differs",
				Message: fmt.Sprintf("The user %q was invited as %s before.", u.Username, u.Kind)}}
		}
		entries[i] = entry{user: u, isNew: !exists, administrator: g.Administrator}
	}
	return entries, nil
}

// distinct checks every invitee by itself and returns their keys, all different.
func distinct(invitees []Invitee) ([]string, error) {
	keys := make([]string, len(invitees))
	seen := make(map[string]int, len(invitees))
	for i, g := range invitees {
		if err := check(g); err != nil {
			return nil, &EntryError{Entry: i + 1, Err: err}
		}
		keys[i] = username.Key(g.Username)
		if first, twice := seen[keys[i]]; twice {
			return nil, &EntryError{Entry: i + 1, Err: &api.Error{Kind: api.Invalid, Code: "username_twice",
				Message: fmt.Sprintf("The username %q is entry %d already.", g.Username, first)}}
		}
		seen[keys[i]] = i + 1
	}
	return keys, nil
}

func check(g Invitee) error {
	if err := username.Check(g.Username); err != nil {
		return err
	}
	if g.Administrator && g.Kind == api.EndUser {
		return &api.Error{Kind: api.Invalid, Code: "user_kind_invalid", Message: "An EndUser cannot be an administrator."}
	}
	if g.Kind != "" && g.Kind != api.CustomerEmployee && g.Kind != api.EndUser {
		return &api.Error{Kind: api.Invalid, Code: "user_kind_invalid",
			Message: "The kind of a user is CustomerEmployee or EndUser."}
	}
	return nil
}

var errInvitedMeanwhile = &api.Error{Kind: api.Conflict, Code: "user_invited_meanwhile",
	Message: "Somebody else invited the same user at the same moment; try again."}

// invite keeps the entries, each with a new code, in one transaction.
func (s *Service) invite(ctx context.Context, orgID string, entries []entry, lifetime time.Duration) ([]Invitation, error) {
	now := s.Now()
	operator := api.Caller{OrgID: orgID}
	invited := make([]Invitation, len(entries))
	for i, e := range entries {
		invited[i] = Invitation{User: e.user, Issued: s.Codes.Make(e.user, lifetime)}
	}
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		for i, inv := range invited {
			s.add(tx, operator, inv, entries[i], now, errInvitedMeanwhile)
		}
		return nil
	})
	return invited, err
}

// keep keeps an entry with its code, invited by who. Where a new user's name is taken the
// unit fails with taken.
func (s *Service) add(tx *store.Tx, who api.Caller, inv Invitation, e entry, now time.Time, taken error) {
	if e.isNew {
		tx.CreateUser(inv.User, taken)
	}
	switch {
	case !e.isNew:
	case e.administrator:
		assign(tx, inv.User, api.AdministratorPermissionID(inv.User.OrgID), now)
	case inv.User.Kind == api.EndUser:
		assign(tx, inv.User, api.EndUserPermissionID(inv.User.OrgID), now)
	case e.mayBeFirst:
		tx.MakeFirstAdministrator(inv.User.OrgID, inv.User.ID, api.NewID(api.PrefixAssignment, now), now)
	}
	// Whoever guessed at this name before there was a code must not have closed it.
	s.Codes.Wrong.Clear(tx, inv.User.OrgID, inv.User.Username)
	tx.IssueCode(inv.Row)
	var detail map[string]any
	if e.isNew && e.administrator {
		detail = map[string]any{"administrator": true}
	}
	tx.Record(code.Event(who, store.EventUserInvited, inv.Row, now, detail))
}

// assign gives a new user a managed permission.
func assign(tx *store.Tx, u store.User, permissionID string, now time.Time) {
	tx.AssignManaged(api.NewID(api.PrefixAssignment, now), permissionID, u, now)
}

func newUser(orgID string, g Invitee, key string, now time.Time) store.User {
	kind := g.Kind
	if kind == "" {
		kind = api.CustomerEmployee
	}
	return store.User{ID: api.NewID(api.PrefixUser, now), OrgID: orgID, Username: g.Username, UsernameKey: key,
		Kind: kind, Active: true, CreatedAt: now}
}
