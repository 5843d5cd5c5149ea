package action

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// Use is a request that a signed action is to be spent for.
type Use struct {
	Token   string
	Method  string
	Path    string // with its query
	Payload []byte // the body

	OrgIDs []string // organisations whose users may; nil for all
}

// Permit is a signed action that allows its caller one request. Use decides whether it can still be
// used.
type Permit struct {
	ActionID string
	userID   string
	usedFor  string
	at       time.Time
}

// Use uses the action up in the unit of its effect. The unit fails with ErrNotUsable if it cannot
// be used.
func (p Permit) Use(tx *store.Tx) { tx.UseAction(p.ActionID, p.userID, p.usedFor, p.at, ErrNotUsable) }

// Permit checks that the caller signed this very request.
func (s *Service) Permit(ctx context.Context, who api.Caller, u Use) (Permit, error) {
	c, err := s.read(ctx, u.Token)
	if err != nil {
		return Permit{}, err
	}
	if c.Metadata.UserID != who.UserID || c.Metadata.OrgID != who.OrgID {
		return Permit{}, invalid("the action is the caller's own", c.Metadata.UserID, who.UserID, c)
	}
	// What the key of an access token signed, only that token may do, and not its person.
	if c.TokenID != who.TokenID {
		return Permit{}, invalid("the action was signed under the caller's access token", c.TokenID, who.TokenID, c)
	}
	if err := covers(c, u); err != nil {
		return Permit{}, err
	}
	path, _, _ := strings.Cut(u.Path, "?")
	return Permit{ActionID: c.ID, userID: c.Metadata.UserID, usedFor: u.Method + " " + path, at: s.Now()}, nil
}

// ErrNotUsable is the failure of a unit whose action could not be spent. Why says why.
var ErrNotUsable = errors.New("the action could not be spent")

// Why explains ErrNotUsable: the action was used before or, more rarely, its user or credential was
// deactivated or its session ended since it was signed. Other errors are returned as they are.
func (s *Service) Why(ctx context.Context, actionID string, err error) error {
	if !errors.Is(err, ErrNotUsable) {
		return err
	}
	a, err := s.DB.SignedAction(ctx, actionID)
	if err != nil {
		return notOnRecord(actionID, err)
	}
	subject := api.Subject{OrgID: a.OrgID, UserID: a.UserID}
	now := s.Now()
	received := ""
	switch {
	case !a.UsedAt.IsZero():
		return &api.Error{Kind: api.Invalid, Code: "user_action_used", Message: "user action has already been used",
			Rule: "a user action is used once", Received: a.ID + ", used for " + a.UsedFor, Subject: subject}
	case !now.Before(a.ExpiresAt):
		received = "one that has expired"
	case !a.User.Active:
		received = "one of a user who was deactivated since"
	case !a.Credential.Active:
		received = "one by a credential that was deactivated since"
	case !a.SessionOrTokenLive(now):
		received = "one of a session or access token that has ended since"
	default:
		received = "one that could not be used at that moment"
	}
	return &api.Error{Kind: api.Forbidden, Code: "user_action_invalid", Message: messageInvalid,
		Rule: "user action: it can still be used", Received: received, Subject: subject}
}

// notOnRecord refuses an action that the database does not have: an older copy of it was restored.
// Other errors are returned as they are.
func notOnRecord(actionID string, err error) error {
	if api.KindOf(err) != api.NotFound {
		return err
	}
	return &api.Error{Kind: api.Forbidden, Code: "user_action_invalid", Message: messageInvalid,
		Rule: "user action: it is on record", Received: actionID + ", which is not"}
}

const messageInvalid = "user action signature is missing or invalid"

// Missing refuses a request without a user action.
func Missing() error {
	return &api.Error{Kind: api.Forbidden, Code: "user_action_invalid", Message: messageInvalid,
		Rule: "user action: " + api.HeaderUserAction + " header", Received: "none", Expected: "exactly one"}
}

func (s *Service) read(ctx context.Context, token string) (useraction.Claims, error) {
	if token == "" {
		return useraction.Claims{}, Missing()
	}
	c, err := s.Tokens.ReadAction(ctx, token)
	if err != nil {
		return c, &api.Error{Kind: api.Forbidden, Code: "user_action_invalid", Message: messageInvalid,
			Rule: "user action: its token", Cause: err,
			Subject: api.Subject{OrgID: c.Metadata.OrgID, UserID: c.Metadata.UserID}}
	}
	return c, nil
}

// covers checks that the action was signed for this request.
func covers(c useraction.Claims, u Use) error {
	switch differs, ok := c.Covers(u.Method, u.Path, u.Payload); {
	case ok:
		return nil
	case differs == "method":
		return invalid("the signed method", u.Method, c.Method, c)
	case differs == "path":
		return invalid("the signed path", u.Path, c.Path, c)
	default:
		return invalid("the signed payload", "SHA-256 "+useraction.PayloadDigest(u.Payload), c.PayloadSHA256, c)
	}
}

func invalid(rule, received, expected string, c useraction.Claims) error {
	return &api.Error{Kind: api.Forbidden, Code: "user_action_invalid", Message: messageInvalid,
		Rule: "user action: " + rule, Received: received, Expected: expected,
		Subject: api.Subject{OrgID: c.Metadata.OrgID, UserID: c.Metadata.UserID}}
}
