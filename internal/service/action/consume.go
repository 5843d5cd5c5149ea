package action

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/useraction"
	"github.com/countersign/countersign/receipt"
)

// Consume spends an action on behalf of another service, which names the request that came with
// it. Whoever holds the action's token may: that is what it is for. A service that named less
// would let a signature for one request pass for another.
func (s *Service) Consume(ctx context.Context, who api.Caller, in api.ConsumeActionRequest) (api.ConsumedAction, error) {
	switch {
	case in.Method == "":
		return api.ConsumedAction{}, api.Missing("httpMethod")
	case in.Path == "":
		return api.ConsumedAction{}, api.Missing("httpPath")
	case in.Payload == nil:
		return api.ConsumedAction{}, api.Missing("payload")
	}
	c, err := s.read(ctx, in.UserAction)
	if err != nil {
		return api.ConsumedAction{}, err
	}
	u := Use{Method: in.Method, Path: in.Path, Payload: []byte(*in.Payload)}
	if err := coversRequest(c, u, true); err != nil {
		return api.ConsumedAction{}, err
	}
	const kind = store.EventActionConsumed
	// Do all that can fail first: once the action is spent it is too late.
	a, err := s.DB.SignedAction(ctx, c.ID)
	if err != nil {
		return api.ConsumedAction{}, notOnRecord(c.ID, err)
	}
	now := s.Now()
	spent := a
	spent.UsedAt, spent.UsedFor = now, kind
	document, err := s.seal(ctx, spent)
	if err != nil {
		return api.ConsumedAction{}, err
	}
	if err := s.spend(ctx, who, c, kind, now); err != nil {
		return api.ConsumedAction{}, err
	}
	return api.ConsumedAction{ActionID: a.ID, OrgID: a.OrgID, UserID: a.UserID, Username: a.User.Username,
		CredentialUUID: a.CredentialID, CredentialKind: a.Credential.Kind, TokenID: a.Credential.TokenID, Method: a.Method, Path: a.Path,
		SignedAt: api.Time(a.SignedAt), Receipt: string(document)}, nil
}

// Forward spends an action on behalf of a reverse proxy, for the request that the proxy is about to
// pass on. If the proxy cannot send the body, withBody is false, and the service behind it must
// compare the body with the digests in the claims.
func (s *Service) Forward(ctx context.Context, who api.Caller, u Use, withBody bool) (useraction.Claims, error) {
	c, err := s.read(ctx, u.Token)
	if err != nil {
		return c, err
	}
	if !strings.HasPrefix(u.Path, "/") { // one with an origin of the client's own choice
		return c, invalid("a path that begins with /", u.Path, c.Path, c)
	}
	u.Path = u.Origin + u.Path
	if err := coversRequest(c, u, withBody); err != nil {
		return c, err
	}
	if len(u.OrgIDs) > 0 && !slices.Contains(u.OrgIDs, c.Metadata.OrgID) {
		return c, invalid("an organisation whose users may", c.Metadata.OrgID, strings.Join(u.OrgIDs, " "), c)
	}
	return c, s.spend(ctx, who, c, store.EventActionForwarded, s.Now())
}

// coversRequest judges another service's request, whose query must have been signed too. A
// path without an origin is for whoever trusts this server.
func coversRequest(c useraction.Claims, u Use, withBody bool) error {
	if want := useraction.Audience(c.Issuer, u.Path); !c.MeantFor(want) {
		return invalid("the action is for this service (aud)", want, c.Audience, c)
	}
	if !useraction.SameTarget(c.Path, u.Path) {
		return invalid("the signed path", u.Path, c.Path, c)
	}
	if !withBody {
		if c.Method != u.Method {
			return invalid("the signed method", u.Method, c.Method, c)
		}
		return nil
	}
	return covers(c, u)
}

// spend uses the action up for another service.
func (s *Service) spend(ctx context.Context, who api.Caller, c useraction.Claims, kind string, now time.Time) error {
	user := api.Caller{OrgID: c.Metadata.OrgID, UserID: c.Metadata.UserID, Address: who.Address}
	e := store.NewEvent(user, kind, now, map[string]any{"method": c.Method, "path": c.Path})
	e.UserID, e.CredentialID, e.ActionID = user.UserID, c.CredentialUUID, c.ID
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.UseAction(c.ID, c.Metadata.UserID, kind, now, ErrNotUsable)
		tx.Record(e)
		return nil
	})
	return s.Why(ctx, c.ID, err)
}

