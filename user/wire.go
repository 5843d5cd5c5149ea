package user

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"unicode"
	"unicode/utf8"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/invitation"
	"github.com/countersign/countersign/keyring"
	"github.com/countersign/countersign/mail"
	"github.com/countersign/countersign/store"
	"github.com/countersign/countersign/username"
)

// maxExternalID is the longest externalId that is kept, in characters.
const maxExternalID = 200

// Create invites a user into the caller's organisation. The code goes out by mail or,
// where no mail is configured, back to the caller.
func (r *Room) Create(ctx context.Context, who api.Caller, in api.CreateUserRequest) (api.User, error) {
	if err := checkNew(in); err != nil {
		return api.User{}, err
	}
	mails := r.Office.Mails(in.Email)
	var org store.Organisation
	if mails { // now, so that nothing can fail once the user is there
		var err error
		if org, err = r.DB.Organisation(ctx, who.OrgID); err != nil {
			return api.User{}, err
		}
	}
	now := r.Now()
	u := newUser(who.OrgID, Guest{Username: in.Email, Kind: in.Kind}, username.Key(in.Email), now)
	u.ExternalID = in.ExternalID
	code := r.Office.Make(u, invitation.DefaultLifetime)
	err := r.DB.Write(ctx, func(tx *store.Tx) error {
		tx.CreateUser(u, errExists)
		tx.ClearThrottle(r.Office.ThrottleKey(invitation.WrongCodes, u.OrgID, u.Username))
		tx.IssueCode(code.Row)
		tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: u.OrgID, At: now, Kind: "user.invited",
			UserID: u.ID, ActorID: who.UserID, CodeID: code.Row.ID, Address: who.Address})
		return nil
	})
	if err != nil {
		return api.User{}, err
	}
	out := wire(store.Member{User: u})
	if mails {
		r.Office.Post(org, u, code)
	} else {
		out.Invitation = &api.IssuedInvitation{RegistrationCode: code.Code, RegistrationURL: code.Link, ExpiresAt: api.Time(code.Row.ExpiresAt)}
	}
	return out, nil
}

var errExists = &api.Error{Kind: api.Unauthenticated, Code: "user_already_exists", Message: "User already exists.",
	Rule: "one user of a name in an organisation"}

func checkNew(in api.CreateUserRequest) error {
	switch {
	case in.Email == "":
		return &api.Error{Kind: api.Invalid, Code: "member_missing", Message: "The member /email is required."}
	case in.Kind == "":
		return &api.Error{Kind: api.Invalid, Code: "member_missing", Message: "The member /kind is required."}
	case in.Kind != api.CustomerEmployee:
		return &api.Error{Kind: api.Invalid, Code: "user_kind_invalid", Message: "The member /kind must be CustomerEmployee."}
	case !mail.ValidAddress(in.Email):
		return &api.Error{Kind: api.Invalid, Code: "email_invalid", Message: "The member /email must be a mail address."}
	case in.IsSSORequired:
		return &api.Error{Kind: api.Invalid, Code: "sso_not_offered", Message: "Single sign-on is not offered; the member /isSSORequired must be false."}
	case utf8.RuneCountInString(in.ExternalID) > maxExternalID || !printable(in.ExternalID):
		return &api.Error{Kind: api.Invalid, Code: "external_id_invalid", Message: "The member /externalId must be at most 200 visible characters."}
	}
	return username.Check(in.Email)
}

func printable(s string) bool {
	for _, c := range s {
		if !unicode.IsPrint(c) {
			return false
		}
	}
	return true
}

// Get shows a user of the caller's organisation.
func (r *Room) Get(ctx context.Context, who api.Caller, in api.GetUserRequest) (api.User, error) {
	m, err := r.DB.Member(ctx, who.OrgID, in.UserID)
	if err != nil {
		return api.User{}, err
	}
	return wire(m), nil
}

const defaultPage = 100

// Page lists the users of the caller's organisation, in the order they were invited.
func (r *Room) Page(ctx context.Context, who api.Caller, in api.ListUsersRequest) (api.UserList, error) {
	after, err := r.openPage(who.OrgID, in.Kind, in.PaginationToken)
	if err != nil {
		return api.UserList{}, err
	}
	limit := in.Limit
	if limit == 0 {
		limit = defaultPage
	}
	members, err := r.DB.Members(ctx, who.OrgID, in.Kind, after, limit+1)
	if err != nil {
		return api.UserList{}, err
	}
	list := api.UserList{Items: make([]api.User, 0, len(members))}
	if len(members) > limit {
		members = members[:limit]
		list.NextPageToken = r.pageToken(who.OrgID, in.Kind, members[limit-1].ID)
	}
	for _, m := range members {
		list.Items = append(list.Items, wire(m))
	}
	return list, nil
}

const pageMAC = 12 // bytes of a page token that make it ours

// pageToken names the last row of a page. It is good for the same list of the same
// organisation only.
func (r *Room) pageToken(orgID, kind, lastID string) string {
	tag := r.Office.Ring.MAC(keyring.Page, "users", orgID, kind, lastID)
	return base64.RawURLEncoding.EncodeToString(append(tag[:pageMAC:pageMAC], lastID...))
}

func (r *Room) openPage(orgID, kind, token string) (lastID string, err error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err == nil && len(b) > pageMAC && len(b) < 100 {
		lastID = string(b[pageMAC:])
		if tag := r.Office.Ring.MAC(keyring.Page, "users", orgID, kind, lastID); hmac.Equal(tag[:pageMAC], b[:pageMAC]) {
			return lastID, nil
		}
	}
	return "", &api.Error{Kind: api.Invalid, Code: "pagination_token_invalid",
		Message: "The parameter paginationToken is not one of this list; begin again without it."}
}

// wire shows a user as the contract has it.
func wire(m store.Member) api.User {
	u := api.User{Username: m.Username, Name: m.Username, UserID: m.ID, Kind: m.Kind, CredentialUUID: m.CredentialID,
		OrgID: m.OrgID, Permissions: []string{}, IsActive: m.Active, IsRegistered: !m.RegisteredAt.IsZero(),
		PermissionAssignments: []api.PermissionAssignmentSummary{}}
	if u.CredentialUUID == "" {
		u.CredentialUUID = api.FirstCredentialID(m.ID)
	}
	return u
}
