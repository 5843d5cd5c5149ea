package registration

import (
	"context"
	"slices"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Delegate begins the registration of an end user for a service account. It creates the user or, if
// there is one who did not finish, begins again, and the old challenge is void. It mails nothing.
// Of any number of calls for a new name, one creates the user.
func (s *Service) Delegate(ctx context.Context, tx *store.Tx, who api.Caller, in api.DelegatedRegistrationRequest) (api.RegistrationChallenge, error) {
	if err := checkDelegated(in, api.EndUser); err != nil {
		return api.RegistrationChallenge{}, err
	}
	org, err := s.DB.Organisation(ctx, who.OrgID)
	if err != nil {
		return api.RegistrationChallenge{}, err
	}
	key := username.Key(in.Email)
	switch _, err := s.DB.UserByName(ctx, org.ID, key); {
	case err == nil:
		return s.beginAgain(ctx, tx, who, org, in.Email)
	case api.KindOf(err) != api.NotFound:
		return api.RegistrationChallenge{}, err
	}
	twins, err := s.DB.Twins(ctx, org.ID, []string{in.Email})
	if err != nil {
		return api.RegistrationChallenge{}, err
	}
	if twin, alike := twins[in.Email]; alike {
		return api.RegistrationChallenge{}, username.Confusable(in.Email, twin)
	}
	now := s.Now()
	u := store.User{ID: api.NewID(api.PrefixUser, now), OrgID: org.ID, Username: in.Email, UsernameKey: key,
		Kind: api.EndUser, Active: true, ExternalID: in.ExternalID, CreatedAt: now}
	tx.CreateUser(u, errOutdated)
	tx.AssignManaged(api.NewID(api.PrefixAssignment, now), api.EndUserPermissionID(org.ID), u, now)
	return s.begin(ctx, tx, who, org, u)
}

// Redelegate begins again with an end user who did not finish, for older SDKs. These send a kind of
// user, which is ignored: only end users are registered by delegation.
func (s *Service) Redelegate(ctx context.Context, tx *store.Tx, who api.Caller, in api.DelegatedRegistrationRequest) (api.RegistrationChallenge, error) {
	if err := checkDelegated(in, api.EndUser, api.CustomerEmployee, "DfnsStaff"); err != nil {
		return api.RegistrationChallenge{}, err
	}
	org, err := s.DB.Organisation(ctx, who.OrgID)
	if err != nil {
		return api.RegistrationChallenge{}, err
	}
	return s.beginAgain(ctx, tx, who, org, in.Email)
}

// errOutdated is returned if the user was created, registered or deactivated at the same moment.
var errOutdated = &store.Outdated{Err: &api.Error{Kind: api.Conflict, Code: "user_changed",
	Message: "The user was changed at the same moment; please try again."}}

func checkDelegated(in api.DelegatedRegistrationRequest, kinds ...string) error {
	switch {
	case in.Email == "":
		return api.Missing("email")
	case in.Kind == "":
		return api.Missing("kind")
	case !slices.Contains(kinds, in.Kind):
		return &api.Error{Kind: api.Invalid, Code: "user_kind_invalid", Message: "The member /kind must be EndUser."}
	}
	if err := username.Check(in.Email); err != nil {
		return err
	}
	return username.CheckExternalID(in.ExternalID)
}

// beginAgain begins with an end user who did not finish.
func (s *Service) beginAgain(ctx context.Context, tx *store.Tx, who api.Caller, org store.Organisation, name string) (api.RegistrationChallenge, error) {
	u, err := s.unfinished(ctx, tx, who, name)
	if err != nil {
		return api.RegistrationChallenge{}, err
	}
	tx.MustBeInvited(u.ID, org.ID, errOutdated)
	return s.begin(ctx, tx, who, org, u)
}

// unfinished returns the end user of that name who is still to register. It refuses an invited
// employee: nobody else may register in their place.
func (s *Service) unfinished(ctx context.Context, tx *store.Tx, who api.Caller, name string) (store.User, error) {
	u, err := s.DB.UserByName(ctx, who.OrgID, username.Key(name))
	if err != nil {
		if api.KindOf(err) == api.NotFound {
			err = &api.Error{Kind: api.Unauthenticated, Code: "user_not_found", Message: "User not found", Subject: who.Subject()}
		}
		return u, err
	}
	subject := api.Subject{OrgID: u.OrgID, UserID: u.ID}
	switch {
	case u.Kind != api.EndUser:
		return u, alreadyExists("a user of kind "+u.Kind, subject)
	case u.Username != name:
		return u, auth.UsernameDiffers(u.Username, name, subject)
	case !u.Active:
		return u, api.About(auth.ErrUserInactive, subject)
	case !u.RegisteredAt.IsZero():
		return u, alreadyExists("a registered user", subject)
	}
	return u, s.Access.MayActAs(ctx, tx, who, u.ID) // whoever gets the challenge can register as this user
}

func alreadyExists(received string, subject api.Subject) error {
	return &api.Error{Kind: api.Unauthenticated, Code: "user_already_exists", Message: "User already exists.",
		Rule: "the user is an end user who is still to register", Received: received, Subject: subject}
}

// begin returns the challenge and adds to the unit the code that Complete will spend, which expires
// with the challenge. The code has no MAC, since it has no text: nobody can send it, and Resend
// does not replace it.
func (s *Service) begin(ctx context.Context, tx *store.Tx, who api.Caller, org store.Organisation, u store.User) (api.RegistrationChallenge, error) {
	issued := s.Codes.Make(u, 0).Row
	issued.MAC = nil
	ticket, challenge, err := s.challenge(ctx, store.Invitation{Organisation: org, User: u, Code: issued})
	if err != nil {
		return api.RegistrationChallenge{}, err
	}
	issued.ExpiresAt = ticket.Expires
	tx.IssueCode(issued)
	tx.Record(code.Event(who, store.EventUserDelegated, issued, s.Now(), nil))
	return challenge, nil
}
