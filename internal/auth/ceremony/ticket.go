package ceremony

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// Purpose is the flow that a ticket belongs to. No flow accepts the ticket of another.
type Purpose string

// Purposes, each an init call and its completion.
const (
	Registration Purpose = api.PurposeRegistration // POST /auth/registration/init
	Login        Purpose = api.PurposeLogin        // POST /auth/login/init
	Action       Purpose = api.PurposeAction       // POST /auth/action/init
	Credential   Purpose = api.PurposeCredential   // POST /auth/credentials/init and /auth/credentials/code/init
	Recovery     Purpose = api.PurposeRecovery     // POST /auth/recover/user/init and /auth/recover/user/delegated
)

// Lifetimes of a ticket. Less than five minutes would lock out people with slow authenticators or
// assistive technology.
const (
	DefaultLifetime = 15 * time.Minute
	MinLifetime     = 5 * time.Minute
)

const (
	issuer     = "countersign"
	maxToken   = 4096 // bytes; ours are under 2,000
	tokenKind  = "Temp"
	clockDrift = useraction.Drift // between the nodes of one service, or when a clock is set back
)

// Ticket is what a ceremony was begun for. It authorises the completing call and binds it to all
// of this. Its token is signed and not encrypted: whoever holds it can read it.
type Ticket struct {
	Purpose Purpose
	OrgID   string
	UserID  string // "" at login, where the token must not show who exists

	// Username is the name that a login was begun for, as the client sent it; "" if any
	// discoverable passkey may answer. Of a registration it is the user's name when it began.
	Username string
	// UserKind is the kind of user who registers.
	UserKind string
	// Restarted says that who registers was registered before and given a new start.
	Restarted bool
	// CodeID is the code that admitted the user; "" without one.
	CodeID string
	// SessionOrTokenID is the session or access token that an action, or a new credential of one's
	// own, was begun under.
	SessionOrTokenID string
	// Kind is the kind of credential that a ceremony to add one was begun for.
	Kind string
	// Factor is the factor that such a credential is added as.
	Factor string
	// RecoveryKeyID is the recovery key ("cr-…") that a recovery was begun with.
	RecoveryKeyID string

	RPID       string // the relying party that credentials are made for
	Challenge  string // unpadded base64url of 32 bytes, see api.ChallengeOf
	Algorithms []int  // COSE identifiers offered in this very ceremony; nil where none is made

	Statement string // the text whose labelled digest is the challenge
	Payload   string // of an action: the payload that the statement has the digest of

	Issued  time.Time // in whole seconds, as tokens have it
	Expires time.Time
}

// MaxActionToken is the longest token of an action, in bytes: it holds the payload, and the body
// that returns it must also hold the answer.
const MaxActionToken = 56 << 10

// Issuer issues tickets and reads them again. Tickets are signed with HS256 under a key that only
// this server has, since nobody else needs to verify them.
type Issuer struct {
	key      []byte
	server   string // the public URL
	now      func() time.Time
	lifetime time.Duration
}

// NewIssuer returns an issuer for the server at that public URL. Its tickets live as long as
// lifetime, at least MinLifetime.
func NewIssuer(key []byte, server string, now func() time.Time, lifetime time.Duration) (*Issuer, error) {
	if lifetime < MinLifetime {
		return nil, errors.New("the ceremony lifetime must be at least 5 minutes")
	}
	return &Issuer{key: key, server: server, now: now, lifetime: lifetime}, nil
}

// claims are the token's payload: the registered claims of RFC 7519 §4.1 first.
type claims struct {
	Issuer     string   `json:"iss"`
	Subject    string   `json:"sub"` // the organisation, as consumers of these tokens expect
	IssuedAt   int64    `json:"iat"`
	Expiry     int64    `json:"exp"`
	Purpose    Purpose  `json:"purpose"`
	Username   string   `json:"username,omitempty"`
	UserKind   string   `json:"userKind,omitempty"`
	Restarted  bool     `json:"restarted,omitempty"`
	CodeID     string   `json:"codeId,omitempty"`
	BearerID   string   `json:"bearerId,omitempty"`
	Kind       string   `json:"kind,omitempty"`
	Factor     string   `json:"factor,omitempty"`
	RecoveryID string   `json:"recoveryKeyId,omitempty"`
	RPID       string   `json:"rpId"`
	Challenge  string   `json:"challenge"`
	Algorithms []int    `json:"algs,omitempty"`
	Statement  string   `json:"statement,omitempty"`
	Payload    string   `json:"payload,omitempty"`
	Metadata   metadata `json:"https://custom/app_metadata"` // SDKs read orgId from every bearer
}

// statement is the text of a challenge that is for no action: nothing but what makes it unique.
type statement struct {
	Version int    `json:"countersign"`
	Issuer  string `json:"issuer"`
	OrgID   string `json:"orgId"` // "" where a login names no organisation
	Nonce   string `json:"nonce"`
}

type metadata struct {
	OrgID     string `json:"orgId"`
	UserID    string `json:"userId"`
	TokenKind string `json:"tokenKind"`
}

