package publickey

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"sync"
)

// Bounds of an RSA modulus, in bits. Smaller ones can be broken, larger ones only cost time.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// Least exponents of an RSA key. Those below 65537 are refused for new keys; they were accepted
// once, and are safe with the strict padding check of Verify.
const (
	minExponent       = 65537
	minStoredExponent = 3
)

// smallPrimes is the product of the odd primes below 752.
var smallPrimes = sync.OnceValue(func() *big.Int {
	product := big.NewInt(1)
	for n := int64(3); n < 752; n += 2 {
		if p := big.NewInt(n); p.ProbablyPrime(0) {
			product.Mul(product, p)
		}
	}
	return product
})

func checkRSA(n, e []byte, least int64) error {
	if len(n) > maxRSABits/8 || len(e) > 4 {
		return invalid("size of an RSA key",
			fmt.Sprintf("modulus of %d bytes, exponent of %d", len(n), len(e)), "at most 8192 bits and 31 bits")
	}
	if len(n) == 0 || len(e) == 0 || n[0] == 0 || e[0] == 0 {
		return invalid("encoding of an RSA key", "an empty number or a leading zero", "numbers without leading zeros")
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if modulus.BitLen() < minRSABits {
		return invalid("size of an RSA key", fmt.Sprintf("%d bits", modulus.BitLen()), "at least 2048 bits")
	}
	if modulus.Bit(0) == 0 || new(big.Int).GCD(nil, nil, modulus, smallPrimes()).Cmp(big.NewInt(1)) != 0 {
		return invalid("modulus of an RSA key", "a modulus with a small factor", "a product of two large primes")
	}
	if exponent.Bit(0) == 0 || exponent.BitLen() > 31 || exponent.Cmp(big.NewInt(least)) < 0 {
		return invalid("exponent of an RSA key", exponent.String(), fmt.Sprintf("an odd number from %d to 2³¹-1", least))
	}
	return nil
}

// The numbers of edwards25519 (RFC 8032 §5.1).
var (
	edPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	edD     = func() *big.Int { // -121665/121666
		d := new(big.Int).ModInverse(big.NewInt(121666), edPrime)
		d.Mul(d, big.NewInt(-121665))
		return d.Mod(d, edPrime)
	}()
	// edSmallOrder holds the y coordinates of the eight points whose order divides 8:
	// 0 (order 4), 1 and -1 (orders 1 and 2), and the two of order 8.
	edSmallOrder = func() map[string]bool {
		eighth := littleEndian(must(hex.DecodeString("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")))
		return map[string]bool{
			"0":                                  true,
			"1":                                  true,
			sub(edPrime, big.NewInt(1)).String(): true,
			eighth.String():                      true,
			sub(edPrime, eighth).String():        true,
		}
	}()
)

// checkEd25519 checks the 32 bytes of an Ed25519 key: y < p, x² = (y²-1)/(dy²+1) has a
// root, and the point is not of small order. The encodings of x = 0 with the sign bit
// set, which RFC 8032 §5.1.3 forbids, have y = ±1 and so fall under small order.
func checkEd25519(b []byte) error {
	encoded := [32]byte(b)
	encoded[31] &= 0x7f // the sign of x
	y := littleEndian(encoded[:])
	if y.Cmp(edPrime) >= 0 {
		return invalid("encoding of an Ed25519 key", "a coordinate not below the field's prime", "the canonical encoding")
	}
	if edSmallOrder[y.String()] {
		return invalid("point of an Ed25519 key", "a point of small order", "a point of large order")
	}
	yy := new(big.Int).Mul(y, y)
	numerator := sub(yy, big.NewInt(1))
	denominator := new(big.Int).Mul(edD, yy)
	denominator.Add(denominator, big.NewInt(1))
	// a/b is a square exactly if a·b is. Neither is 0 here: -1/d is not a square, and
	// y = ±1 was refused.
	if big.Jacobi(numerator.Mul(numerator, denominator).Mod(numerator, edPrime), edPrime) != 1 {
		return invalid("point of an Ed25519 key", "bytes that are no point of the curve", "a point on the curve")
	}
	return nil
}

func littleEndian(b []byte) *big.Int {
	reversed := make([]byte, len(b))
	for i, c := range b {
		reversed[len(b)-1-i] = c
	}
	return new(big.Int).SetBytes(reversed)
}

func sub(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // a constant of this file is wrong
	}
	return v
}
