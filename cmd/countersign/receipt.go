package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/service/action"
	"github.com/countersign/countersign/receipt"
)

type receiptCommands struct {
	Verify receiptVerify `cmd:"" help:"Verify a receipt and say what it proves: who signed which request. Needs no server, database or network."`
	Export receiptExport `cmd:"" help:"Print the receipt of a signed action."`
}

type receiptVerify struct {
	Database string `hidden:"" help:"Not looked at; every command takes it."`
	outputFlags
	File        string `arg:"" help:"The receipt; - reads standard input." placeholder:"FILE"`
	Keys        string `help:"Key set that the server published at /.well-known/jwks.json: the receipt must be sealed by one of its keys." placeholder:"FILE"`
	Reformatted bool   `help:"Lay the receipt out anew first: for one that came inside another JSON document. What it says must still be as it was sealed."`
}

// verdict is what receipt verify prints for programs.
type verdict struct {
	Valid   bool     `json:"valid"`
	Trusted bool     `json:"trusted"` // sealed by one of the keys that were given; else anybody may have sealed it
	Code    string   `json:"code,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	Signed  []string `json:"signed,omitempty"`
	Checked []string `json:"checked,omitempty"`
	Grounds []string `json:"grounds,omitempty"`
	Compare []string `json:"compare,omitempty"`

	Receipt *receipt.Receipt `json:"receipt,omitempty"`
}

// Run fails, with status 1, for a receipt that does not hold.
func (v *receiptVerify) Run(c console) error {
	document, err := readFew(v.File)
	if err != nil {
		return misuse("the receipt cannot be read: %w", err)
	}
	trusted, err := v.trusted()
	if err != nil {
		return err
	}
	if v.Reformatted {
		if document, err = receipt.Restore(document); err != nil {
			return v.refused(c, err)
		}
	}
	r, report, err := receipt.Verify(document, trusted)
	if err != nil {
		return v.refused(c, err)
	}
	return v.print(c, verdict{Valid: true, Trusted: trusted != nil, Signed: report.Lines, Checked: report.Checks, Grounds: report.Grounds, Compare: report.Compare, Receipt: &r},
		func(w io.Writer) { printReport(w, report) })
}

func (v *receiptVerify) trusted() ([]ed25519.PublicKey, error) {
	if v.Keys == "" {
		return nil, nil
	}
	text, err := readFew(v.Keys)
	if err != nil {
		return nil, misuse("the key set cannot be read: %w", err)
	}
	return receipt.ReadKeySet(text)
}

func (v *receiptVerify) refused(c console, err error) error {
	reason := sentence(err)
	if api.CodeOf(err) == receipt.CodeLayout {
		reason += "; if it came inside another JSON document, add --reformatted"
	}
	if v.JSON {
		if err := v.print(c, verdict{Code: api.CodeOf(err), Reason: reason}, nil); err != nil {
			return err
		}
	}
	return errors.New("the receipt does not hold: " + reason) // not the refusal itself: that is no misuse of the command
}

func printReport(w io.Writer, r receipt.Report) {
	if len(r.Compare) == 0 {
		fmt.Fprintln(w, "The receipt holds.")
	} else {
		fmt.Fprintln(w, "The receipt holds in itself; what is left for you to compare stands at its end.")
	}
	for _, part := range []struct {
		title string
		lines []string
	}{
		{"What was signed", r.Lines}, {"What was checked", r.Checks},
		{"What stands behind it", r.Grounds}, {"What you must still compare", r.Compare},
	} {
		if len(part.lines) > 0 {
			fmt.Fprintf(w, "\n%s\n  %s\n", part.title, strings.Join(part.lines, "\n  "))
		}
	}
}

type receiptExport struct {
	databaseFlags
	placeFlags
	outputFlags        // a receipt is JSON either way
	Org         string `required:"" help:"Organisation." placeholder:"ORG"`
	Action      string `arg:"" help:"Id of the action (ua-…)." placeholder:"ACTION"`
}

func (e *receiptExport) Run(ctx context.Context, c console) error {
	return within(ctx, e.databaseFlags, e.placeFlags, c, func(h *app) error {
		tokens := bearer.New(h.ring, h.site.Origin(), time.Now)
		room := action.Service{DB: h.db, Tokens: tokens, Site: h.site, Now: time.Now}
		document, err := room.Receipt(ctx, e.Org, e.Action)
		if err != nil {
			return err
		}
		_, err = c.out.Write(document)
		return err
	})
}

// readFew reads a file, or standard input for "-", of at most a megabyte.
func readFew(name string) ([]byte, error) {
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, receipt.MaxSize+1))
	if err == nil && len(text) > receipt.MaxSize {
		err = fmt.Errorf("%s is larger than a megabyte", name)
	}
	return text, err
}
