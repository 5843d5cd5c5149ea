package attack_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/testing/world"
)

// named is a call that gives something a name.
type named struct {
	what, method, path, code string
	body                     func(name string) any
}

// giveNames are all calls of the directory that give a name.
func giveNames(t *testing.T, n *world.Tenant) []named {
	t.Helper()
	pem := func() string { return authenticator.NewKeySigner("P-256").PEM }
	permission := n.Permission(t, n.Org.ID, "reader", "Auth:Users:Read")
	return []named{
		{"a user", "POST", "/auth/users", "username_invalid", func(name string) any {
			return api.CreateUserRequest{Email: name + "@example.org", Kind: api.CustomerEmployee}
		}},
		{"invited people", "POST", "/countersign/people", "username_invalid", func(name string) any {
			return map[string]any{"usernames": []string{"plain@example.org", name}, "kind": api.CustomerEmployee}
		}},
		{"a permission", "POST", "/permissions", "name_invalid", func(name string) any {
			return api.CreatePermissionRequest{Name: name, Operations: []string{"Wallets:Read"}}
		}},
		{"a permission that is renamed", "PUT", "/permissions/" + permission, "name_invalid", func(name string) any {
			return map[string]any{"name": name}
		}},
		{"a service account", "POST", "/auth/service-accounts", "name_invalid", func(name string) any {
			return api.CreateServiceAccountRequest{Name: name, PublicKey: pem()}
		}},
		{"a service account that is renamed", "PUT", "/auth/service-accounts/" + n.IDs["serviceAccountId"], "name_invalid", func(name string) any {
			return map[string]any{"name": name}
		}},
		{"an access token", "POST", "/auth/pats", "name_invalid", func(name string) any {
			return api.CreateTokenRequest{Name: name, PublicKey: pem()}
		}},
		{"an application", "POST", "/auth/apps", "name_invalid", func(name string) any {
			return api.CreateApplicationRequest{Name: name, Kind: api.ClientSideApplication}
		}},
		{"an application that is renamed", "POST", "/auth/apps/" + n.IDs["appId"], "name_invalid", func(name string) any {
			return map[string]any{"name": name}
		}},
	}
}

// Nothing gets a name that looks like another's because of a character that nobody sees or of
// letters of another script: no second ada, and no second administrator role.
func TestInvisibleTwins(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		twins := map[string]string{
			"variation selector":  "ada\ufe0f",
			"grapheme joiner":     "ada\u034f",
			"Hangul filler":       "ada\u3164",
			"half-width filler":   "\uffa0ada",
			"braille blank":       "ada\u2800",
			"Khmer vowel":         "ada\u17b4",
			"Mongolian selector":  "ada\u180b",
			"ideograph selector":  "ada\U000e0100",
			"tag":                 "ada\U000e0061",
			"joiner":              "ad\u200da",
			"non-joiner":          "ad\u200ca",
			"function":            "ada\u2061",
			"Hangul jungseong":    "ada\u1160",
			"musical":             "ada\U0001d173",
			"two spaces":          "ada  b",
			"Cyrillic":            "\u0430da",
			"role with selector":  "ManagedFullAdminAccess\ufe0f",
			"role with a filler":  "Managed\u115fFullAdminAccess",
			"role with a Greek A": "ManagedFull\u0391dminAccess",
		}
		calls := giveNames(t, n)
		ctx := context.Background()
		registrar := n.Permission(t, n.Org.ID, "registrar", "Auth:Register:Delegated")
		_, service := n.ServiceAccount(t, n.Org.ID, "registrar", registrar)
		must(t, service.DoSigned(ctx, "POST", "/auth/registration/delegated", api.DelegatedRegistrationRequest{Email: "ada", Kind: api.EndUser}, nil))
		before := n.State(t)
		for what, name := range twins {
			for _, c := range calls {
				a := n.CallAs(t, n.Admin, true, c.method, c.path, world.JSON(t, c.body(name)))
				if a.Status != http.StatusBadRequest || a.Code != c.code && !(a.Code == "email_invalid" && c.path == "/auth/users") {
					t.Errorf("%s, %s: answered %d %s", c.what, what, a.Status, a.Code)
				}
			}
			a := n.CallAs(t, service, true, "POST", "/auth/registration/delegated", world.JSON(t, api.DelegatedRegistrationRequest{Email: name, Kind: api.EndUser}))
			a.Wants(t, "an end user, "+what, http.StatusBadRequest, "username_invalid")
			if _, err := n.Users.Invite(ctx, n.Org.ID, user.Invitee{Username: name}, code.DefaultLifetime); api.CodeOf(err) != "username_invalid" {
				t.Errorf("a user of the operator's, %s: %v", what, err)
			}
			if _, err := n.Organisations.Create(ctx, organisation.New{Name: name}); api.CodeOf(err) != "organisation_name_invalid" {
				t.Errorf("an organisation, %s: %v", what, err)
			}
		}
		n.Unchanged(t, "twins", before)
	})
}

