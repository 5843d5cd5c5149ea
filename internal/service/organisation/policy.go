package organisation

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// Names of a policy that is not set; the server decides.
const (
	PolicyAuto     = "auto"
	FactorOptional = "optional"

	on, off = "on", "off"
)

// Policies are what an organisation asks for at logins, signatures and recoveries, and which kinds of
// credential it accepts that are weaker than a key. SetPolicies leaves a policy that is "" as it is.
type Policies struct {
	SignCount    string `json:"signCount"`    // auto, refuse, alert or record: a counter that did not go up
	Backup       string `json:"backup"`       // auto, refuse, alert or record: backup flags that changed
	SecondFactor string `json:"secondFactor"` // optional or required

	OneTimePasswords string `json:"oneTimePasswords"` // on or off: codes from an app as second factor
	Passwords        string `json:"passwords"`        // on or off: as first factor of a login
	RecoveryWait     string `json:"recoveryWait"`     // how long recoveries wait: a duration, "0" for not at all
	RecoveryApproval string `json:"recoveryApproval"` // whether an administrator must approve recoveries: on or off
}

// PoliciesOf returns the policies in force, each by its name.
func PoliciesOf(o store.Organisation) Policies {
	return Policies{SignCount: cmp.Or(o.SignCountPolicy, PolicyAuto), Backup: cmp.Or(o.BackupPolicy, PolicyAuto),
		SecondFactor: cmp.Or(o.SecondFactor, FactorOptional), OneTimePasswords: onOff(o.OneTimePasswords), Passwords: onOff(o.Passwords),
		RecoveryWait: shortDuration(o.RecoveryWait), RecoveryApproval: onOff(o.RecoveryApproval)}
}

// setPolicies changes the policies that are given, in o too, and adds the change to a unit with
// its events.
func (s *Service) setPolicies(tx *store.Tx, o *store.Organisation, p Policies) {
	change(&o.SignCountPolicy, p.SignCount, PolicyAuto)
	change(&o.BackupPolicy, p.Backup, PolicyAuto)
	change(&o.SecondFactor, p.SecondFactor, FactorOptional)
	o.OneTimePasswords = cmp.Or(p.OneTimePasswords, onOff(o.OneTimePasswords)) == on
	o.Passwords = cmp.Or(p.Passwords, onOff(o.Passwords)) == on
	o.RecoveryApproval = cmp.Or(p.RecoveryApproval, onOff(o.RecoveryApproval)) == on
	if wait, err := time.ParseDuration(p.RecoveryWait); err == nil {
		o.RecoveryWait = wait
	}
	set, who := PoliciesOf(*o), api.Caller{OrgID: o.ID}
	tx.SetPolicies(*o, errNoSuchOrganisation)
	if p.SignCount+p.Backup+p.SecondFactor+p.RecoveryWait+p.RecoveryApproval != "" {
		tx.Record(store.NewEvent(who, store.EventOrganisationPoliciesSet, s.Now(),
			map[string]any{"signCount": set.SignCount, "backup": set.Backup, "secondFactor": set.SecondFactor,
				"recoveryWait": set.RecoveryWait, "recoveryApproval": set.RecoveryApproval}))
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
	case !slices.Contains(switches, p.RecoveryApproval):
		return unknownPolicy("approval of recoveries", "on or off")
	}
	wait, err := time.ParseDuration(p.RecoveryWait)
	if p.RecoveryWait != "" && (err != nil || wait < 0 || wait > MaxRecoveryWait || wait%time.Minute != 0) {
		return unknownPolicy("waiting time of recoveries", "0 for none, or whole minutes up to 720h, such as 24h")
	}
	return nil
}

// MaxRecoveryWait is the longest time that an organisation may have recoveries wait.
const MaxRecoveryWait = 30 * 24 * time.Hour

// shortDuration writes whole minutes: "24h", "1h30m", "0".
func shortDuration(d time.Duration) string {
	s := strings.TrimSuffix(d.String(), "0s")
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return cmp.Or(s, "0")
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
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