// Begin fills in statement and challenge, unless t has them, and the times of t and returns it
// with its token. Nothing is written.
func (i *Issuer) Begin(t Ticket) (Ticket, string, error) {
	if t.Challenge == "" {
		var nonce [32]byte
		rand.Read(nonce[:])
		text, err := json.Marshal(statement{2, i.server, t.OrgID, base64.RawURLEncoding.EncodeToString(nonce[:])})
		if err != nil {
			return t, "", err
		}
		t.Statement = string(text)
		t.Challenge = api.ChallengeOf(string(t.Purpose), t.Statement)
	}
	now := i.now()
	t.Issued = now.Truncate(time.Second)
	t.Expires = now.Add(i.lifetime).Truncate(time.Second) // tokens have whole seconds
	payload, err := json.Marshal(claims{
		Issuer:     issuer,
		Subject:    t.OrgID,
		IssuedAt:   now.Unix(),
		Expiry:     t.Expires.Unix(),
		Purpose:    t.Purpose,
		Username:   t.Username,
		UserKind:   t.UserKind,
		Restarted:  t.Restarted,
		CodeID:     t.CodeID,
		BearerID:   t.SessionOrTokenID,
		Kind:       t.Kind,
		Factor:     t.Factor,
		RecoveryID: t.RecoveryKeyID,
		RPID:       t.RPID,
		Challenge:  t.Challenge,
		Algorithms: t.Algorithms,
		Statement:  t.Statement,
		Payload:    t.Payload,
		Metadata:   metadata{OrgID: t.OrgID, UserID: t.UserID, TokenKind: tokenKind},
	})
	if err != nil {
		return t, "", err
	}
	return t, sign(i.key, payload), nil
}

// CodeExpired is the code of the refusal of a ticket that has expired.
const CodeExpired = "ceremony_expired"

// Open reads the ticket in token. A token that this server did not sign for this purpose, or that
// has expired, is Unauthenticated. With CodeExpired comes the ticket: what was begun in time may be
// completed later.
func (i *Issuer) Open(purpose Purpose, token string) (Ticket, error) {
	if token == "" {
		return Ticket{}, invalid("no bearer token", nil)
	}
	if len(token) > maxToken && (purpose != Action || len(token) > MaxActionToken) {
		return Ticket{}, invalid("token too long", nil)
	}
	payload, ok := verify(i.key, token)
	if !ok {
		return Ticket{}, invalid("our header and our signature", nil)
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Ticket{}, invalid("our claims", err)
	}
	t := Ticket{Purpose: c.Purpose, OrgID: c.Metadata.OrgID, UserID: c.Metadata.UserID, Username: c.Username, UserKind: c.UserKind, Restarted: c.Restarted,
		CodeID: c.CodeID, SessionOrTokenID: c.BearerID, Kind: c.Kind, Factor: c.Factor, RecoveryKeyID: c.RecoveryID, RPID: c.RPID, Challenge: c.Challenge, Algorithms: c.Algorithms,
		Statement: c.Statement, Payload: c.Payload}
	switch {
	case c.Issuer != issuer || c.Subject != t.OrgID || c.Metadata.TokenKind != tokenKind:
		return Ticket{}, invalid("issuer, subject or kind of token", nil)
	case c.Purpose != purpose:
		e := invalid("purpose of the ceremony", nil)
		e.Received, e.Expected = string(c.Purpose), string(purpose)
		return Ticket{}, e
	}
	t.Issued, t.Expires = time.Unix(c.IssuedAt, 0), time.Unix(c.Expiry, 0)
	now := i.now()
	if !now.Before(t.Expires) || now.Add(clockDrift).Before(t.Issued) {
		return t, &api.Error{Kind: api.Unauthenticated, Code: CodeExpired,
			Message:  "This took too long; please begin again.",
			Rule:     "ceremony token lifetime",
			Received: "issued " + t.Issued.UTC().Format(time.RFC3339) + ", expired " + t.Expires.UTC().Format(time.RFC3339),
			Expected: "a time between, now " + now.UTC().Format(time.RFC3339)}
	}
	return t, nil
}

func invalid(rule string, cause error) *api.Error {
	return auth.TokenInvalid("ceremony token: "+rule, "", cause)
}

// ErrChallengeUsed refuses another answer to a challenge. The effect of the first answer decides
// it.
var ErrChallengeUsed = &api.Error{Kind: api.Unauthenticated, Code: "challenge_used",
	Message: "This challenge has already been answered; please begin again.",
	Rule:    "one answer to one challenge", Received: "another answer, or the same again"}

// OpenChallenge is Open for a token that travels as challengeIdentifier in the body. What Open
// finds Unauthenticated is Invalid then.
func (i *Issuer) OpenChallenge(purpose Purpose, token string) (Ticket, error) {
	t, err := i.Open(purpose, token)
	if err == nil {
		return t, nil
	}
	e := *api.AsError(err)
	e.Kind = api.Invalid
	if e.Code == "token_invalid" {
		e.Code, e.Message = "challenge_invalid", "Challenge token is not valid."
	}
	return t, &e
}
