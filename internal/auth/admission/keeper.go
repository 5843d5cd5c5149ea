package admission

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/cache"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/anchor"
	"github.com/countersign/countersign/internal/verify/metadata"
)

// Keeper finds the policy in force. The organisation, which is read in any case, says which version that is;
// a version never changes, so it is read from the database once.
type Keeper struct {
	DB       *store.DB
	Metadata func() *metadata.Metadata // what is kept now, nil if nothing is
	Now      func() time.Time

	versions *cache.Cache[*Policy]
}

// versions that are remembered in a generation of the cache, each up to 48 KiB.
const remembered = 200

// NewKeeper returns a keeper.
func NewKeeper(db *store.DB, m func() *metadata.Metadata, now func() time.Time) *Keeper {
	return &Keeper{DB: db, Metadata: m, Now: now, versions: cache.New[*Policy](remembered, 0)}
}

// InForce returns the policy of an organisation for a kind of user, as the organisation was read.
func (k *Keeper) InForce(ctx context.Context, o store.Organisation, userKind string) (*Policy, error) {
	p, err := k.Version(ctx, o.ID, userKind, o.PolicyVersion(userKind))
	if err != nil {
		return nil, err
	}
	return p.For(o), nil
}

// defaults are the policies of version 0, by whether they are for end users.
var defaults = map[bool]*Policy{true: Default(api.EndUser), false: Default(api.CustomerEmployee)}

// Version returns a version of a policy; Default for 0.
func (k *Keeper) Version(ctx context.Context, orgID, userKind string, version int64) (*Policy, error) {
	if version == 0 {
		return defaults[userKind == api.EndUser], nil
	}
	key := orgID + " " + userKind + " " + strconv.FormatInt(version, 10)
	return k.versions.Get(key, func() (*Policy, error) {
		row, err := k.DB.Policy(ctx, orgID, userKind, version)
		if err != nil {
			return nil, err
		}
		document, err := Read(row.Document)
		if err != nil {
			return nil, err
		}
		p, err := New(document, time.Time{})
		if err != nil {
			return nil, err
		}
		p.UserKind, p.Version = userKind, version
		return p, nil
	})
}

// Source returns what credentials are compared with by a policy.
func (k *Keeper) Source(p *Policy) Source {
	return Source{Policy: p, Metadata: k.Metadata(), Now: k.Now()}
}

// Remembering returns the source for a run over many credentials, which verifies what many of them share once.
// It is for one goroutine.
func (s Source) Remembering() Source {
	s.proofs, s.anchors = map[proofKey]proof{}, map[string]bool{}
	return s
}

// Stored returns what is known of a credential that was registered. Where the anchor that its evidence names
// is still one, its statement is not verified again; otherwise the credential needs its attestation object.
func (s Source) Stored(c store.Credential) Facts {
	if c.Kind != api.KindFido2 || !s.Policy.looks() {
		return s.Facts(c, nil)
	}
	var e Evidence
	if len(c.Evidence) > 0 && json.Unmarshal(c.Evidence, &e) == nil && e.Trust != "" && s.stillAnchor(c, e) {
		f := s.Facts(c, nil)
		f.Chain, f.Trust, f.Anchor = true, e.Trust, e.Anchor
		f.describe(s.Metadata.ByAAGUID(f.AAGUID), nil, s.Now)
		return f
	}
	statement, err := ReadStatement(c.AttestationObject)
	if err != nil {
		statement.Chain = nil
	}
	f := s.Facts(c, statement.Chain)
	if e.Trust != "" && !f.Chain { // the statement was not kept
		f.Chain, f.Reason = true, "the anchor that it led to is not one any more"
	}
	return f
}

// stillAnchor reports whether the anchor of the evidence is one by the policy and metadata of now.
func (s Source) stillAnchor(c store.Credential, e Evidence) bool {
	if !s.Policy.anchored(e.Trust) {
		return false
	}
	key := e.Trust + e.Anchor + string(c.AAGUID)
	still, known := s.anchors[key]
	if !known {
		set := s.Policy.own
		if e.Trust == ByMetadata {
			set = nil
			if entry := s.Metadata.ByAAGUID([16]byte(c.AAGUID)); entry != nil {
				set = entry.Roots
			}
		}
		still = set != nil && slices.ContainsFunc(set.Certificates(), func(a *anchor.Certificate) bool { return fingerprint(a.DER) == e.Anchor })
		if s.anchors != nil && len(s.anchors) < maxProofs {
			s.anchors[key] = still
		}
	}
	return still
}
