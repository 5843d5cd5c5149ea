package smtptest

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
)

// Parsed is a mail taken apart.
type Parsed struct {
	Header  netmail.Header // as on the wire; Subject below is decoded
	Subject string
	Text    string // text/plain, decoded, LF line ends
	HTML    string // text/html, decoded, LF line ends
}

// Parse takes the mail apart. It understands what RFC 2045 to 2047 call a
// multipart/alternative of text in UTF-8 and says what it does not understand.
func (m Message) Parse() (Parsed, error) {
	msg, err := netmail.ReadMessage(bytes.NewReader(m.Data))
	if err != nil {
		return Parsed{}, err
	}
	p := Parsed{Header: msg.Header}
	if p.Subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject")); err != nil {
		return Parsed{}, err
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		return Parsed{}, err
	}
	if kind != "multipart/alternative" {
		return Parsed{}, fmt.Errorf("content type %q", kind)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return p, nil
		}
		if err != nil {
			return Parsed{}, err
		}
		if err := p.add(part); err != nil {
			return Parsed{}, err
		}
	}
}

func (p *Parsed) add(part *multipart.Part) error {
	kind, params, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	if !strings.EqualFold(params["charset"], "utf-8") {
		return fmt.Errorf("charset %q", params["charset"])
	}
	if encoding := part.Header.Get("Content-Transfer-Encoding"); !strings.EqualFold(encoding, "quoted-printable") {
		return fmt.Errorf("transfer encoding %q", encoding)
	}
	b, err := io.ReadAll(quotedprintable.NewReader(part))
	if err != nil {
		return err
	}
	body := strings.ReplaceAll(string(b), "\r\n", "\n")
	switch kind {
	case "text/plain":
		p.Text = body
	case "text/html":
		p.HTML = body
	default:
		return fmt.Errorf("part of type %q", kind)
	}
	return nil
}
