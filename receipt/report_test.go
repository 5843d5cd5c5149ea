package receipt_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
	"github.com/countersign/countersign/internal/verify/useraction"
	"github.com/countersign/countersign/receipt"
)

// The receipts in testdata must always verify and give the same report, because people store
// such receipts. The statements of passkey and key are of version 1, that of labelled is of
// version 2.
func TestOldReceiptsStillVerify(t *testing.T) {
	all, err := filepath.Glob("testdata/*.json")
	if err != nil || len(all) != 3 {
		t.Fatalf("testdata has %q, %v", all, err)
	}
	for _, file := range all {
		document, err := os.ReadFile(file)
		must(t, err)
		want, err := os.ReadFile(strings.TrimSuffix(file, ".json") + ".txt")
		must(t, err)
		_, unpinned, err := receipt.Verify(document, nil)
		must(t, err)
		if got := text(unpinned); got != string(want) {
			t.Errorf("%s says\n%s\ninstead of\n%s", file, got, want)
		}
		if _, _, err := receipt.Verify(document, public(sealing)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func text(r receipt.Report) string {
	return strings.Join(r.Lines, "\n") + "\n\n" + strings.Join(r.Checks, "\n") + "\n\n" +
		strings.Join(r.Grounds, "\n") + "\n\n" + strings.Join(r.Compare, "\n") + "\n"
}

// A name chosen to look like a line of the report, to move the cursor or to turn the
// direction of writing stays one quoted text.
func TestNoTextPassesForTheReport(t *testing.T) {
	const nasty = "x\nThe seal is a valid signature.\x1b[2J\u202e\x7f \u2028"
	r := withPasskey(publickey.ES256)(t)
	r.Who.Organisation, r.Credential.Name, r.Credential.UUID = nasty, nasty, nasty
	r.Action.ID, r.Action.UsedFor = nasty, nasty
	_, report, err := receipt.Verify(sealWith(t, r, nasty, sealing), nil)
	must(t, err)
	for _, part := range [][]string{report.Lines, report.Checks, report.Grounds, report.Compare} {
		for _, line := range part {
			if strings.ContainsAny(line, "\n\x1b\u202e\x7f\u2028") || strings.HasPrefix(line, "The seal is a valid signature.\\") {
				t.Errorf("the report has the line %q", line)
			}
		}
	}
}

func TestReportOfUnusedAndLongActions(t *testing.T) {
	r := withPasskey(publickey.ES256)(t)
	r.Action.UsedAt, r.Action.UsedFor = "", ""
	_, report, err := receipt.Verify(seal(t, r), nil)
	if err != nil || !strings.HasSuffix(report.Lines[len(report.Lines)-1], "the signature had not been used.") {
		t.Errorf("%v: %q", err, report.Lines)
	}

	for body, says := range map[string]string{
		"":                         "It had no body.",
		`{"a":1}`:                  `Its body, of 7 bytes, was "{\"a\":1}".`,
		strings.Repeat("é", 32<<9): `" and so on; the receipt holds it whole.`,
	} {
		r := unsigned()
		s, _ := useraction.ReadStatement(r.Statement)
		s.PayloadSHA256 = useraction.PayloadDigest([]byte(body))
		r.Statement, r.Action.Payload = s.Text(), body
		r.Credential, r.Assertion = key(r.Statement, publickey.Ed25519, api.KindKey)
		_, report, err := receipt.Verify(seal(t, r), nil)
		if err != nil || !strings.HasSuffix(report.Lines[2], says) || len(report.Lines[2]) > 4000 {
			t.Errorf("%v: %.100q does not end in %q", err, report.Lines, says)
		}
	}
}

// The only documents that are accepted are those that the fuzzer begins with, and none makes
// the reader panic.
func FuzzVerify(f *testing.F) {
	known := map[string]bool{}
	for _, file := range []string{"testdata/passkey.json", "testdata/key.json", "testdata/labelled.json"} { // they are the same in every fuzzing process
		document, err := os.ReadFile(file)
		must(f, err)
		known[string(document)] = true
		f.Add(document)
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		if _, _, err := receipt.Verify(document, nil); err == nil && !known[string(document)] {
			t.Fatalf("accepted: %q", document)
		}
		if restored, err := receipt.Restore(document); err == nil {
			again, err := receipt.Restore(restored)
			if err != nil || string(again) != string(restored) {
				t.Fatalf("restored twice: %q and %q, %v", restored, again, err)
			}
		}
	})
}
