package store

import "time"

// Session is what a login opens.
type Session struct {
	ID           string // "se-…"
	OrgID        string
	UserID       string
	CredentialID string // "cr-…", the first factor that opened it
	Challenge    string // what was signed; a challenge opens one session
	CreatedAt    time.Time
	ExpiresAt    time.Time // not valid at this instant or later
	EndedAt      time.Time // logged out
	Address      string
	UserAgent    string
}

// Live reports whether the session is neither ended nor expired at now.
func (s Session) Live(now time.Time) bool { return s.EndedAt.IsZero() && now.Before(s.ExpiresAt) }

// Action is one request that a user signed, with the evidence for it.
type Action struct {
	ID           string // "ua-…"
	OrgID        string
	UserID       string
	CredentialID string // "cr-…", what signed it
	SessionID    string // "se-…" or "to-…", the session or access token in which it was signed

	Challenge string // what was signed; a challenge signs one action
	Method    string
	Path      string
	Payload   string // as received, to the byte
	Statement string // the text whose digest is the challenge

	ClientData        []byte // as received
	AuthenticatorData []byte // as received, nil for keys
	Signature         []byte
	SecondFactor      []byte // JSON text or nil

	SignedAt  time.Time
	ExpiresAt time.Time // not valid at this instant or later
	UsedAt    time.Time // zero: not used
	UsedFor   string    // what it was used for, "" before
	Address   string
}

// LoginState is all that decides how a user may begin to log in, read at one instant.
type LoginState struct {
	Organisation Organisation // even without the user; zero if it does not exist

	Found       bool
	User        User
	Credentials []Credential // oldest first, inactive ones too, without ClientData and AttestationObject

	CodeFound bool // a code with that MAC was issued to this user, live or not
	Code      Code

	WrongTries      int64     // as counted by Tx.Hit; it counts only before WrongTriesReset
	WrongTriesReset time.Time // zero if nothing was counted
}

// Registered reports whether the user exists, is active and has registered.
func (s LoginState) Registered() bool {
	return s.Found && s.User.Active && !s.User.RegisteredAt.IsZero()
}

// Owner is a user with the credential they claim to hold. What does not exist, or belongs to
// somebody else, is zero. An organisation that was named is read even without the user.
type Owner struct {
	Found        bool
	Organisation Organisation
	User         User

	CredentialFound bool
	Credential      Credential // without ClientData and AttestationObject
}

// SessionWithUser is a session with its user. Either may be inactive.
type SessionWithUser struct {
	Found   bool
	Session Session
	User    User
}

// SignedAction is an action with all that its receipt shows, as it is now.
type SignedAction struct {
	Action
	Organisation Organisation
	User         User
	Credential   Credential  // with ClientData and AttestationObject
	Session      Session     // zero if it is pruned or an access token was used instead
	Token        AccessToken // zero unless the action was signed under one
}

// SessionOrTokenLive reports whether the session or access token that the action was signed under
// can still be used at now.
func (a SignedAction) SessionOrTokenLive(now time.Time) bool {
	return a.Session.Live(now) || a.Token.Live(now)
}

// Member is a user as other users see them.
type Member struct {
	User
	CredentialID string // "cr-…", their oldest active first factor, "" if none
	Assignments  []HeldPermission
}
