package guard

import (
	"net/http"
	"net/url"

	"github.com/countersign/countersign/internal/verify/useraction"
)

// Headers that the forward-auth endpoint answers and a reverse proxy passes on.
const (
	HeaderActionID         = "Countersign-Action-Id"
	HeaderOrgID            = "Countersign-Org-Id"
	HeaderUserID           = "Countersign-User-Id"
	HeaderUsername         = "Countersign-Username" // percent-encoded UTF-8
	HeaderCredentialUUID   = "Countersign-Credential-Uuid"
	HeaderTokenID          = "Countersign-Token-Id" // absent if the user signed and not an access token's key
	HeaderPayload          = "Countersign-Payload-Sha256"
	HeaderCanonicalPayload = "Countersign-Payload-Canonical-Sha256" // absent if what was signed is not JSON
)

// RequireBehindProxy is for a service whose reverse proxy calls
// /countersign/forward-auth?body=upstream for each request. That call checks method, path
// and query and spends the token, but it does not see the body, which is therefore checked
// here. A request without the proxy's headers is refused.
//
// Anybody could write those headers. So the service must be reachable only through the
// proxy, and the proxy must replace them on every request, as the configurations in
// docs/guarding.md do.
func (g *Guard) RequireBehindProxy(next http.Handler) http.Handler {
	return g.handler(next, func(w http.ResponseWriter, r *http.Request) (Action, []byte, error) {
		action, claims, err := g.readProxyHeaders(r)
		if err != nil {
			return Action{}, nil, err
		}
		body, err := g.signedBody(w, r, claims)
		return action, body, err
	})
}

// readProxyHeaders reads the proxy's headers. The claims have only the digests.
func (g *Guard) readProxyHeaders(r *http.Request) (a Action, c useraction.Claims, err error) {
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
			return a, c, invalid("the proxy says who signed what: "+name, countText(len(values)), "exactly one")
		}
	}
	if a.Username, err = url.PathUnescape(a.Username); err != nil {
		return a, c, invalid("the proxy says who signed what: "+HeaderUsername, "not percent-encoded", "")
	}
	if err := g.checkOrg(a.OrgID); err != nil {
		return a, c, err
	}
	return a, c, checkOneMeaning(requestURI(r)) // nginx chooses by one meaning and passes on the other
}
