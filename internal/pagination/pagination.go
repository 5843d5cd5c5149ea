// Package pagination creates and reads the tokens with which a client requests the next page
// of a list. A token names the last row of a page. It is valid only for the same list of the
// same organisation with the same filters.
package pagination

import (
	"crypto/hmac"
	"encoding/base64"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/keyring"
)

// Maker creates and reads page tokens.
type Maker struct{ ring *keyring.Ring }

// New returns a Maker that uses the ring's key.
func New(ring *keyring.Ring) *Maker { return &Maker{ring} }

const (
	tagSize = 12  // bytes of the MAC in a token
	maxLast = 400 // greatest length of the name of a row, in bytes
)

// Token returns a token that names the last row of a page. list identifies the list by its
// name, the organisation and the filters.
func (m *Maker) Token(last string, list ...string) string {
	return base64.RawURLEncoding.EncodeToString(append(m.tag(last, list), last...))
}

func (m *Maker) tag(last string, list []string) []byte {
	return m.ring.MAC(keyring.Page, append(append([]string{}, list...), last)...)[:tagSize:tagSize]
}

// Open returns the row that a token names, "" for no token. A token of another list is an
// error of Kind Invalid.
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
	Name []string // the name of the list, the organisation and the filters
	Read func(after string, limit int) ([]Row, error)
	Mark func(Row) string // the name of a row, which is passed to Read as after
	Show func(Row) Item
}

// Read returns a page of l with at most limit items, and the token of the next page, "" after
// the last page. token names the page; "" is the first one.
func Read[Row, Item any](m *Maker, l List[Row, Item], token string, limit int) (items []Item, next string, err error) {
	after, err := m.Open(token, l.Name...)
	if err != nil {
		return nil, "", err
	}
	rows, err := l.Read(after, limit+1) // one more shows whether there is a next page
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
