package policy

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/admission"
	"github.com/countersign/countersign/internal/auth/view"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/metadata"
)

// Hit is a credential that a policy would refuse.
type Hit struct {
	store.Holder
	Model   string // by the metadata, "" if it is not listed
	Proven  bool   // the model is
	Verdict admission.Verdict
}

// run goes over the credentials of a kind of user, page by page.
type run struct {
	service  *Service
	orgID    string
	source   admission.Source
	policy   *admission.Policy
	page     int // users in a page
	after    string
	result   api.WhatIf
	rules    map[admission.Rule]int64
	models   map[model]int64
	admins   int64 // administrators with active first factors …
	adminsOK int64 // … of which one is accepted
}

type model struct{ aaguid, name string }

func (s *Service) begin(ctx context.Context, who api.Caller, in api.WhatIfRequest) (*run, error) {
	document, err := chosen(in.Preset, in.Policy)
	if err != nil {
		return nil, err
	}
	o, err := s.organisation(ctx, who.OrgID, in.UserKind)
	if err != nil {
		return nil, err
	}
	p, err := admission.New(document, s.Now())
	if err != nil {
		return nil, err
	}
	p = p.For(o)
	p.UserKind = in.UserKind
	return &run{service: s, orgID: o.ID, source: s.Policies.Source(p).Remembering(), policy: p, page: store.MaxPage,
		rules: map[admission.Rule]int64{}, models: map[model]int64{}}, nil
}

// next checks the credentials of the next users. more is false after the last.
func (r *run) next(ctx context.Context) (hits []Hit, more bool, err error) {
	holders, last, err := r.service.DB.Holders(ctx, r.orgID, r.policy.UserKind, r.after, r.page, r.policy.NeedsStatements())
	if err != nil || last == "" {
		return nil, false, err
	}
	r.after = last
	for len(holders) > 0 {
		n := 1
		for n < len(holders) && holders[n].UserID == holders[0].UserID {
			n++
		}
		hits = append(hits, r.user(holders[:n])...)
		holders = holders[n:]
		runtime.Gosched() // there are many, and others have little to do
	}
	return hits, true, nil
}

// user checks the credentials of one user, oldest first.
func (r *run) user(own []store.Holder) (hits []Hit) {
	active, accepted := 0, 0 // first factors
	same := map[string]int{}
	for _, h := range own {
		f := r.source.Stored(h.Credential)
		f.SameModel = same[string(h.AAGUID)]
		same[string(h.AAGUID)]++
		v := admission.Check(r.policy, f)
		r.result.Credentials++
		first := h.Active && h.Factor == store.FactorFirst
		if first {
			active++
		}
		if v.Accepted() {
			if first {
				accepted++
			}
			continue
		}
		hit := Hit{Holder: h, Model: f.Model, Proven: f.Trust != "", Verdict: v}
		hits = append(hits, hit)
		r.result.Refused++
		r.rules[v.Rule]++
		r.models[model{hit.aaguid(), f.Model}]++
	}
	if len(hits) > 0 {
		r.result.Users++
	}
	if active > 0 && accepted == 0 {
		r.result.LockedOut++
	}
	if active > 0 && own[0].Administrator {
		r.admins++
		if accepted > 0 {
			r.adminsOK++
		}
	}
	return hits
}

func (h Hit) aaguid() string {
	if len(h.AAGUID) != 16 {
		return ""
	}
	return admission.TextOf([16]byte(h.AAGUID))
}

// summary returns the counts of what was checked.
func (r *run) summary() api.WhatIf {
	out := r.result
	out.Rules, out.Models, out.Warnings = []api.RuleCount{}, []api.ModelCount{}, []string{}
	for rule, n := range r.rules {
		out.Rules = append(out.Rules, api.RuleCount{Rule: string(rule), Count: n})
	}
	for m, n := range r.models {
		out.Models = append(out.Models, api.ModelCount{AAGUID: m.aaguid, Name: m.name, Count: n})
	}
	slices.SortFunc(out.Rules, func(a, b api.RuleCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Rule, b.Rule))
	})
	slices.SortFunc(out.Models, func(a, b api.ModelCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.AAGUID, b.AAGUID))
	})
	if r.admins > 0 && r.adminsOK == 0 {
		out.Warnings = append(out.Warnings, "It would refuse the last credential of the last administrator: none of them has one that is accepted.")
	}
	if err := r.policy.Reachable(r.source.Metadata, r.source.Now); err != nil {
		out.Warnings = append(out.Warnings, "It cannot be set. "+api.AsError(err).Message)
	} else if m := r.source.Metadata; m != nil && m.Stale(r.source.Now) && r.policy.NeedsStatements() {
		out.Warnings = append(out.Warnings, "The FIDO metadata is out of date.")
	}
	return out
}

