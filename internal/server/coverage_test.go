package server_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/testing/contract"
)

var update = flag.Bool("update", false, "write docs/coverage.md anew")

// differences says where a route asks for something else than the contract, and why.
var differences = map[string]string{
	"inviteTenantUser":    "the contract leaves permission and callers open; here they are those of createUser",
	"exchangeAccessToken": "its caller, TenantUser, is a kind that a server of single organisations has not; people with a session may",
}

// TestEveryOperationIsAccountedFor compares the route table with the wire contract: each operation
// is served as the contract lists it, or refused with a reason.
func TestEveryOperationIsAccountedFor(t *testing.T) {
	operations, err := contract.Operations()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]server.Route{}
	for _, r := range server.Table() {
		rows[r.Pattern] = r
	}
	served, refused := 0, 0
	for _, o := range operations {
		r, ok := rows[o.Method+" "+o.Path]
		switch {
		case !ok:
			t.Errorf("%s (%s %s) is neither served nor refused", o.ID, o.Method, o.Path)
			continue
		case r.ID != o.ID:
			t.Errorf("%s %s is called %s, want %s", o.Method, o.Path, r.ID, o.ID)
		case r.NotOffered != "":
			refused++
			continue
		}
		served++
		if differences[o.ID] == "" {
			compare(t, o, r)
		}
	}
	t.Logf("%d operations: %d served, %d refused with a reason", len(operations), served, refused)
	if len(operations) != 90 || served+refused != 90 {
		t.Errorf("%d operations of which %d are accounted for, want 90", len(operations), served+refused)
	}
	checkDocument(t, operations, rows)
}

func compare(t *testing.T, o contract.Operation, r server.Route) {
	t.Helper()
	callers := map[string]bool{}
	for _, c := range o.Callers {
		callers[c] = true
	}
	if bearer := slices.Contains(o.Security, "bearer"); bearer != r.Known {
		t.Errorf("%s asks who comes: %v, want %v", o.ID, r.Known, bearer)
	}
	if o.UserAction != r.Signed {
		t.Errorf("%s is signed: %v, want %v", o.ID, r.Signed, o.UserAction)
	}
	if o.Permission != r.Permission {
		t.Errorf("%s needs the permission %q, want %q", o.ID, r.Permission, o.Permission)
	}
	for _, k := range []api.CallerKind{api.CallerEmployee, api.CallerEndUser, api.CallerServiceAccount, api.CallerPersonalToken} {
		if r.Known && o.Callers != nil && callers[string(k)] != slices.Contains(r.Callers, k) {
			t.Errorf("%s may be called by %s: %v, want %v", o.ID, k, !callers[string(k)], callers[string(k)])
		}
	}
	if _, known := api.Operation(r.Permission); r.Permission != "" && !known {
		t.Errorf("%s needs %s, which no permission can list", o.ID, r.Permission)
	}
}

// TestOnlySomebodyKnownSigns: the signed body is compared with the body that is read for an
// authenticated caller.
func TestOnlySomebodyKnownSigns(t *testing.T) {
	for _, r := range server.Table() {
		if r.Signed && !r.Known {
			t.Errorf("%s is signed by nobody in particular", r.Pattern)
		}
	}
}

// TestOurOwnRoutesAreNotTheContracts: routes that are not in the contract have paths of their own.
func TestOurOwnRoutesAreNotTheContracts(t *testing.T) {
	operations, err := contract.Operations()
	if err != nil {
		t.Fatal(err)
	}
	theirs := map[string]bool{"PUT /auth/recover/user/code": true} // as the contract's note says, for clients of older documents
	for _, o := range operations {
		theirs[o.Method+" "+o.Path] = true
	}
	for _, r := range server.Table() {
		_, path, _ := strings.Cut(r.Pattern, " ")
		if !theirs[r.Pattern] && (strings.HasPrefix(path, "/auth/") || strings.HasPrefix(path, "/permissions") || strings.HasPrefix(path, "/v2/") || strings.HasPrefix(path, "/webhooks")) {
			t.Errorf("%s is not in the contract", r.Pattern)
		}
	}
}

const document = "../../docs/coverage.md"

// checkDocument compares docs/coverage.md with the table.
func checkDocument(t *testing.T, operations []contract.Operation, rows map[string]server.Route) {
	var b strings.Builder
	b.WriteString("# The wire contract, operation by operation\n\n" +
		"Written from the route table by `go test ./internal/server -run Accounted -update`; a test holds it to the table.\n\n## Served\n\n" +
		"| operation | | signed | permission | callers |\n|:--|:--|:--|:--|:--|\n")
	for _, o := range operations {
		r := rows[o.Method+" "+o.Path]
		if r.NotOffered != "" {
			continue
		}
		signed, callers := "", "anybody"
		if r.Signed {
			signed = "yes"
		}
		if r.Known {
			var names []string
			for _, c := range r.Callers {
				names = append(names, string(c))
			}
			callers = strings.Join(names, ", ")
		} else if len(o.Security) > 0 {
			callers = "holder of the challenge's token"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s |\n", o.ID, r.Pattern, signed, r.Permission, callers)
	}
	b.WriteString("\nWhere a route asks for something else than the contract says:\n\n")
	for _, o := range operations {
		if why := differences[o.ID]; why != "" {
			fmt.Fprintf(&b, "- %s: %s.\n", o.ID, why)
		}
	}
	b.WriteString("\n## Not offered\n\nAnswered with status 501, code `operation_not_offered` and the reason.\n\n| operation | | why |\n|:--|:--|:--|\n")
	for _, o := range operations {
		if r := rows[o.Method+" "+o.Path]; r.NotOffered != "" {
			fmt.Fprintf(&b, "| %s | `%s` | %s |\n", o.ID, r.Pattern, r.NotOffered)
		}
	}
	if *update {
		if err := os.WriteFile(document, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(document)
	if err != nil || string(kept) != b.String() {
		t.Errorf("%s is not what the table says (%v); write it anew with -update", document, err)
	}
}
