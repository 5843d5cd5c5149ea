package audit_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/service/audit"
)

func TestAnEdgePartsEarlierEntriesFromLater(t *testing.T) {
	ms := time.Date(2026, 11, 22, 10, 0, 0, 123_000_000, time.UTC)
	for _, edge := range []time.Time{ms, ms.Add(-time.Nanosecond), ms.Add(1 - time.Millisecond)} {
		e := audit.Edge(edge)
		if first := api.FirstID(api.PrefixAuditLog, ms); first <= e {
			t.Errorf("%v: %s is not after %s", edge, first, e)
		}
		if last := api.PrefixAuditLog + api.NewID("xx", ms.Add(-time.Millisecond))[2:]; last >= e {
			t.Errorf("%v: %s is not before %s", edge, last, e)
		}
	}
	for _, early := range []time.Time{{}, time.UnixMilli(-1)} {
		if e := audit.Edge(early); e >= api.FirstID(api.PrefixAuditLog, time.UnixMilli(0)) {
			t.Errorf("%v: %s", early, e)
		}
	}
}

func TestNoCellBeginsLikeAFormula(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Ada": "Ada", "a=1": "a=1", "Zoë, \"x\"": "Zoë, \"x\"",
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1",
	} {
		if got := audit.Plain(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
