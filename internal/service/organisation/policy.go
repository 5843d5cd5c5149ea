package organisation

import (
	"cmp"
	"context"
	"slices"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// Names of a policy that is not set; the server decides.
const (
	PolicyAuto     = "auto"
	FactorOptional = "optional"

	on, off = "on", "off"
)

// Policies are what an organisation asks for at logins and signatures, and which kinds of credential it
// accepts that are weaker than a key. SetPolicies leaves a policy that is "" as it is.
type Policies struct {
	SignCount    string `json:"signCount"`    // auto, refuse, alert or record: a counter that did not go up
	Backup       string `json:"backup"`       // auto, refuse, alert or record: backup flags that changed
	SecondFactor string `json:"secondFactor"` // optional or required

	OneTimePasswords string `json:"oneTimePasswords"` // on or off: codes from an app as second factor
	Passwords        string `json:"passwords"`        // on or off: as first factor of a login
}

// PoliciesOf returns the policies in force, each by its name.
func PoliciesOf(o store.Organisation) Policies {
	return Policies{SignCount: cmp.Or(o.SignCountPolicy, PolicyAuto), Backup: cmp.Or(o.BackupPolicy, PolicyAuto),
		SecondFactor: cmp.Or(o.SecondFactor, FactorOptional), OneTimePasswords: onOff(o.OneTimePasswords), Passwords: onOff(o.Passwords)}
}

func onOff(set bool) string {
	if set {
		return on
	}
	return off
}

// setPolicies changes the policies that are given, in o too, and adds the change to a unit with
// its events.
func (s *Service) setPolicies(tx *store.Tx, o *store.Organisation, p Policies) {
	change(&o.SignCountPolicy, p.SignCount, PolicyAuto)
	change(&o.BackupPolicy, p.Backup, PolicyAuto)
	change(&o.SecondFactor, p.SecondFactor, FactorOptional)
	o.OneTimePasswords = cmp.Or(p.OneTimePasswords, onOff(o.OneTimePasswords)) == on
	o.Passwords = cmp.Or(p.Passwords, onOff(o.Passwords)) == on
	set, who := PoliciesOf(*o), api.Caller{OrgID: o.ID}
	tx.SetPolicies(*o, errNoSuchOrganisation)
	if p.SignCount+p.Backup+p.SecondFactor != "" {
		tx.Record(store.NewEvent(who, store.EventOrganisationPoliciesSet, s.Now(),
			map[string]any{"signCount": set.SignCount, "backup": set.Backup, "secondFactor": set.SecondFactor}))
	}
	if p.OneTimePasswords+p.Passwords != "" {
		tx.Record(store.NewEvent(who, store.EventOrganisationKindsSet, s.Now(),
			map[string]any{"oneTimePasswords": set.OneTimePasswords, "passwords": set.Passwords}))
	}
}

// SetPolicies is Set for policies alone.
func (s *Service) SetPolicies(ctx context.Context, orgID string, p Policies) (store.Organisation, error) {
	return s.Set(ctx, orgID, Settings{Policies: p})
}

var errNoSuchOrganisation = &api.Error{Kind: api.NotFound, Code: "organisation_not_found", Message: "There is no such organisation."}

func (p Policies) check() error {
	switches := []string{"", on, off}
	states := []string{"", PolicyAuto, "refuse", "alert", "record"}
	switch {
	case !slices.Contains(states, p.SignCount):
		return unknownPolicy("sign count", "auto, refuse, alert or record")
	case !slices.Contains(states, p.Backup):
		return unknownPolicy("backup state", "auto, refuse, alert or record")
	case !slices.Contains([]string{"", FactorOptional, "required"}, p.SecondFactor):
		return unknownPolicy("second factor", "optional or required")
	case !slices.Contains(switches, p.OneTimePasswords):
		return unknownPolicy("one-time passwords", "on or off")
	case !slices.Contains(switches, p.Passwords):
		return unknownPolicy("passwords", "on or off")
	}
	return nil
}

func unknownPolicy(of, words string) error {
	return &api.Error{Kind: api.Invalid, Code: "policy_invalid", Message: "The policy for the " + of + " is " + words + "."}
}

// change changes a stored policy, which is "" if the server decides.
func change(stored *string, to, unset string) {
	switch to {
	case "":
	case unset:
		*stored = ""
	default:
		*stored = to
	}
}
