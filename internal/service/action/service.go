package action

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/assertion"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// Service signs and spends user actions.
type Service struct {
	DB         *store.DB
	Access     *access.Checker
	Ceremonies *ceremony.Issuer
	Verifier   *assertion.Verifier
	Tokens     *bearer.Tokens
	Site       relyingparty.Site
	Now        func() time.Time
}

// Lifetime of a signed action: long enough for a slow client, short enough that nobody collects
// them.
const Lifetime = 5 * time.Minute

// Limits on what is signed, in bytes. The payload travels in the challenge's token.
const (
	maxPath    = 2 << 10
	maxPayload = 32 << 10
)

var methods = map[string]bool{"GET": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true}

// Init begins the signing of one exact request. The challenge is the labelled digest of a
// statement that names it, so that the credential signs the request itself. Nothing is
// written: statement and payload travel in the token.
func (s *Service) Init(ctx context.Context, who api.Caller, in api.InitActionRequest) (api.SigningChallenge, error) {
	if err := wellFormed(in); err != nil {
		return api.SigningChallenge{}, err
	}
	state, err := s.DB.SignerState(ctx, who.UserID, who.TokenID)
	if err != nil {
		return api.SigningChallenge{}, err
	}
	if !state.Found || !state.User.Active {
		return api.SigningChallenge{}, auth.ErrUserInactive
	}
	encrypted, err := s.seesEncryptedKeys(ctx, who, state.Credentials)
	if err != nil {
		return api.SigningChallenge{}, err
	}
	statement := useraction.NewStatement(useraction.Statement{
		Issuer: s.Site.Origin(), OrgID: who.OrgID, UserID: who.UserID, Username: state.User.Username,
		Method: in.Method, Path: in.Path,
	}, in.Payload, s.Now())
	party := s.Site.Of(state.Organisation)
	ticket, token, err := s.Ceremonies.Begin(ceremony.Ticket{
		Purpose: ceremony.Action, OrgID: who.OrgID, UserID: who.UserID, SessionOrTokenID: who.SessionOrTokenID(), RPID: party.ID,
		Challenge: statement.Challenge(), Statement: statement.Text(), Payload: in.Payload,
	})
	if err != nil {
		return api.SigningChallenge{}, err
	}
	if len(token) > ceremony.MaxActionToken { // because of many characters that JSON escapes
		return api.SigningChallenge{}, errPayloadTooLarge
	}
	org := state.Organisation
	if who.TokenID != "" { // which signs with its own key
		org.OneTimePasswords, org.Passwords = false, false
	}
	return assertion.Challenge(ticket.Challenge, token, party, org, assertion.Allowed(state.Credentials, encrypted), true), nil
}

// seesEncryptedKeys reports whether the caller may read the encrypted private keys among all: in
// a session that a key of the user opened, a password-protected one after a login code. In a session
// that a service account or a password opened, its operator, or who guessed it, would get what a guessed
// password decrypts.
func (s *Service) seesEncryptedKeys(ctx context.Context, who api.Caller, all []store.Credential) (bool, error) {
	isProtected := func(c store.Credential) bool { return c.Kind == api.KindPasswordProtectedKey }
	if who.SessionID == "" || !slices.ContainsFunc(all, isProtected) {
		return false, nil
	}
	b, err := s.DB.SessionWithUser(ctx, who.SessionID)
	return slices.ContainsFunc(all, func(c store.Credential) bool { return c.ID == b.Session.CredentialID && c.Kind != api.KindPassword }), err
}

var errPayloadTooLarge = &api.Error{Kind: api.TooLarge, Code: "payload_too_large",
	Message: "The member /userActionPayload is longer than 32 KiB, quotes and line breaks counted twice; sign a digest of it instead."}

func wellFormed(in api.InitActionRequest) error {
	switch {
	case in.Method == "":
		return api.Missing("userActionHttpMethod")
	case in.Path == "":
		return api.Missing("userActionHttpPath")
	case !methods[in.Method]:
		return &api.Error{Kind: api.Invalid, Code: "method_invalid",
			Message: "The member /userActionHttpMethod must be GET, POST, PUT, PATCH or DELETE."}
	case len(in.Path) > maxPath || !plainPath(in.Path):
		return &api.Error{Kind: api.Invalid, Code: "path_invalid",
			Message: "The member /userActionHttpPath must be a path that begins with /, or one with its origin, in visible ASCII and at most 2 KiB."}
	case len(in.Payload) > maxPayload:
		return errPayloadTooLarge
	case in.ServerKind != "" && in.ServerKind != "Api" && in.ServerKind != "Staff":
		return &api.Error{Kind: api.Invalid, Code: "server_kind_invalid", Message: "The member /userActionServerKind must be Api."}
	}
	return nil
}

