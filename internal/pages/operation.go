package pages

import (
	"strings"

	"github.com/countersign/countersign/api"
)

// operationGroup is a group of operations on the roles page.
type operationGroup struct {
	Name       string
	Operations []namedOperation
}

// namedOperation is an operation with its meaning in words, "" for one of another service.
type namedOperation struct{ Name, Words string }

// Parts returns the parts of the name; a line may break between them.
func (o namedOperation) Parts() []string { return strings.SplitAfter(o.Name, ":") }

// groupNames has the names of the groups of this server's own operations, by the key of groupKey.
var groupNames = map[string]string{
	"Auth:Users":           "People",
	"Auth:ServiceAccounts": "Service accounts",
	"Auth:Pats":            "Access tokens",
	"Auth:Delegated":       "End users on their behalf",
	"Auth:Logs":            "Audit log",
	"Orgs:Settings":        "Settings",
	"Permissions":          "Roles",
}

// operationWords says what each of this server's own operations allows.
var operationWords = map[string]string{
	"Auth:Logs:Read":                  "Read the audit log",
	"Auth:Users:Create":               "Invite people, renew and revoke their codes",
	"Auth:Users:Read":                 "See people",
	"Auth:Users:Update":               "Change people",
	"Auth:Users:Activate":             "Activate people again",
	"Auth:Users:Deactivate":           "Deactivate people",
	"Auth:Users:Delete":               "Archive people",
	"Auth:Users:Recover":              "Give people a new start, without their former credentials",
	"Auth:ServiceAccounts:Create":     "Create service accounts",
	"Auth:ServiceAccounts:Read":       "See service accounts",
	"Auth:ServiceAccounts:Update":     "Rename service accounts",
	"Auth:ServiceAccounts:Activate":   "Activate service accounts again",
	"Auth:ServiceAccounts:Deactivate": "Deactivate service accounts",
	"Auth:ServiceAccounts:Delete":     "Archive service accounts",
	"Auth:Pats:Create":                "Create access tokens for one’s own programs",
	"Auth:Delegated:Register":         "Register end users",
	"Auth:Delegated:Login":            "Log end users in",
	"Auth:Delegated:Recover":          "Recover end users",
	"Orgs:Settings:Read":              "See which authenticators are accepted",
	"Orgs:Settings:Update":            "Set which authenticators are accepted",
	"Permissions:Create":              "Create roles",
	"Permissions:Read":                "See roles",
	"Permissions:Update":              "Change roles",
	"Permissions:Assign":              "Give roles that one holds",
	"Permissions:Revoke":              "Revoke roles",
	"Permissions:Delete":              "Archive and restore roles",
	"Permissions:Assignments:Read":    "See who has a role",
}

// unservedOperations are those of this server's own that nothing asks for yet. The roles page does
// not offer them. A role that was given one keeps it.
var unservedOperations = map[string]bool{
	"Webhooks:Create":      true,
	"Webhooks:Read":        true,
	"Webhooks:Update":      true,
	"Webhooks:Delete":      true,
	"Webhooks:Ping":        true,
	"Webhooks:Events:Read": true,
}

// operationGroups returns all operations in the order of the contract: this server's own, and those
// of services behind it.
func operationGroups() (own, elsewhere []operationGroup) {
	for _, name := range api.Operations {
		if unservedOperations[name] {
			continue
		}
		key, all := groupKey(name), &elsewhere
		title, ours := groupNames[key]
		if ours {
			all = &own
		} else {
			title = key
		}
		g := groupNamed(all, title)
		g.Operations = append(g.Operations, namedOperation{name, operationWords[name]})
	}
	return own, elsewhere
}

// groupKey returns the first part of a name, or the first two if the first is Auth.
func groupKey(name string) string {
	parts := strings.Split(name, ":")
	if parts[0] == "Auth" || strings.HasPrefix(name, "Orgs:Settings:") {
		return parts[0] + ":" + parts[1]
	}
	return parts[0]
}

func groupNamed(all *[]operationGroup, name string) *operationGroup {
	for i := range *all {
		if (*all)[i].Name == name {
			return &(*all)[i]
		}
	}
	*all = append(*all, operationGroup{Name: name})
	return &(*all)[len(*all)-1]
}
