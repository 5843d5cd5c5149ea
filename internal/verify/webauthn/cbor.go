package webauthn

import (
	"bytes"
	"fmt"
	"math"
	"slices"
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
	cborIndefinite = 31   // additional information: the length is not known in advance
	cborBreak      = 0xff // the end of an item of that kind
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
	major, info, arg, err = r.anyHead()
	if err != nil || info < 24 {
		return major, info, arg, err
	}
	if info == cborIndefinite {
		return 0, 0, 0, r.fail("indefinite length")
	}
	// The smallest arguments that need 1, 2, 4 and 8 bytes.
	least := [...]uint64{24, 1 << 8, 1 << 16, 1 << 32}[info-24]
	if major != cborSimple && arg < least {
		return 0, 0, 0, r.fail("argument %d is not in its shortest form", arg)
	}
	return major, info, arg, nil
}

// anyHead reads a head in any form. With cborIndefinite it has no argument.
func (r *cborReader) anyHead() (major, info byte, arg uint64, err error) {
	if r.left() == 0 {
		return 0, 0, 0, r.fail("an item is missing")
	}
	initial := r.data[r.pos]
	major, info = initial>>5, initial&0x1f
	if info < 24 {
		r.pos++
		return major, info, uint64(info), nil
	}
	if info == cborIndefinite && major >= cborBytes && major != cborTag {
		r.pos++
		return major, info, 0, nil
	}
	if info > 27 {
		return 0, 0, 0, r.fail("reserved head 0x%02x", initial)
	}
	size := 1 << (info - 24)
	if r.left() < 1+size {
		return 0, 0, 0, r.fail("cut short inside a head")
	}
	for _, b := range r.data[r.pos+1 : r.pos+1+size] {
		arg = arg<<8 | uint64(b)
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

// item reads one item of any type and returns its bytes. All of it must be well-formed.
func (r *cborReader) item() ([]byte, error) {
	start := r.pos
	if err := r.skip(1); err != nil {
		return nil, err
	}
	return r.data[start:r.pos:r.pos], nil
}

func (r *cborReader) skip(depth int) error {
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
			err = r.skip(depth + 1)
		}
		return err
	case cborMap:
		return r.skipMap(depth)
	case cborTag:
		return r.fail("tag")
	case cborSimple:
		return r.skipSimple()
	default:
		_, _, _, err := r.head()
		return err
	}
}

func (r *cborReader) skipMap(depth int) error {
	n, err := r.mapLen()
	if err != nil {
		return err
	}
	keys := make([][]byte, 0, n)
	for range n {
		start := r.pos
		if err := r.skip(depth + 1); err != nil {
			return err
		}
		key := r.data[start:r.pos]
		if slices.ContainsFunc(keys, func(k []byte) bool { return bytes.Equal(k, key) }) {
			return r.fail("map member twice")
		}
		keys = append(keys, key)
		if err := r.skip(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

// skipAnySpelling skips an item that nobody reads. It need only be well-formed by RFC 8949: heads
// may be longer than need be, lengths indefinite, and there may be tags and keys twice, since
// authenticators exist that do not write what CTAP2 says.
func (r *cborReader) skipAnySpelling(depth int) error {
	if depth > maxCBORDepth {
		return r.fail("nested too deeply")
	}
	major, info, n, err := r.anyHead()
	if err != nil {
		return err
	}
	indefinite := info == cborIndefinite
	switch major {
	case cborUnsigned, cborNegative:
		return nil
	case cborSimple:
		if indefinite || info == 24 && n < 32 {
			return r.fail("a break or an impossible simple value")
		}
		return nil
	case cborTag:
		return r.skipAnySpelling(depth + 1)
	case cborBytes, cborText:
		if !indefinite {
			_, err := r.take(n)
			return err
		}
	}
	if n > uint64(r.left()) {
		return r.fail("%d members", n)
	}
	if major == cborMap {
		n *= 2
	}
	for i := uint64(0); indefinite || i < n; i++ {
		if r.left() == 0 {
			return r.fail("an item is missing")
		}
		next := r.data[r.pos]
		if indefinite && next == cborBreak && (major != cborMap || i%2 == 0) {
			r.pos++
			return nil
		}
		if major <= cborText && (next>>5 != major || next&0x1f == cborIndefinite) {
			return r.fail("a string whose parts are not strings of its type")
		}
		if err := r.skipAnySpelling(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

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