// plainPath reports whether p is a path as in a request line, or an absolute URL without a fragment.
func plainPath(p string) bool {
	for i := range len(p) {
		if p[i] <= ' ' || p[i] > '~' || p[i] == '#' || p[i] == '\\' {
			return false
		}
	}
	return utf8.ValidString(p) && (p[0] == '/' || strings.HasPrefix(p, "https://") || strings.HasPrefix(p, "http://"))
}

// Sign stores the signature that answers the challenge of Init, as evidence, and returns the token
// with which the action can be used once.
func (s *Service) Sign(ctx context.Context, who api.Caller, in api.SignedChallenge) (api.ActionResult, error) {
	ticket, err := s.Ceremonies.OpenChallenge(ceremony.Action, in.ChallengeIdentifier)
	if err != nil {
		return api.ActionResult{}, err
	}
	if ticket.UserID != who.UserID || ticket.OrgID != who.OrgID || ticket.SessionOrTokenID != who.SessionOrTokenID() {
		return api.ActionResult{}, &api.Error{Kind: api.Invalid, Code: "challenge_invalid", Message: "Challenge token is not valid.",
			Rule: "the challenge is the caller's own", Received: ticket.UserID + " " + ticket.SessionOrTokenID,
			Expected: who.UserID + " " + who.SessionOrTokenID(), Subject: who.Subject()}
	}
	first, second, err := assertion.Read(in)
	if err != nil {
		return api.ActionResult{}, err
	}
	if !first.Signs() && (second == nil || !second.Signs()) {
		return api.ActionResult{}, api.About(errNoSignature, who.Subject())
	}
	verified, err := s.Verifier.Verify(ctx, who, assertion.Request{Challenge: ticket.Challenge, RPID: ticket.RPID, OrgID: ticket.OrgID,
		Named: true, TokenID: who.TokenID, Username: who.Username, Owner: func(ctx context.Context, f assertion.Factor) (store.Owner, error) {
			return s.Verifier.OwnerByUser(ctx, ticket.UserID, f)
		}}, first, second)
	if err != nil {
		return api.ActionResult{}, err
	}
	a, err := s.storeAction(ctx, who, ticket, verified)
	if err != nil {
		return api.ActionResult{}, s.explain(ctx, who, ticket, verified, err)
	}
	f, _ := verified.Signature()
	token, err := s.Tokens.SignAction(claims(a, who.Username, f.Credential))
	return api.ActionResult{UserAction: token}, err
}

// errNoSignature refuses an answer without a signature. What anybody can repeat who heard it is no evidence.
var errNoSignature = &api.Error{Kind: api.Invalid, Code: "signature_missing",
	Message: "A password and a one-time code log in, but sign nothing; sign with a passkey or a key.",
	Rule:    "an action is signed by a key", Received: "factors without a signature", Expected: "Fido2, Key or PasswordProtectedKey as one of them"}

// storeAction stores a signed action. Nothing else does.
func (s *Service) storeAction(ctx context.Context, who api.Caller, t ceremony.Ticket, verified assertion.Verified) (store.Action, error) {
	now := s.Now()
	statement, ok := useraction.ReadStatement(t.Statement)
	if !ok {
		return store.Action{}, errors.New("action: a ticket of ours has no statement")
	}
	f, other := verified.Signature()
	a := store.Action{ID: api.NewID(api.PrefixAction, now), OrgID: t.OrgID, UserID: t.UserID,
		CredentialID: f.Credential.ID, SessionID: t.SessionOrTokenID, Challenge: t.Challenge,
		Method: statement.Method, Path: statement.Path, Payload: t.Payload, Statement: t.Statement,
		ClientData: f.ClientData, AuthenticatorData: f.AuthenticatorData, Signature: f.Signature,
		SignedAt: now, ExpiresAt: now.Add(Lifetime).Truncate(time.Second), Address: who.Address}
	if other != nil {
		var err error
		if a.SecondFactor, err = json.Marshal(secondFactor(*other), json.Deterministic(true)); err != nil {
			return a, err
		}
	}
	kept := a
	if holdsSecret(a.Payload) {
		kept.Payload = ""
	}
	return a, s.DB.Write(ctx, func(tx *store.Tx) error {
		verified.RecordUseUnlessRecent(tx)
		tx.SignAction(kept, ceremony.ErrChallengeUsed)
		return nil
	})
}

