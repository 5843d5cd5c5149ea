package metadata

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Statuses of a model that say more than a certification (MDS §3.1.4).
const (
	StatusUserVerificationBypass    = "USER_VERIFICATION_BYPASS"
	StatusAttestationKeyCompromise  = "ATTESTATION_KEY_COMPROMISE"
	StatusUserKeyRemoteCompromise   = "USER_KEY_REMOTE_COMPROMISE"
	StatusUserKeyPhysicalCompromise = "USER_KEY_PHYSICAL_COMPROMISE"
	StatusRevoked                   = "REVOKED"
	StatusUpdateAvailable           = "UPDATE_AVAILABLE"
	StatusRetired                   = "RETIRED"
	StatusNotCertified              = "NOT_FIDO_CERTIFIED"
	StatusSelfAsserted              = "SELF_ASSERTION_SUBMITTED"
)

// Report is one thing that became known about a model (MDS §3.1.3). A status that this program does not know
// is kept as it is.
type Report struct {
	Status      string
	Effective   time.Time // zero: as long as it is listed
	Sunset      time.Time // no longer from this day on; zero: never
	Version     uint64    // of the firmware that it is about, 0 for any
	Certificate []byte    // DER of the attestation certificate or batch that it is about, nil for all
	URL         string
	Number      string // of the certification
}

// InEffect reports whether the report applies at now.
func (r Report) InEffect(now time.Time) bool {
	return !now.Before(r.Effective) && (r.Sunset.IsZero() || now.Before(r.Sunset))
}

// Compromise reports whether the status says that the model or its keys must not be relied on.
func (r Report) Compromise() bool {
	switch r.Status {
	case StatusUserVerificationBypass, StatusAttestationKeyCompromise, StatusUserKeyRemoteCompromise,
		StatusUserKeyPhysicalCompromise, StatusRevoked:
		return true
	}
	return false
}

// InEffect returns the reports that apply at now, oldest first.
func (e *Entry) InEffect(now time.Time) (all []Report) {
	for _, r := range e.Reports {
		if r.InEffect(now) {
			all = append(all, r)
		}
	}
	return all
}

// Compromises returns those that say that the model or its keys must not be relied on. A later report does
// not take that back, except for firmware that it names.
func (e *Entry) Compromises(now time.Time) (all []Report) {
	for _, r := range e.InEffect(now) {
		if r.Compromise() {
			all = append(all, r)
		}
	}
	return all
}

// Level is a level of FIDO's certification of authenticators.
type Level int

// The levels, lowest first. Certified was given for function alone, before there were levels.
const (
	NotCertified Level = iota
	Certified
	CertifiedL1
	CertifiedL1Plus
	CertifiedL2
	CertifiedL2Plus
	CertifiedL3
	CertifiedL3Plus
)

var levels = [...]string{StatusNotCertified, "FIDO_CERTIFIED", "FIDO_CERTIFIED_L1", "FIDO_CERTIFIED_L1plus", "FIDO_CERTIFIED_L2",
	"FIDO_CERTIFIED_L2plus", "FIDO_CERTIFIED_L3", "FIDO_CERTIFIED_L3plus"}

func (l Level) String() string { return levels[l] }

// ParseLevel returns the level of a status, if it is one.
func ParseLevel(status string) (Level, bool) {
	for l, name := range levels {
		if name == status {
			return Level(l), true
		}
	}
	return NotCertified, false
}

// Level returns the certification that is in effect at now: the latest, and the higher one of a day.
func (e *Entry) Level(now time.Time) Level {
	level, since := NotCertified, time.Time{}
	for _, r := range e.InEffect(now) {
		l, is := ParseLevel(r.Status)
		if is && (r.Effective.After(since) || r.Effective.Equal(since) && l > level) {
			level, since = l, r.Effective
		}
	}
	return level
}

type rawReport struct {
	Status    string         `json:"status"`
	Effective jsontext.Value `json:"effectiveDate"`
	Sunset    jsontext.Value `json:"sunsetDate"`
	Version   jsontext.Value `json:"authenticatorVersion"`
	Leaf      jsontext.Value `json:"certificate"`
	Batch     jsontext.Value `json:"batchCertificate"`
	URL       jsontext.Value `json:"url"`
	Number    jsontext.Value `json:"certificateNumber"`
}

// readReports reads all reports or fails. What narrows a report down is dropped if it cannot be read: then
// the report applies to all, at once and for good.
func (e *Entry) readReports(raw jsontext.Value) error {
	var all []rawReport
	if raw == nil {
		return errors.New("no statusReports")
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	if len(all) > maxReports {
		return fmt.Errorf("%d status reports", len(all))
	}
	for i, raw := range all {
		if raw.Status == "" || len(raw.Status) > maxText {
			return errors.New("a report without a status")
		}
		r := Report{Status: raw.Status}
		of := func(member string) string { return fmt.Sprintf("statusReports[%d].%s", i, member) }
		e.date(&r.Effective, raw.Effective, of("effectiveDate"))
		e.date(&r.Sunset, raw.Sunset, of("sunsetDate"))
		if raw.Version != nil && json.Unmarshal(raw.Version, &r.Version) != nil {
			e.missing(of("authenticatorVersion"))
		}
		for member, value := range map[string]jsontext.Value{"certificate": raw.Leaf, "batchCertificate": raw.Batch} {
			var text string
			if value == nil {
				continue
			}
			der, err := []byte(nil), json.Unmarshal(value, &text)
			if err == nil {
				der, err = decodeCertificate(text)
			}
			if err != nil {
				e.missing(of(member))
			} else if len(der) > 0 {
				r.Certificate = der
			}
		}
		e.text(&r.URL, raw.URL, of("url"))
		e.text(&r.Number, raw.Number, of("certificateNumber"))
		e.Reports = append(e.Reports, r)
	}
	return nil
}
