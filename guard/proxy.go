package guard

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/verify/useraction"
)

// Headers that the forward-auth endpoint answers and a reverse proxy hands on.
const (
	HeaderActionID         = "Countersign-Action-Id"
	HeaderOrgID            = "Countersign-Org-Id"
	HeaderUserID           = "Countersign-User-Id"
	HeaderUsername         = "Countersign-Username" // percent-encoded UTF-8
	HeaderCredentialUUID   = "Countersign-Credential-Uuid"
	HeaderTokenID          = "Countersign-Token-Id" // absent if the user signed and not a program
	HeaderPayload          = "Countersign-Payload-Sha256"
	HeaderCanonicalPayload = "Countersign-Payload-Canonical-Sha256" // absent if what was signed is not JSON
)

// RequireBehindProxy is for a service whose reverse proxy has asked
// /countersign/forward-auth?body=upstream: method, path and query were checked there and
// the token is burnt, but the proxy could not show the body. So it is compared here with
// what was signed. A request without the proxy's word is refused.
//
// The proxy's word is a header, which anybody could write: the service must be reachable
// through the proxy alone, and the proxy must replace these headers on every request, as
// the configurations in docs/guarding.md do.
func (g *Guard) RequireBehindProxy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		action, claims, err := g.vouched(r)
		if err != nil {
			g.refuse(w, r, err)
			return
		}
		body, err := g.body(w, r)
		if err != nil {
			g.refuse(w, r, err)
			return
		}
		if !claims.CoversPayload(body) {
			g.refuse(w, r, invalid("the body is the one that was signed", "another body", ""))
			return
		}
		next.ServeHTTP(w, handOn(r, body, action))
	})
}

// vouched reads what the proxy says. Of the claims only the digests are filled in.
func (g *Guard) vouched(r *http.Request) (a Action, c useraction.Claims, err error) {
	for name, into := range map[string]*string{
		HeaderActionID: &a.ActionID, HeaderOrgID: &a.OrgID, HeaderUserID: &a.UserID, HeaderUsername: &a.Username,
		HeaderCredentialUUID: &a.CredentialUUID, HeaderTokenID: &a.TokenID,
		HeaderPayload: &c.PayloadSHA256, HeaderCanonicalPayload: &c.CanonicalSHA256,
	} {
		values := r.Header.Values(name)
		if len(values) == 1 {
			*into = values[0]
		}
		if len(values) > 1 || *into == "" && name != HeaderTokenID && name != HeaderCanonicalPayload {
			return a, c, invalid("the proxy says who signed what: "+name, counted(len(values)), "exactly one")
		}
	}
	if a.Username, err = url.PathUnescape(a.Username); err != nil {
		return a, c, invalid("the proxy says who signed what: "+HeaderUsername, "not percent-encoded", "")
	}
	if len(g.orgIDs) > 0 && !slices.Contains(g.orgIDs, a.OrgID) {
		return a, c, invalid("the user is of an organisation that may sign here", shown(a.OrgID), strings.Join(g.orgIDs, ", "))
	}
	if sent := requestURI(r); !useraction.OneMeaning(sent) { // nginx chooses by one meaning and passes on the other
		return a, c, twoMeanings(sent)
	}
	return a, c, nil
}
