package organisation

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// Words for a policy that is not set: what the server does by itself.
const (
	PolicyAuto     = "auto"
	FactorOptional = "optional"
)

// Policies are what an organisation asks for at logins and signatures. "" leaves a
// policy as it is.
type Policies struct {
	SignCount    string `json:"signCount"`    // auto, refuse, alert or record: a counter that did not go up
	Backup       string `json:"backup"`       // auto, refuse, alert or record: backup flags that changed
	SecondFactor string `json:"secondFactor"` // optional or required
}

// PoliciesOf returns the policies that are in force, each by its word.
func PoliciesOf(o store.Organisation) Policies {
	return Policies{SignCount: word(o.SignCountPolicy, PolicyAuto), Backup: word(o.BackupPolicy, PolicyAuto),
		SecondFactor: word(o.SecondFactor, FactorOptional)}
}

// setPolicies changes the policies that are given, in o too, and adds the change to a unit with
// its event.
func (s *Service) setPolicies(tx *store.Tx, o *store.Organisation, p Policies) error {
	change(&o.SignCountPolicy, p.SignCount, PolicyAuto)
	change(&o.BackupPolicy, p.Backup, PolicyAuto)
	change(&o.SecondFactor, p.SecondFactor, FactorOptional)
	now := s.Now()
	detail, err := json.Marshal(PoliciesOf(*o))
	if err != nil {
		return err
	}
	tx.SetPolicies(o.ID, o.SignCountPolicy, o.BackupPolicy, o.SecondFactor, errNoSuchOrganisation)
	tx.Record(store.Event{ID: api.NewID(api.PrefixEvent, now), OrgID: o.ID, At: now,
		Kind: store.EventOrganisationPoliciesSet, Detail: detail})
	return nil
}

// SetPolicies is Set for policies alone.
func (s *Service) SetPolicies(ctx context.Context, orgID string, p Policies) (store.Organisation, error) {
	return s.Set(ctx, orgID, Settings{Policies: p})
}

var errNoSuchOrganisation = &api.Error{Kind: api.NotFound, Code: "organisation_not_found", Message: "There is no such organisation."}

func (p Policies) check() error {
	states := []string{"", PolicyAuto, "refuse", "alert", "record"}
	switch {
	case !slices.Contains(states, p.SignCount):
		return unknownPolicy("sign count", "auto, refuse, alert or record")
	case !slices.Contains(states, p.Backup):
		return unknownPolicy("backup state", "auto, refuse, alert or record")
	case !slices.Contains([]string{"", FactorOptional, "required"}, p.SecondFactor):
		return unknownPolicy("second factor", "optional or required")
	}
	return nil
}

func unknownPolicy(of, words string) error {
	return &api.Error{Kind: api.Invalid, Code: "policy_invalid", Message: "The policy for the " + of + " is " + words + "."}
}

// change sets a kept policy, which is "" where the server decides by itself.
func change(kept *string, to, unset string) {
	switch to {
	case "":
	case unset:
		*kept = ""
	default:
		*kept = to
	}
}

func word(kept, unset string) string {
	if kept == "" {
		return unset
	}
	return kept
}
