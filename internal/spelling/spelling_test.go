package spelling_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/spelling"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"externalId", "paginationToken", "limit", "kind", "Auth:Users:Create", "Auth:Users:Update", "Permissions:Read"}
	for meant, want := range map[string]string{
		"external_id":            "externalId",
		"ExternalID":             "externalId",
		"external-id":            "externalId",
		"externalid":             "externalId",
		"extrenalId":             "externalId",
		"pagination_token":       "paginationToken",
		"page_token":             "",
		"paginationtoken":        "paginationToken",
		"limits":                 "limit",
		"Kind":                   "kind",
		"Auth:User:Create":       "Auth:Users:Create",
		"auth:users:update":      "Auth:Users:Update",
		"Users:Create":           "Auth:Users:Create",
		"Permission:Read":        "Permissions:Read",
		"":                       "",
		"_":                      "",
		"x":                      "",
		"Wallets:Everything":     "",
		strings.Repeat("x", 1e6): "",
	} {
		if got := spelling.Nearest(meant, names); got != want {
			t.Errorf("%.40q: %q, want %q", meant, got, want)
		}
	}
}

func TestAlike(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"orgId", "OrgId", "org_id", "ORG-ID", "_orgid_", "orgid"} {
		if !spelling.Alike(name, "orgId") {
			t.Errorf("%q is not alike", name)
		}
	}
	for _, name := range []string{"", "org", "orgIds", "org.id", "org id", "o rgId"} {
		if spelling.Alike(name, "orgId") {
			t.Errorf("%q is alike", name)
		}
	}
}
