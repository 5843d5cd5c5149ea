// Package pagination makes the tokens by which a client asks for the next page of a list. A
// token names the last row of a page and is good for the same list of the same
// organisation, asked for with the same filters, and nothing else.
package pagination

import (
	"crypto/hmac"
	"encoding/base64"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/keyring"
)

// Maker makes and reads page tokens.
type Maker struct{ ring *keyring.Ring }

// New returns a maker of tokens under the ring's key.
func New(ring *keyring.Ring) *Maker { return &Maker{ring} }

const (
	tagSize = 12  // bytes of a token that make it ours
	maxLast = 400 // bytes of what names a row
)

// Token names the last row of a page. list says which list it is: its name, the
// organisation and the filters.
func (m *Maker) Token(last string, list ...string) string {
	return base64.RawURLEncoding.EncodeToString(append(m.tag(last, list), last...))
}

func (m *Maker) tag(last string, list []string) []byte {
	return m.ring.MAC(keyring.Page, append(append([]string{}, list...), last)...)[:tagSize:tagSize]
}

// Open returns the last row that a token names, "" for no token. It refuses, with Invalid,
// one that was not made for this very list.
func (m *Maker) Open(token string, list ...string) (last string, err error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err == nil && len(b) > tagSize && len(b) <= tagSize+maxLast {
		last = string(b[tagSize:])
		if hmac.Equal(m.tag(last, list), b[:tagSize]) {
			return last, nil
		}
	}
	return "", &api.Error{Kind: api.Invalid, Code: "pagination_token_invalid",
		Message: "The parameter paginationToken is not one of this list; begin again without it."}
}

// List is a list that clients read in pages.
type List[Row, Item any] struct {
	Name []string // what makes it this list: its name, the organisation, and the filters
	Read func(after string, limit int) ([]Row, error)
	Mark func(Row) string // by which Read finds what comes after a row
	Show func(Row) Item
}

// Read returns the page of l that a token names, the first one for "", with at most limit
// items, and the token of the next page, "" after the last.
func Read[Row, Item any](m *Maker, l List[Row, Item], token string, limit int) (items []Item, next string, err error) {
	after, err := m.Open(token, l.Name...)
	if err != nil {
		return nil, "", err
	}
	rows, err := l.Read(after, limit+1) // one more tells whether there is a next page
	if err != nil {
		return nil, "", err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = m.Token(l.Mark(rows[limit-1]), l.Name...)
	}
	items = make([]Item, len(rows))
	for i, row := range rows {
		items[i] = l.Show(row)
	}
	return items, next, nil
}