// Shown returns the receipt of an action of the caller's or, if they may read the audit log, of any
// in their organisation. The actions of a personal access token are those signed under it.
func (s *Service) Shown(ctx context.Context, who api.Caller, in api.GetActionRequest) (api.Document, error) {
	a, err := s.DB.SignedAction(ctx, in.ActionID)
	if err != nil {
		return nil, err
	}
	rights, err := s.Access.Of(ctx, who)
	own := a.UserID == who.UserID && (who.Kind != api.CallerPersonalToken || a.SessionID == who.TokenID)
	if err == nil && (a.OrgID != who.OrgID || !own && !rights.Hold("Auth:Logs:Read")) {
		err = errUnknownAction
	}
	if err != nil {
		return nil, err
	}
	return s.seal(ctx, a)
}

// Receipt returns the receipt of an action, for the operator.
func (s *Service) Receipt(ctx context.Context, orgID, actionID string) ([]byte, error) {
	a, err := s.DB.SignedAction(ctx, actionID)
	if err == nil && a.OrgID != orgID {
		err = errUnknownAction
	}
	if err != nil {
		return nil, err
	}
	return s.seal(ctx, a)
}

var errUnknownAction = &api.Error{Kind: api.NotFound, Code: "action_not_found", Message: "There is no such user action."}

// seal returns the receipt of an action as it is now.
func (s *Service) seal(ctx context.Context, a store.SignedAction) (api.Document, error) {
	now := s.Now()
	doc := receipt.Receipt{
		Issuer: s.Site.Origin(), IssuedAt: api.Time(now),
		Who: receipt.Who{OrgID: a.OrgID, Organisation: a.Organisation.Name, UserID: a.UserID, Username: a.User.Username},
		Action: receipt.Action{ID: a.ID, Method: a.Method, Path: a.Path, Payload: a.Payload, SignedAt: api.Time(a.SignedAt),
			UsedFor: a.UsedFor},
		Statement:  a.Statement,
		Credential: credential(a.Credential),
		Assertion:  receipt.NewAssertion(a.Credential.Kind, a.ClientData, a.AuthenticatorData, a.Signature),
	}
	if statement, ok := useraction.ReadStatement(a.Statement); ok {
		if a.Payload == "" && statement.PayloadSHA256 != useraction.PayloadDigest(nil) {
			doc.Action.Withheld = receipt.WithheldSecret
		}
		doc.Issuer, doc.Who.Username = statement.Issuer, statement.Username // as signed; both may have changed since
	}
	if !a.UsedAt.IsZero() {
		doc.Action.UsedAt = api.Time(a.UsedAt)
	}
	if a.SecondFactor != nil {
		var err error
		if doc.SecondFactor, err = s.secondFactor(ctx, a.SecondFactor); err != nil {
			return nil, err
		}
	}
	key := s.Tokens.Ring.SigningKey(now)
	return doc.Seal(key.ID, key.Private)
}

// secondFactor returns the second factor as evidence, nil for a code or a password, which are none.
func (s *Service) secondFactor(ctx context.Context, stored []byte) (*receipt.Factor, error) {
	var factor second
	if err := json.Unmarshal(stored, &factor); err != nil || factor.Signature == nil {
		return nil, err
	}
	c, err := s.DB.Credential(ctx, factor.CredentialUUID)
	return &receipt.Factor{Credential: credential(c),
		Assertion: receipt.NewAssertion(c.Kind, factor.ClientData, factor.AuthenticatorData, factor.Signature)}, err
}

func credential(c store.Credential) receipt.Credential {
	return receipt.Credential{UUID: c.ID, Kind: c.Kind, Name: c.Name,
		CredentialID: base64.RawURLEncoding.EncodeToString(c.CredentialID),
		PublicKey:    receipt.PEM(c.PublicKey), Algorithm: c.Algorithm, RPID: c.RPID, TokenID: c.TokenID}
}
