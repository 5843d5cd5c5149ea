package user

import (
	"cmp"
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

// Service administers users. The operator's commands use neither Access nor Pages.
type Service struct {
	DB     *store.DB
	Access *access.Checker
	Pages  *pagination.Maker
	Codes  *code.Issuer
	Now    func() time.Time
}

// Invitee is a user to be invited.
type Invitee struct {
	Username string
	Kind     string // CustomerEmployee (the default) or EndUser

	// Administrator makes the user an administrator. The first user of an organisation becomes one
	// anyway, if Invite invites them.
	Administrator bool
}

// Invitation is the result of inviting an Invitee. Code and Link are shown only here.
type Invitation struct {
	User store.User
	code.Issued
	Mailed bool // the code was mailed as well
}

// batch is how many users are invited in one transaction: enough that a hundred thousand take
// seconds, few enough that a running server hardly waits.
const batch = 500

// Invite creates a user and a registration code, or a new code for a user who is still to register;
// the old code is void. If mail is configured and the name is an address, the code is mailed too. If
// the mail fails, the error is Unavailable and the Invitation and its code are valid.
func (s *Service) Invite(ctx context.Context, orgID string, invitee Invitee, lifetime time.Duration) (Invitation, error) {
	org, err := s.DB.Organisation(ctx, orgID)
	if err != nil {
		return Invitation{}, err
	}
	entries, err := s.validate(ctx, org, []Invitee{invitee}, lifetime)
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

// InviteAll invites many users and calls each with every invitation once its batch is stored. It
// mails nothing. If one of them cannot be invited, nobody is, and the error is an EntryError. Only a
// change at the same moment can stop it halfway; the users of earlier batches stay invited.
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

// EntryError says which of several users could not be invited.
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
	mayBeFirst bool // invited alone: an administrator if the organisation has no user yet

	administrator bool
}

// validate checks every invitee before anybody is invited. It reads all their users at once, which is
// faster than one by one and keeps the transactions short.
func (s *Service) validate(ctx context.Context, org store.Organisation, invitees []Invitee, lifetime time.Duration) ([]entry, error) {
	if err := code.CheckLifetime(lifetime); err != nil {
		return nil, err
	}
	keys, err := distinct(invitees)
	if err != nil {
		return nil, err
	}
	known, err := s.DB.UsersByKey(ctx, org.ID, keys)
	if err != nil {
		return nil, err
	}
	var fresh []string
	for i, invitee := range invitees {
		if _, exists := known[keys[i]]; !exists {
			fresh = append(fresh, invitee.Username)
		}
	}
	twins, err := s.DB.Twins(ctx, org.ID, fresh)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	entries := make([]entry, len(invitees))
	for i, invitee := range invitees {
		if twin, alike := twins[invitee.Username]; alike {
			return nil, &EntryError{Entry: i + 1, Err: username.Confusable(invitee.Username, twin)}
		}
		k, exists := known[keys[i]]
		u := k.User
		switch {
		case !exists:
			u = newUser(org.ID, invitee, keys[i], now)
		case !u.RegisteredAt.IsZero():
			return nil, &EntryError{Entry: i + 1, Err: &api.Error{Kind: api.Conflict, Code: "user_already_exists",
				Message: fmt.Sprintf("The user %q is registered already.", u.Username)}}
		case invitee.Administrator && !k.Administrator:
			return nil, &EntryError{Entry: i + 1, Err: &api.Error{Kind: api.Conflict, Code: "user_not_administrator",
				Message: fmt.Sprintf("The user %q was invited without administering the organisation.", u.Username)}}
		case invitee.Kind != "" && invitee.Kind != u.Kind:
			return nil, &EntryError{Entry: i + 1, Err: &api.Error{Kind: api.Conflict, Code: "user_kind_differs",
				Message: fmt.Sprintf("The user %q was invited as %s before.", u.Username, u.Kind)}}
		}
		entries[i] = entry{user: u, isNew: !exists, administrator: invitee.Administrator}
	}
	return entries, nil
}

// distinct checks each invitee and returns their keys, which must differ.
func distinct(invitees []Invitee) ([]string, error) {
	keys := make([]string, len(invitees))
	seen := make(map[string]int, len(invitees))
	looks := make(map[string]string, len(invitees))
	for i, invitee := range invitees {
		if err := check(invitee); err != nil {
			return nil, &EntryError{Entry: i + 1, Err: err}
		}
		keys[i] = username.Key(invitee.Username)
		if first, twice := seen[keys[i]]; twice {
			return nil, &EntryError{Entry: i + 1, Err: &api.Error{Kind: api.Invalid, Code: "username_twice",
				Message: fmt.Sprintf("The username %q is entry %d already.", invitee.Username, first)}}
		}
		seen[keys[i]] = i + 1
		look, _ := username.Look(invitee.Username)
		if other, alike := looks[look]; alike && username.Twins(invitee.Username, other) {
			return nil, &EntryError{Entry: i + 1, Err: username.Confusable(invitee.Username, other)}
		}
		looks[look] = invitee.Username
	}
	return keys, nil
}

func check(i Invitee) error {
	if err := username.Check(i.Username); err != nil {
		return err
	}
	if i.Administrator && i.Kind == api.EndUser {
		return &api.Error{Kind: api.Invalid, Code: "user_kind_invalid", Message: "An EndUser cannot be an administrator."}
	}
	if i.Kind != "" && i.Kind != api.CustomerEmployee && i.Kind != api.EndUser {
		return &api.Error{Kind: api.Invalid, Code: "user_kind_invalid",
			Message: "The kind of a user is CustomerEmployee or EndUser."}
	}
	return nil
}

var errInvitedMeanwhile = &api.Error{Kind: api.Conflict, Code: "user_invited_meanwhile",
	Message: "Somebody else invited the same user at the same moment; try again."}

// invite stores the entries, each with a new code, in one transaction.
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

// add adds an entry with its code to the unit. The unit fails with taken if the name of a new user
// is taken.
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
	// Wrong tries before there was a code do not count against it.
	s.Codes.Wrong.Clear(tx, inv.User.OrgID, inv.User.Username)
	tx.IssueCode(inv.Row)
	var detail map[string]any
	if e.isNew && e.administrator {
		detail = map[string]any{"administrator": true}
	}
	tx.Record(code.Event(who, store.EventUserInvited, inv.Row, now, detail))
}

// assign assigns a managed permission to a new user.
func assign(tx *store.Tx, u store.User, permissionID string, now time.Time) {
	tx.AssignManaged(api.NewID(api.PrefixAssignment, now), permissionID, u, now)
}

func newUser(orgID string, i Invitee, key string, now time.Time) store.User {
	return store.User{ID: api.NewID(api.PrefixUser, now), OrgID: orgID, Username: i.Username, UsernameKey: key,
		Kind: cmp.Or(i.Kind, api.CustomerEmployee), Active: true, CreatedAt: now}
}