// Nothing gets a name that looks like another's although each is of one script, whichever was first.
func TestLookalikes(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := context.Background()
		calls := giveNames(t, n)[2:]
		people := func(name string) any {
			return map[string]any{"usernames": []string{name}, "kind": api.CustomerEmployee}
		}
		calls = append([]named{{"invited people", "POST", "/countersign/people", "", people}}, calls...)
		_, service := n.ServiceAccount(t, n.Org.ID, "registrar", n.Permission(t, n.Org.ID, "registrar", "Auth:Register:Delegated"))
		for _, pair := range [][2]string{
			{"capo", "саро"},   // Cyrillic
			{"хор", "xop"},     // Cyrillic first
			{"ορο", "оро"},     // Greek and Cyrillic
			{"sopa", "ѕора"},   // a letter of Macedonian
			{"pop 0", "рор о"}, // 0 and o
		} {
			for _, c := range calls {
				if c.method == "POST" && c.path != "/auth/apps/"+n.IDs["appId"] {
					if a := n.CallAs(t, n.Admin, true, c.method, c.path, world.JSON(t, c.body(pair[0]))); a.Status != http.StatusOK {
						t.Fatalf("%s %q: answered %d %s", c.what, pair[0], a.Status, a.Code)
					}
				}
				before := n.State(t)
				if a := n.CallAs(t, n.Admin, true, c.method, c.path, world.JSON(t, c.body(pair[1]))); a.Status != http.StatusConflict {
					t.Errorf("%s %q beside %q: answered %d %s", c.what, pair[1], pair[0], a.Status, a.Code)
				}
				n.Unchanged(t, c.what+" "+pair[1], before)
			}
			a := n.CallAs(t, service, true, "POST", "/auth/registration/delegated", world.JSON(t, api.DelegatedRegistrationRequest{Email: pair[1], Kind: api.EndUser}))
			a.Wants(t, "an end user "+pair[1], http.StatusConflict, "username_confusable")
			if _, err := n.Users.Invite(ctx, n.Org.ID, user.Invitee{Username: pair[1]}, code.DefaultLifetime); api.CodeOf(err) != "username_confusable" {
				t.Errorf("a user of the operator's, %s: %v", pair[1], err)
			}
		}
		if _, err := n.Users.Invite(ctx, n.Org.ID, user.Invitee{Username: "Сара"}, code.DefaultLifetime); err != nil {
			t.Errorf("a name that resembles nobody's: %v", err)
		}
	})
}

// The names of credentials are as visible.
func TestInvisibleCredentialNames(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	g := h.Invitee(t)
	c := g.Begin(t)
	for _, hidden := range []string{"\ufe0f", "\u034f", "\u3164", "\u2800", "\u17b4", "\u180b", "\U000e0100", "\u200d", "\u202e", "\u115f", "\uffa0"} {
		a := g.Complete(t, c.TemporaryAuthenticationToken, world.First(g.Passkey(t, c, authenticator.Options{Name: "Laptop" + hidden})))
		a.Wants(t, "a credential with "+strconv.QuoteToASCII(hidden), http.StatusBadRequest, "credential_name_invalid")
	}
	a := g.Complete(t, c.TemporaryAuthenticationToken, world.First(g.Passkey(t, c, authenticator.Options{Name: "گوشی من ❤\ufe0f خانه\u200cها"})))
	a.Wants(t, "a credential with joiners that join", http.StatusOK, "")
}
