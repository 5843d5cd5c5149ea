package webauthn

import (
	"bytes"
	"fmt"
	"math"
	"unicode/utf8"
)

// Major types of CBOR (RFC 8949 §3.1).
const (
	cborUnsigned = iota
	cborNegative
	cborBytes
	cborText
	cborArray
	cborMap
	cborTag
	cborSimple
)

const (
	maxCBORDepth   = 8  // CTAP2 allows 4; a "compound" statement has 6
	maxCBORMembers = 64 // of one map; the largest that WebAuthn defines has six
)

// cborReader reads CBOR strictly, item by item, without copying: definite lengths,
// shortest forms, no tags, valid UTF-8, no duplicate members. A general decoder accepts
// several encodings of an item. Here every item has one, so no other reader can understand
// what was verified in another way.
type cborReader struct {
	data []byte
	pos  int
}

func (r *cborReader) fail(format string, args ...any) error {
	return fmt.Errorf("CBOR at byte %d: %s", r.pos, fmt.Sprintf(format, args...))
}

// left is the number of bytes not yet read.
func (r *cborReader) left() int { return len(r.data) - r.pos }

// end fails when something follows the last item.
func (r *cborReader) end() error {
	if r.left() != 0 {
		return r.fail("%d more bytes", r.left())
	}
	return nil
}

// head reads the head of an item: major type, additional information and argument. The
// argument must be in its shortest form.
func (r *cborReader) head() (major, info byte, arg uint64, err error) {
	if r.left() == 0 {
		return 0, 0, 0, r.fail("an item is missing")
	}
	initial := r.data[r.pos]
	major, info = initial>>5, initial&0x1f
	if info < 24 {
		r.pos++
		return major, info, uint64(info), nil
	}
	if info > 27 {
		return 0, 0, 0, r.fail("indefinite length or reserved head 0x%02x", initial)
	}
	size := 1 << (info - 24)
	if r.left() < 1+size {
		return 0, 0, 0, r.fail("cut short inside a head")
	}
	for _, b := range r.data[r.pos+1 : r.pos+1+size] {
		arg = arg<<8 | uint64(b)
	}
	// The smallest arguments that need 1, 2, 4 and 8 bytes.
	least := [...]uint64{24, 1 << 8, 1 << 16, 1 << 32}[info-24]
	if major != cborSimple && arg < least {
		return 0, 0, 0, r.fail("argument %d is not in its shortest form", arg)
	}
	r.pos += 1 + size
	return major, info, arg, nil
}

// expect reads the head of an item of the given major type.
func (r *cborReader) expect(want byte, name string) (uint64, error) {
	if r.left() > 0 && r.data[r.pos]>>5 != want {
		return 0, r.fail("%s expected, found major type %d", name, r.data[r.pos]>>5)
	}
	_, _, arg, err := r.head()
	return arg, err
}

// take reads n bytes. The result shares memory with the input.
func (r *cborReader) take(n uint64) ([]byte, error) {
	if n > uint64(r.left()) {
		return nil, r.fail("%d bytes announced, %d left", n, r.left())
	}
	start := r.pos
	r.pos += int(n)
	return r.data[start:r.pos:r.pos], nil
}

func (r *cborReader) byteString() ([]byte, error) {
	n, err := r.expect(cborBytes, "byte string")
	if err != nil {
		return nil, err
	}
	return r.take(n)
}

func (r *cborReader) text() (string, error) {
	n, err := r.expect(cborText, "text string")
	if err != nil {
		return "", err
	}
	b, err := r.take(n)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", r.fail("text is not UTF-8")
	}
	return string(b), nil
}

// integer reads an integer that fits an int64.
func (r *cborReader) integer() (int64, error) {
	if r.left() > 0 && r.data[r.pos]>>5 > cborNegative {
		return 0, r.fail("integer expected, found major type %d", r.data[r.pos]>>5)
	}
	major, _, arg, err := r.head()
	if err != nil {
		return 0, err
	}
	if arg > math.MaxInt64 {
		return 0, r.fail("integer out of range")
	}
	if major == cborNegative {
		return -1 - int64(arg), nil
	}
	return int64(arg), nil
}

// mapLen reads the head of a map and returns how many members follow.
func (r *cborReader) mapLen() (int, error) {
	n, err := r.expect(cborMap, "map")
	if err != nil {
		return 0, err
	}
	if n > maxCBORMembers {
		return 0, r.fail("map of %d members", n)
	}
	return int(n), nil
}

// arrayLen reads the head of an array and returns how many elements follow.
func (r *cborReader) arrayLen() (int, error) {
	n, err := r.expect(cborArray, "array")
	if err != nil {
		return 0, err
	}
	if n > uint64(r.left()) {
		return 0, r.fail("array of %d elements", n)
	}
	return int(n), nil
}

// item reads one item of any type and returns its bytes. All of it must be well-formed and,
// with canonical, the members of its maps in CTAP2 canonical order.
func (r *cborReader) item(canonical bool) ([]byte, error) {
	start := r.pos
	if err := r.skip(canonical, 1); err != nil {
		return nil, err
	}
	return r.data[start:r.pos:r.pos], nil
}

func (r *cborReader) skip(canonical bool, depth int) error {
	if depth > maxCBORDepth {
		return r.fail("nested too deeply")
	}
	if r.left() == 0 {
		return r.fail("an item is missing")
	}
	switch r.data[r.pos] >> 5 {
	case cborText:
		_, err := r.text()
		return err
	case cborBytes:
		_, err := r.byteString()
		return err
	case cborArray:
		n, err := r.arrayLen()
		for ; err == nil && n > 0; n-- {
			err = r.skip(canonical, depth+1)
		}
		return err
	case cborMap:
		return r.skipMap(canonical, depth)
	case cborTag:
		return r.fail("tag")
	case cborSimple:
		return r.skipSimple()
	default:
		_, _, _, err := r.head()
		return err
	}
}

func (r *cborReader) skipMap(canonical bool, depth int) error {
	n, err := r.mapLen()
	if err != nil {
		return err
	}
	keys := make([][]byte, 0, n)
	for range n {
		start := r.pos
		if err := r.skip(canonical, depth+1); err != nil {
			return err
		}
		key := r.data[start:r.pos]
		if err := r.checkKey(keys, key, canonical); err != nil {
			return err
		}
		keys = append(keys, key)
		if err := r.skip(canonical, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// checkKey fails if key is one of keys or, with canonical, does not come after the last.
func (r *cborReader) checkKey(keys [][]byte, key []byte, canonical bool) error {
	if canonical {
		if len(keys) > 0 && !canonicallyBefore(keys[len(keys)-1], key) {
			return r.fail("map members are repeated or not in canonical order")
		}
		return nil
	}
	for _, k := range keys {
		if bytes.Equal(k, key) {
			return r.fail("map member twice")
		}
	}
	return nil
}

// canonicallyBefore orders encoded map keys as CTAP2 does (CTAP 2.1 §8): by major type,
// then by length, then byte by byte. A key in its shortest form begins with its type and
// length, so this is the order of the bytes.
func canonicallyBefore(a, b []byte) bool { return bytes.Compare(a, b) < 0 }

// skipSimple reads false, true, null, undefined or a floating-point number.
func (r *cborReader) skipSimple() error {
	_, info, _, err := r.head()
	if err != nil {
		return err
	}
	if info < 20 || info == 24 {
		return r.fail("unassigned simple value")
	}
	return nil
}