// holdsSecret reports whether a payload adds a password, or a private key that is encrypted under one, as POST
// /auth/credentials has it. It is not stored then, whatever the path and however badly it is formed: receipts
// are for others, who could guess the password. The statement has its digest. That cannot be guessed from: the
// payload also holds the ticket of a ceremony.
func holdsSecret(payload string) bool {
	return strings.Contains(payload, `"credentialInfo"`) && (strings.Contains(payload, `"encryptedPrivateKey"`) ||
		strings.Contains(payload, `"password"`) && strings.Contains(payload, `"Password"`))
}

// second is what an action stores of its other factor. A code or a password leaves no signature.
type second struct {
	CredentialUUID    string `json:"credentialUuid"`
	ClientData        []byte `json:"clientData,omitempty"`
	AuthenticatorData []byte `json:"authenticatorData,omitempty"`
	Signature         []byte `json:"signature,omitempty"`
}

func secondFactor(f assertion.VerifiedFactor) second {
	return second{CredentialUUID: f.Credential.ID, ClientData: f.ClientData,
		AuthenticatorData: f.AuthenticatorData, Signature: f.Signature}
}

// explain says why storeAction failed.
func (s *Service) explain(ctx context.Context, who api.Caller, t ceremony.Ticket, verified assertion.Verified, err error) error {
	explained := s.Verifier.Explain(ctx, verified, err)
	if errors.Is(err, ceremony.ErrChallengeUsed) && api.CodeOf(explained) == ceremony.ErrChallengeUsed.Code {
		if full := s.full(ctx, who, t); full != nil {
			return full
		}
	}
	if errors.Is(err, ceremony.ErrChallengeUsed) && api.CodeOf(explained) == ceremony.ErrChallengeUsed.Code {
		if live, read := s.sessionOrTokenLive(ctx, who); read == nil && !live {
			return auth.TokenEnded("one that has ended")
		}
	}
	return explained
}

// full refuses a signature for which the limits on unused actions left no room; nil if they did, or
// if the challenge has signed an action.
func (s *Service) full(ctx context.Context, who api.Caller, t ceremony.Ticket) error {
	if used, err := s.DB.ChallengeUsed(ctx, t.Challenge); err != nil || used {
		return err
	}
	ofUser, ofOrganisation, err := s.DB.UnusedActions(ctx, who.OrgID, who.UserID, s.Now())
	if err != nil {
		return err
	}
	room := int64(maxPayload + maxPath + 8<<10) // what one takes at most, or so
	whose, had, limit := "this user", ofUser, store.MaxUnusedOfUser
	if had.Actions < limit.Actions && had.Bytes+room < limit.Bytes {
		whose, had, limit = "this organisation", ofOrganisation, store.MaxUnusedOfOrganisation
	}
	if had.Actions < limit.Actions && had.Bytes+room < limit.Bytes {
		return nil
	}
	return &api.Error{Kind: api.TooManyRequests, Code: "too_many_unused_actions",
		Message:    "Too many signed actions of " + whose + " were not used; use them, or wait until they are removed a day after they expired.",
		Rule:       "limit on unused actions of " + whose,
		Received:   fmt.Sprintf("one more than %d, or more than %d bytes", had.Actions, had.Bytes),
		Expected:   fmt.Sprintf("at most %d, and %d bytes in all", limit.Actions, limit.Bytes),
		RetryAfter: time.Hour, Details: map[string]any{"retryAfterSeconds": 3600}, Subject: who.Subject()}
}

func (s *Service) sessionOrTokenLive(ctx context.Context, who api.Caller) (bool, error) {
	if who.TokenID != "" {
		b, err := s.DB.TokenWithUser(ctx, who.TokenID)
		return b.Token.Live(s.Now()), err
	}
	b, err := s.DB.SessionWithUser(ctx, who.SessionID)
	return b.Session.Live(s.Now()), err
}

func claims(a store.Action, name string, c store.Credential) useraction.Claims {
	return useraction.Claims{Subject: a.OrgID, ID: a.ID, IssuedAt: a.SignedAt.Unix(), Expiry: a.ExpiresAt.Unix(),
		Method: a.Method, Path: a.Path, PayloadSHA256: useraction.PayloadDigest([]byte(a.Payload)),
		CanonicalSHA256: useraction.CanonicalDigest([]byte(a.Payload)), Challenge: a.Challenge,
		CredentialUUID: c.ID, CredentialKind: c.Kind, TokenID: c.TokenID, Username: name,
		Metadata: useraction.Metadata{OrgID: a.OrgID, UserID: a.UserID}}
}
