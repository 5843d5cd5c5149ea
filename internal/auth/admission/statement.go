package admission

import (
	"bytes"
	"errors"
)

// Statement is what is read of an attestation object that was verified and stored (WebAuthn L3 §6.5.4).
type Statement struct {
	AuthData []byte
	Chain    [][]byte // x5c, leaf first; nil if there is none
}

var errObject = errors.New("not an attestation object")

// ReadStatement reads a stored attestation object. Package webauthn verified it when it was stored, so that only
// what is needed is looked at here.
func ReadStatement(object []byte) (s Statement, err error) {
	r := reader{object}
	err = r.members(func(name string) error {
		switch name {
		case "authData":
			s.AuthData, err = r.bytes()
			return err
		case "attStmt":
			return r.members(func(name string) error {
				if name != "x5c" {
					return r.skip(0)
				}
				n, err := r.head(4)
				for i := 0; err == nil && i < n; i++ {
					var der []byte
					if der, err = r.bytes(); err == nil {
						s.Chain = append(s.Chain, der)
					}
				}
				return err
			})
		}
		return r.skip(0)
	})
	if err == nil && s.AuthData == nil {
		err = errObject
	}
	return s, err
}

// WithoutStatement is an attestation object with the same authenticator data and the format none.
func WithoutStatement(object []byte) ([]byte, error) {
	s, err := ReadStatement(object)
	if err != nil || len(s.AuthData) > 0xffff {
		return nil, errObject
	}
	b := []byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59")
	b = append(b, byte(len(s.AuthData)>>8), byte(len(s.AuthData)))
	return append(b, s.AuthData...), nil
}

// Stored reports whether stored is what is kept of an attestation object: all of it, or all but the statement.
func Stored(stored, object []byte) bool {
	if bytes.Equal(stored, object) {
		return true
	}
	without, err := WithoutStatement(object)
	return err == nil && bytes.Equal(stored, without)
}

// reader reads CBOR whose lengths are given.
type reader struct{ left []byte }

// head reads the head of an item of a major type and returns its number.
func (r *reader) head(major byte) (int, error) {
	if len(r.left) == 0 || r.left[0]>>5 != major {
		return 0, errObject
	}
	info := r.left[0] & 31
	r.left = r.left[1:]
	if info < 24 {
		return int(info), nil
	}
	size := 1 << (info - 24)
	if info > 27 || len(r.left) < size {
		return 0, errObject
	}
	n := uint64(0)
	for _, b := range r.left[:size] {
		n = n<<8 | uint64(b)
	}
	if r.left = r.left[size:]; major >= 2 && major <= 5 && n > uint64(len(r.left)) {
		return 0, errObject
	}
	return int(n & (1<<62 - 1)), nil
}

func (r *reader) text(major byte) ([]byte, error) {
	n, err := r.head(major)
	if err != nil || n > len(r.left) {
		return nil, errObject
	}
	b := r.left[:n:n]
	r.left = r.left[n:]
	return b, nil
}

func (r *reader) bytes() ([]byte, error) { return r.text(2) }

// members calls read at the value of each member of a map with text keys.
func (r *reader) members(read func(name string) error) error {
	n, err := r.head(5)
	for i := 0; err == nil && i < n; i++ {
		var name []byte
		if name, err = r.text(3); err == nil {
			err = read(string(name))
		}
	}
	return err
}

// skip passes over an item.
func (r *reader) skip(depth int) error {
	if len(r.left) == 0 || depth > 8 {
		return errObject
	}
	major := r.left[0] >> 5
	if major == 2 || major == 3 {
		_, err := r.text(major)
		return err
	}
	n, err := r.head(major)
	items := map[byte]int{4: n, 5: 2 * n, 6: 1}[major]
	for i := 0; err == nil && i < items; i++ {
		err = r.skip(depth + 1)
	}
	return err
}
