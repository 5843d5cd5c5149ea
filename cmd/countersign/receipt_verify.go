package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/receipt"
)

type receiptVerify struct {
	Database string `hidden:"" help:"Ignored; every command takes it."`
	outputFlags
	File        string `arg:"" help:"File with the receipt; - reads standard input." placeholder:"FILE"`
	Keys        string `help:"File with the key set that the server published at /.well-known/jwks.json: one of its keys must have sealed the receipt." placeholder:"FILE"`
	Reformatted bool   `help:"Restore the layout of a receipt that came inside another JSON document. What it says must be what was sealed."`
}

// verification is what receipt verify prints as JSON.
type verification struct {
	Valid   bool     `json:"valid"`
	Trusted bool     `json:"trusted"` // sealed by a key of --keys; otherwise anybody may have sealed it
	Code    string   `json:"code,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	Signed  []string `json:"signed,omitempty"`
	Checked []string `json:"checked,omitempty"`
	Grounds []string `json:"grounds,omitempty"`
	Compare []string `json:"compare,omitempty"`

	Receipt *receipt.Receipt `json:"receipt,omitempty"`
}

// Run fails, with status 1, if the receipt does not hold.
func (v *receiptVerify) Run(c console) error {
	document, err := readFile(v.File)
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
	return v.print(c, verification{Valid: true, Trusted: trusted != nil, Signed: report.Lines, Checked: report.Checks, Grounds: report.Grounds, Compare: report.Compare, Receipt: &r},
		func(w io.Writer) { printReport(w, report) })
}

func (v *receiptVerify) trusted() ([]ed25519.PublicKey, error) {
	if v.Keys == "" {
		return nil, nil
	}
	text, err := readFile(v.Keys)
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
		if err := v.print(c, verification{Code: api.CodeOf(err), Reason: reason}, nil); err != nil {
			return err
		}
	}
	return errors.New("the receipt does not hold: " + reason) // not wrapped: a bad receipt is not a misuse of the command
}

func printReport(w io.Writer, r receipt.Report) {
	if len(r.Compare) == 0 {
		fmt.Fprintln(w, "The receipt holds.")
	} else {
		fmt.Fprintln(w, "The receipt holds in itself; compare what is listed at the end.")
	}
	for _, part := range []struct {
		title string
		lines []string
	}{
		{"What was signed", r.Lines}, {"What was checked", r.Checks},
		{"What supports it", r.Grounds}, {"What you must still compare", r.Compare},
	} {
		if len(part.lines) > 0 {
			fmt.Fprintf(w, "\n%s\n  %s\n", part.title, strings.Join(part.lines, "\n  "))
		}
	}
}

// readFile reads a file of at most a megabyte, or standard input for "-".
func readFile(name string) ([]byte, error) {
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
