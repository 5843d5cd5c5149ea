package webauthn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign/api"
)

// clientData holds the members of CollectedClientData (WebAuthn L3 §5.8.1) that are read.
type clientData struct {
	kind        string // the member "type"
	challenge   string
	origin      string
	topOrigin   string
	crossOrigin bool

	hasTopOrigin bool
}

var byteOrderMark = []byte("\ufeff")

// clientDataMembers are the names that may not appear in another case: some JSON libraries
// ignore case and would take "Origin" for origin.
var clientDataMembers = [...]string{"type", "challenge", "origin", "crossOrigin", "topOrigin", "tokenBinding"}

// parseClientData reads client data: one JSON object in UTF-8, after an optional byte
// order mark. Repeated names (at any depth), invalid UTF-8 and anything after the object
// are refused; unknown members are skipped.
func parseClientData(b []byte) (clientData, error) {
	var c clientData
	d := jsontext.NewDecoder(bytes.NewBuffer(bytes.TrimPrefix(b, byteOrderMark)))
	if _, err := readToken(d, '{'); err != nil {
		return c, err
	}
	var required [3]bool // type, challenge, origin
	for d.PeekKind() != '}' {
		name, err := readToken(d, '"')
		if err != nil {
			return c, err
		}
		switch name := name.String(); name {
		case "type":
			required[0] = true
			c.kind, err = readString(d)
		case "challenge":
			required[1] = true
			c.challenge, err = readString(d)
		case "origin":
			required[2] = true
			c.origin, err = readString(d)
		case "topOrigin":
			c.hasTopOrigin = true
			c.topOrigin, err = readString(d)
		case "crossOrigin":
			c.crossOrigin, err = readBool(d)
		case "tokenBinding":
			err = readTokenBinding(d)
		default:
			err = skipMember(d, name)
		}
		if err != nil {
			return c, err
		}
	}
	if required != [3]bool{true, true, true} {
		return c, errors.New("type, challenge or origin is missing")
	}
	return c, endOfObject(d)
}

// endOfObject reads the closing brace. Only white space may follow.
func endOfObject(d *jsontext.Decoder) error {
	if _, err := readToken(d, '}'); err != nil {
		return err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return errors.New("something follows the object")
	}
	return nil
}

func readToken(d *jsontext.Decoder, kind jsontext.Kind) (jsontext.Token, error) {
	t, err := d.ReadToken()
	if err == nil && t.Kind() != kind {
		err = fmt.Errorf("JSON %v instead of %v", t.Kind(), kind)
	}
	return t, err
}

func readString(d *jsontext.Decoder) (string, error) {
	t, err := readToken(d, '"')
	if err != nil {
		return "", err
	}
	return t.String(), nil
}

func readBool(d *jsontext.Decoder) (bool, error) {
	t, err := d.ReadToken()
	if err != nil {
		return false, err
	}
	if k := t.Kind(); k != 't' && k != 'f' {
		return false, fmt.Errorf("JSON %v instead of a boolean", k)
	}
	return t.Bool(), nil
}

// readTokenBinding checks the member tokenBinding, which Level 3 reserves, by WebAuthn L2 §5.8.1:
// an object whose status is one of those that Level 1 and 2 know. The binding itself is not
// verified, since no browser has it any more.
func readTokenBinding(d *jsontext.Decoder) error {
	if _, err := readToken(d, '{'); err != nil {
		return fmt.Errorf("tokenBinding: %w", err)
	}
	status := ""
	for d.PeekKind() != '}' {
		name, err := readToken(d, '"')
		if err != nil {
			return err
		}
		switch name.String() {
		case "status":
			status, err = readString(d)
		case "id":
			_, err = readString(d)
		default:
			err = d.SkipValue()
		}
		if err != nil {
			return fmt.Errorf("tokenBinding: %w", err)
		}
	}
	switch status {
	case "present", "supported", "not-supported":
	default:
		return fmt.Errorf("tokenBinding: status %s instead of present, supported or not-supported", api.Shown(status))
	}
	_, err := readToken(d, '}')
	return err
}

func skipMember(d *jsontext.Decoder, name string) error {
	for _, known := range clientDataMembers {
		if strings.EqualFold(name, known) {
			return fmt.Errorf("member %s, a misspelling of %q", api.Shown(name), known)
		}
	}
	return d.SkipValue()
}
