package guard

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/countersign/countersign/internal/verify/useraction"
)

// Headers that the forward-auth endpoint answers and a reverse proxy passes on. Each has a
// value, so the absence of one never means anything.
const (
	HeaderActionID         = "Countersign-Action-Id"
	HeaderOrgID            = "Countersign-Org-Id"
	HeaderUserID           = "Countersign-User-Id"
	HeaderUsername         = "Countersign-Username" // percent-encoded UTF-8
	HeaderCredentialUUID   = "Countersign-Credential-Uuid"
	HeaderTokenID          = "Countersign-Token-Id" // "none" if the user signed and not an access token's key
	HeaderPayload          = "Countersign-Payload-Sha256"
	HeaderCanonicalPayload = "Countersign-Payload-Canonical-Sha256" // "none" if what was signed is not JSON
)

// RequireBehindProxy is for a service whose reverse proxy calls
// /countersign/forward-auth?body=upstream for each request. That call checks method, path
// and query and spends the token, but it does not see the body, which is therefore checked
// here. A request that lacks one of the proxy's headers, or has one twice, is refused.
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

// readProxyHeaders reads the proxy's headers. The claims have only the digests. A client can
// have its proxy remove any header by naming it in Connection, so one that is missing says
// nothing, not even that no access token signed.
func (g *Guard) readProxyHeaders(r *http.Request) (a Action, c useraction.Claims, err error) {
	for name, into := range map[string]*string{
		HeaderActionID: &a.ActionID, HeaderOrgID: &a.OrgID, HeaderUserID: &a.UserID, HeaderUsername: &a.Username,
		HeaderCredentialUUID: &a.CredentialUUID, HeaderTokenID: &a.TokenID,
		HeaderPayload: &c.PayloadSHA256, HeaderCanonicalPayload: &c.CanonicalSHA256,
	} {
		values := r.Header.Values(name)
		if len(values) != 1 || values[0] == "" {
			return a, c, invalid("the proxy says who signed what: "+name, countText(len(values)), "exactly one")
		}
		*into = values[0]
		if strings.ContainsAny(*into, ", \t") { // two that a proxy joined (RFC 9110 §5.3)
			return a, c, invalid("the proxy says who signed what: "+name, "several in one", "exactly one")
		}
	}
	for _, optional := range []*string{&a.TokenID, &c.CanonicalSHA256} {
		if *optional == "none" {
			*optional = ""
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
