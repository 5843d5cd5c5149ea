package webauthn

import (
	"crypto"
	"crypto/sha3"
	"io"
	"math/big"
	"slices"
)

// ed448Credential is the key of the Ed448 vector of §16, which the relying party must
// refuse because it did not offer the algorithm. No library that we use has Ed448, so it is
// computed here, slowly, from RFC 8032 §5.2.
func ed448Credential(m *vectorMaker) ([]byte, crypto.Signer) {
	digest := sha3.SumSHAKE256(m.draw(57), 114)
	scalar := slices.Clone(digest[:57])
	scalar[0] &= 0xfc
	scalar[55] |= 0x80
	scalar[56] = 0
	k := ed448Key{scalar: littleEndian(scalar), prefix: digest[57:]}
	k.public = ed448Public(k.scalar)
	return cMap(cInt(1), cInt(1), cInt(3), cInt(-53), cInt(-1), cInt(7), cInt(-2), cBytes(k.public)), k
}

func littleEndian(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

type ed448Key struct {
	scalar         *big.Int
	prefix, public []byte
}

func (k ed448Key) Public() crypto.PublicKey { return k.public }

// Sign is RFC 8032 §5.2.6 without a context.
func (k ed448Key) Sign(_ io.Reader, message []byte, _ crypto.SignerOpts) ([]byte, error) {
	order := number("13818066809895115352007386748515426880336692474882178609894547503885")
	order.Sub(new(big.Int).Lsh(big.NewInt(1), 446), order)
	hash := func(parts ...[]byte) *big.Int {
		in := append([]byte("SigEd448\x00\x00"), slices.Concat(parts...)...)
		n := littleEndian(sha3.SumSHAKE256(in, 114))
		return n.Mod(n, order)
	}
	r := hash(k.prefix, message)
	point := ed448Public(r)
	s := hash(point, k.public, message)
	s.Mul(s, k.scalar).Add(s, r).Mod(s, order)
	out := s.FillBytes(make([]byte, 57))
	slices.Reverse(out)
	return append(point, out...), nil
}

func number(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return n
}

// ed448Public multiplies the base point and encodes the result.
func ed448Public(scalar *big.Int) []byte {
	one := big.NewInt(1)
	p := new(big.Int).Lsh(one, 448)
	p.Sub(p, new(big.Int).Lsh(one, 224)).Sub(p, one)
	d := big.NewInt(-39081)
	baseX := number("224580040295924300187604334099896036246789641632564134246125461686950415467406032909029192869357953282578032075146446173674602635247710")
	baseY := number("298819210078481492676017930443930673437544040154080242095928241372331506189835876003536878655418784733982303233503462500531545062832660")

	mul := func(a, b *big.Int) *big.Int { r := new(big.Int).Mul(a, b); return r.Mod(r, p) }
	over := func(a, b *big.Int) *big.Int { return mul(a, new(big.Int).ModInverse(new(big.Int).Mod(b, p), p)) }
	type point struct{ x, y *big.Int }
	add := func(a, b point) point { // RFC 8032 §5.2.4, affine
		t := mul(d, mul(mul(a.x, b.x), mul(a.y, b.y)))
		x := new(big.Int).Add(mul(a.x, b.y), mul(b.x, a.y))
		y := new(big.Int).Sub(mul(a.y, b.y), mul(a.x, b.x))
		return point{over(x, new(big.Int).Add(one, t)), over(y, new(big.Int).Sub(one, t))}
	}
	sum, base := point{big.NewInt(0), one}, point{baseX, baseY}
	for i := scalar.BitLen() - 1; i >= 0; i-- {
		sum = add(sum, sum)
		if scalar.Bit(i) == 1 {
			sum = add(sum, base)
		}
	}
	out := make([]byte, 57)
	sum.y.FillBytes(out[1:])
	slices.Reverse(out)
	out[56] |= byte(sum.x.Bit(0)) << 7
	return out
}