// WhatIf counts whom a policy would refuse. It changes nothing.
func (s *Service) WhatIf(ctx context.Context, who api.Caller, in api.WhatIfRequest) (api.WhatIf, error) {
	return s.WhatIfEach(ctx, who, in, func(Hit) error { return nil })
}

// WhatIfEach is WhatIf that calls each for every credential that would be refused.
func (s *Service) WhatIfEach(ctx context.Context, who api.Caller, in api.WhatIfRequest, each func(Hit) error) (api.WhatIf, error) {
	r, err := s.begin(ctx, who, in)
	if err != nil {
		return api.WhatIf{}, err
	}
	for {
		hits, more, err := r.next(ctx)
		if err != nil {
			return api.WhatIf{}, err
		}
		if !more {
			return r.summary(), nil
		}
		for _, h := range hits {
			if err := each(h); err != nil {
				return api.WhatIf{}, err
			}
		}
	}
}

// Header names the columns of Hit.Line.
var Header = []string{"User ID", "Username", "Administrator", "Credential ID", "Credential", "Kind", "Active", "AAGUID", "Model", "Model Is", "Rule", "Received", "Expected"}

// Line is the hit as a line of CSV.
func (h Hit) Line() []string {
	is := ""
	if h.Kind == api.KindFido2 {
		is = map[bool]string{true: admission.VerifiedWord, false: admission.ReportedWord}[h.Proven]
	}
	yes := map[bool]string{true: "yes", false: "no"}
	line := []string{h.UserID, h.Username, yes[h.Administrator], h.ID, h.Name, h.Kind, yes[h.Active], h.aaguid(), h.Model, is,
		string(h.Verdict.Rule), h.Verdict.Received, h.Verdict.Expected}
	for i, text := range line {
		line[i] = view.WithoutFormula(text)
	}
	return line
}

// Export is the list of what a policy would refuse as CSV. It is read piece by piece.
type Export struct {
	run   *run
	begun bool
	ended bool
	piece bytes.Buffer
}

// Export begins the list of what a policy would refuse.
func (s *Service) Export(ctx context.Context, who api.Caller, in api.WhatIfRequest) (*Export, error) {
	r, err := s.begin(ctx, who, in)
	return &Export{run: r}, err
}

// Next returns the next piece: whole lines, perhaps none. The piece is valid until the next call. After the
// last piece Next returns io.EOF.
func (x *Export) Next(ctx context.Context) ([]byte, error) {
	if x.ended {
		return nil, io.EOF
	}
	hits, more, err := x.run.next(ctx)
	if err != nil {
		return nil, err
	}
	x.ended = !more
	x.piece.Reset()
	w := csv.NewWriter(&x.piece) // a bytes.Buffer never fails
	if !x.begun {
		x.begun = true
		w.Write(Header)
	}
	for _, h := range hits {
		w.Write(h.Line())
	}
	w.Flush()
	return x.piece.Bytes(), nil
}

// Holders calls each for every passkey of a model, proven or reported, with what its evidence says.
func (s *Service) Holders(ctx context.Context, orgID, aaguid string, each func(h store.Holder, proven bool) error) error {
	wanted, err := metadata.ParseAAGUID(strings.ToLower(aaguid))
	if err != nil {
		return &api.Error{Kind: api.Invalid, Code: "aaguid_invalid", Message: "The AAGUID is not one such as 2fc0579f-8113-47ea-b116-bb5a8db9202a."}
	}
	if _, err := s.DB.Organisation(ctx, orgID); err != nil {
		return err
	}
	for _, kind := range userKinds {
		for after := ""; ; {
			holders, last, err := s.DB.Holders(ctx, orgID, kind, after, store.MaxPage, false)
			if err != nil {
				return err
			}
			for _, h := range holders {
				if bytes.Equal(h.AAGUID, wanted[:]) {
					if err := each(h, admission.ProvenBy(h.Evidence)); err != nil {
						return err
					}
				}
			}
			if after = last; after == "" {
				break
			}
		}
	}
	return nil
}

// ModelName returns what the metadata calls a model, "" if it does not list it.
func (s *Service) ModelName(aaguid []byte) string {
	if len(aaguid) != 16 {
		return ""
	}
	if e := s.Policies.Metadata().ByAAGUID([16]byte(aaguid)); e != nil {
		return e.Description
	}
	return ""
}
