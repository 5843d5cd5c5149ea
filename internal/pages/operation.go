package pages

import (
	"strings"

	"github.com/countersign/countersign/api"
)

// operationGroup is operations that belong together, as the roles page offers them.
type operationGroup struct {
	Name       string
	Operations []namedOperation
}

// namedOperation is an operation with what it means in words, "" where only another
// service knows.
type namedOperation struct{ Name, Words string }

// Parts are the name's, between which a line may break.
func (o namedOperation) Parts() []string { return strings.SplitAfter(o.Name, ":") }

// groupNames are what people call the groups of this server's own operations, by what their
// names begin with.
var groupNames = map[string]string{
	"Auth:Users":           "People",
	"Auth:ServiceAccounts": "Machines",
	"Auth:Pats":            "Access tokens",
	"Auth:Delegated":       "End users on their behalf",
	"Auth:Logs":            "Audit log",
	"Permissions":          "Roles",
}

// operationWords says what each of this server's own operations allows.
var operationWords = map[string]string{
	"Auth:Logs:Read":                  "Read the audit log",
	"Auth:Users:Create":               "Invite people, renew and withdraw their codes",
	"Auth:Users:Read":                 "See people",
	"Auth:Users:Update":               "Change people",
	"Auth:Users:Activate":             "Activate people again",
	"Auth:Users:Deactivate":           "Deactivate people",
	"Auth:Users:Delete":               "Archive people",
	"Auth:ServiceAccounts:Create":     "Make machines",
	"Auth:ServiceAccounts:Read":       "See machines",
	"Auth:ServiceAccounts:Update":     "Rename machines",
	"Auth:ServiceAccounts:Activate":   "Activate machines again",
	"Auth:ServiceAccounts:Deactivate": "Deactivate machines",
	"Auth:ServiceAccounts:Delete":     "Archive machines",
	"Auth:Pats:Create":                "Make access tokens for one’s own programs",
	"Auth:Delegated:Register":         "Register end users",
	"Auth:Delegated:Login":            "Log end users in",
	"Permissions:Create":              "Make roles",
	"Permissions:Read":                "See roles",
	"Permissions:Update":              "Change roles",
	"Permissions:Assign":              "Give roles that one holds",
	"Permissions:Revoke":              "Take roles away",
	"Permissions:Delete":              "Archive roles and bring them back",
	"Permissions:Assignments:Read":    "See who has a role",
}

// unservedOperations are those of this server's own that nothing asks for yet. The roles page does
// not offer them. A role that was given one keeps it.
var unservedOperations = map[string]bool{
	"Auth:Delegated:Recover": true,
	"Webhooks:Create":        true,
	"Webhooks:Read":          true,
	"Webhooks:Update":        true,
	"Webhooks:Delete":        true,
	"Webhooks:Ping":          true,
	"Webhooks:Events:Read":   true,
}

// operationGroups returns all operations in the order of the contract: this server's own,
// and those that it keeps for services behind it.
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

// groupKey is the first part of a name, or the first two where the first says little.
func groupKey(name string) string {
	parts := strings.Split(name, ":")
	if parts[0] == "Auth" {
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
