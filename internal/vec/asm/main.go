// Command asm generates the kernels of internal/vec for amd64. It is a module of
// its own, so that avo is no dependency of akin. Run it with make gen.
//
// Every kernel has the same shape: for each of n ids it multiplies the query
// with row ids[i] of a matrix in row order, and it fetches the rows that are a
// few ids ahead while it does. Waiting for memory is what a walk through a graph
// spends its time on.
package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo's own manner
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const cacheLine = 64

func main() {
	ConstraintExpr("amd64")
	// With one row there is nothing to fetch ahead.
	for _, k := range []struct {
		suffix      string
		float, int8 int
	}{{"Rows", 1, 4}, {"", 0, 0}} {
		floatAVX2("dot"+k.suffix+"FloatAVX2", k.float)
		floatAVX512("dot"+k.suffix+"FloatAVX512", k.float)
		int8AVX2("dot"+k.suffix+"Int8AVX2", k.int8)
		int8VNNI("dot"+k.suffix+"Int8VNNI", k.int8)
	}
	panelAVX2()
	panelAVX512()
	atLeastAVX2()
	addLanes("addLanesAVX2", "addLanesAVX2 needs AVX2 and FMA.", YMM, lanesBytes/2)
	addLanes("addLanesAVX512", "addLanesAVX512 needs AVX512F.", ZMM, lanesBytes)
	addFourthPowersAVX2()
	residualAVX2()
	sparseAVX2()
	sparseAVX512()
	prefetch()
	Generate()
}

// rows is the loop over ids that all kernels share.
type rows struct {
	dst, query, base, ids, n reg.Register
	i                        reg.Register // which id
	bytes                    reg.Register // of a row
	row, ahead               reg.Register // this row, and one to fetch
	distance                 int          // how many ids ahead is fetched
}

// begin declares a kernel and loads its arguments; size is that of an element.
func begin(name, elem, out, doc string, size, distance int) *rows {
	TEXT(name, NOSPLIT, "func(dst *"+out+", query, rows *"+elem+", ids *uint32, n, dim int)")
	Pragma("noescape")
	Doc(doc)
	r := &rows{distance: distance, i: GP64(), bytes: GP64(), row: GP64(), ahead: GP64()}
	r.dst, r.query = Load(Param("dst"), GP64()), Load(Param("query"), GP64())
	r.base, r.ids, r.n = Load(Param("rows"), GP64()), Load(Param("ids"), GP64()), Load(Param("n"), GP64())
	Load(Param("dim"), r.bytes)
	if size == 4 {
		SHLQ(Imm(2), r.bytes)
	}
	return r
}

// locate puts the address of the row of id number at into to.
func (r *rows) locate(at, to reg.Register) {
	MOVL(Mem{Base: r.ids, Index: at, Scale: 4}, to.(reg.GPVirtual).As32())
	IMULQ(r.bytes, to)
	ADDQ(r.base, to)
}

// each emits body once, in a loop over the ids. Before the loop the first rows
// are fetched whole; body fetches the rest, line by line, through touch.
func (r *rows) each(body func()) {
	if r.distance > 0 {
		r.fetchFirst()
	}
	XORQ(r.i, r.i)
	Label("next")
	CMPQ(r.i, r.n)
	JGE(LabelRef("done"))
	r.locate(r.i, r.row)
	if r.distance > 0 {
		r.lookAhead()
	}
	body()
	INCQ(r.i)
	JMP(LabelRef("next"))
	Label("done")
	VZEROUPPER()
	RET()
}

// fetchFirst fetches the rows that nothing comes before.
func (r *rows) fetchFirst() {
	at := GP64()
	XORQ(r.i, r.i)
	Label("first")
	CMPQ(r.i, Imm(uint64(r.distance)))
	JGE(LabelRef("start"))
	CMPQ(r.i, r.n)
	JGE(LabelRef("start"))
	r.locate(r.i, r.row)
	XORQ(at, at)
	Label("line")
	PREFETCHT0(Mem{Base: r.row, Index: at, Scale: 1})
	ADDQ(Imm(cacheLine), at)
	CMPQ(at, r.bytes)
	JL(LabelRef("line"))
	INCQ(r.i)
	JMP(LabelRef("first"))
	Label("start")
}

// lookAhead finds the row to fetch while this one is multiplied. Past the last id
// it is this one, which costs little.
func (r *rows) lookAhead() {
	at := GP64()
	MOVQ(r.row, r.ahead)
	MOVQ(r.i, at)
	ADDQ(Imm(uint64(r.distance)), at)
	CMPQ(at, r.n)
	JGE(LabelRef("compute"))
	r.locate(at, r.ahead)
	Label("compute")
}

// touch fetches the line of the row ahead at an offset.
func (r *rows) touch(at reg.Register, disp int) {
	if r.distance > 0 {
		PREFETCHT0(Mem{Base: r.ahead, Index: at, Scale: 1, Disp: disp})
	}
}

// loop emits body for offsets at, at+step, ... as long as a whole step fits.
func (r *rows) loop(name string, at, limit reg.Register, step int32, body func()) {
	MOVQ(r.bytes, limit)
	SUBQ(I32(step), limit)
	Label(name)
	CMPQ(at, limit)
	JG(LabelRef(name + "_end"))
	body()
	ADDQ(I32(step), at)
	JMP(LabelRef(name))
	Label(name + "_end")
}

func (r *rows) of(base, at reg.Register, disp int) Mem {
	return Mem{Base: base, Index: at, Scale: 1, Disp: disp}
}

func floatAVX2(name string, distance int) {
	r := begin(name, "float32", "float32", name+" needs AVX2 and FMA.", 4, distance)
	acc := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	x, tail := YMM(), XMM()
	at, limit := GP64(), GP64()
	r.each(func() {
		for _, a := range acc {
			VXORPS(a, a, a)
		}
		VXORPS(tail, tail, tail)
		XORQ(at, at)
		r.loop("wide", at, limit, 128, func() {
			r.touch(at, 0)
			r.touch(at, cacheLine)
			for i, a := range acc {
				VMOVUPS(r.of(r.row, at, 32*i), x)
				VFMADD231PS(r.of(r.query, at, 32*i), x, a)
			}
		})
		r.loop("narrow", at, limit, 32, func() {
			r.touch(at, 0)
			VMOVUPS(r.of(r.row, at, 0), x)
			VFMADD231PS(r.of(r.query, at, 0), x, acc[0])
		})
		r.loop("single", at, limit, 4, func() {
			VMOVSS(r.of(r.row, at, 0), x.AsX())
			VFMADD231SS(r.of(r.query, at, 0), x.AsX(), tail)
		})
		VADDPS(acc[0], acc[1], acc[0])
		VADDPS(acc[2], acc[3], acc[2])
		VADDPS(acc[0], acc[2], acc[0])
		sumFloats(acc[0], tail)
		VADDSS(tail, acc[0].AsX(), acc[0].AsX())
		VMOVSS(acc[0].AsX(), Mem{Base: r.dst, Index: r.i, Scale: 4})
	})
}

// sumFloats adds up the eight lanes of v into its first.
func sumFloats(v, _ reg.VecVirtual) {
	t := XMM()
	VEXTRACTF128(Imm(1), v, t)
	VADDPS(t, v.AsX(), v.AsX())
	VMOVHLPS(v.AsX(), v.AsX(), t)
	VADDPS(t, v.AsX(), v.AsX())
	VMOVSHDUP(v.AsX(), t)
	VADDSS(t, v.AsX(), v.AsX())
}

func floatAVX512(name string, distance int) {
	r := begin(name, "float32", "float32", name+" needs AVX512F and AVX512DQ.", 4, distance)
	acc := []reg.VecVirtual{ZMM(), ZMM(), ZMM(), ZMM()}
	x, y, mask := ZMM(), ZMM(), K()
	at, limit, bits, rest := GP64(), GP64(), GP64(), GP64()
	// The mask of what is left of a row after whole steps of 16.
	MOVQ(r.bytes, rest)
	SHRQ(Imm(2), rest)
	ANDQ(Imm(15), rest)
	MOVQ(I32(-1), bits)
	BZHIQ(rest, bits, bits)
	KMOVW(bits.As32(), mask)
	r.each(func() {
		for _, a := range acc {
			VPXORD(a, a, a)
		}
		XORQ(at, at)
		r.loop("wide", at, limit, 256, func() {
			for i, a := range acc {
				r.touch(at, cacheLine*i)
				VMOVUPS(r.of(r.row, at, 64*i), x)
				VFMADD231PS(r.of(r.query, at, 64*i), x, a)
			}
		})
		r.loop("narrow", at, limit, 64, func() {
			r.touch(at, 0)
			VMOVUPS(r.of(r.row, at, 0), x)
			VFMADD231PS(r.of(r.query, at, 0), x, acc[0])
		})
		CMPQ(at, r.bytes)
		JGE(LabelRef("whole"))
		VMOVUPS_Z(r.of(r.row, at, 0), mask, x)
		VMOVUPS_Z(r.of(r.query, at, 0), mask, y)
		VFMADD231PS(x, y, acc[1])
		Label("whole")
		VADDPS(acc[0], acc[1], acc[0])
		VADDPS(acc[2], acc[3], acc[2])
		VADDPS(acc[0], acc[2], acc[0])
		half := YMM()
		VEXTRACTF64X4(Imm(1), acc[0], half)
		VADDPS(half, acc[0].AsY(), half)
		sumFloats(half, nil)
		VMOVSS(half.AsX(), Mem{Base: r.dst, Index: r.i, Scale: 4})
	})
}

func int8AVX2(name string, distance int) {
	r := begin(name, "int8", "int32", name+" needs AVX2.", 1, distance)
	acc := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	x, y := YMM(), YMM()
	at, limit, total, a, b := GP64(), GP64(), GP32(), GP32(), GP32()
	r.each(func() {
		for _, v := range acc {
			VPXOR(v, v, v)
		}
		XORL(total, total)
		XORQ(at, at)
		step := func(i int) {
			// Products of int8 fit int16 pairs summed as int32: nothing saturates.
			VPMOVSXBW(r.of(r.row, at, 16*i), x)
			VPMOVSXBW(r.of(r.query, at, 16*i), y)
			VPMADDWD(x, y, x)
			VPADDD(x, acc[i], acc[i])
		}
		r.loop("wide", at, limit, 64, func() {
			r.touch(at, 0)
			for i := range acc {
				step(i)
			}
		})
		r.touch(at, 0)
		r.loop("narrow", at, limit, 16, func() { step(0) })
		r.loop("single", at, limit, 1, func() {
			MOVBLSX(r.of(r.row, at, 0), a)
			MOVBLSX(r.of(r.query, at, 0), b)
			IMULL(b, a)
			ADDL(a, total)
		})
		VPADDD(acc[0], acc[1], acc[0])
		VPADDD(acc[2], acc[3], acc[2])
		VPADDD(acc[0], acc[2], acc[0])
		sum := sumInts(acc[0])
		ADDL(sum, total)
		MOVL(total, Mem{Base: r.dst, Index: r.i, Scale: 4})
	})
}

// sumInts adds up the eight lanes of v.
func sumInts(v reg.VecVirtual) reg.GPVirtual {
	t, sum := XMM(), GP32()
	VEXTRACTI128(Imm(1), v, t)
	VPADDD(t, v.AsX(), t)
	u := XMM()
	VPSHUFD(Imm(0x4e), t, u)
	VPADDD(u, t, t)
	VPSHUFD(Imm(0xb1), t, u)
	VPADDD(u, t, t)
	VMOVD(t, sum)
	return sum
}

// int8VNNI multiplies unsigned by signed bytes, as VPDPBUSD does: flipping the
// sign bit adds 128 to each element of the row, and what that adds to the
// product, 128 times the sum of the query, is taken off again. All of it is
// exact modulo 2^32, so the result is that of the other kernels.
func int8VNNI(name string, distance int) {
	r := begin(name, "int8", "int32", name+" needs AVX512F, AVX512BW and AVX512_VNNI.", 1, distance)
	acc := []reg.VecVirtual{ZMM(), ZMM()}
	x, y, flip, excess, mask := ZMM(), ZMM(), ZMM(), ZMM(), K()
	at, limit, bits, rest := GP64(), GP64(), GP64(), GP64()
	MOVQ(r.bytes, rest)
	ANDQ(Imm(63), rest)
	MOVQ(I32(-1), bits)
	BZHIQ(rest, bits, bits)
	KMOVQ(bits, mask)
	MOVL(U32(0x80808080), bits.As32())
	VPBROADCASTD(bits.As32(), flip)
	VPXORD(excess, excess, excess)
	XORQ(at, at)
	r.loop("sum", at, limit, 64, func() { vpdpbusd(r.of(r.query, at, 0), flip, excess) })
	VMOVDQU8_Z(r.of(r.query, at, 0), mask, y)
	vpdpbusd(y, flip, excess)
	r.each(func() {
		VPXORD(acc[0], acc[0], acc[0])
		VPXORD(acc[1], acc[1], acc[1])
		XORQ(at, at)
		step := func(i int) {
			r.touch(at, 64*i)
			VPXORD(r.of(r.row, at, 64*i), flip, x)
			vpdpbusd(r.of(r.query, at, 64*i), x, acc[i])
		}
		r.loop("wide", at, limit, 128, func() { step(0); step(1) })
		r.loop("narrow", at, limit, 64, func() { step(0) })
		CMPQ(at, r.bytes)
		JGE(LabelRef("whole"))
		r.touch(at, 0)
		VMOVDQU8_Z(r.of(r.row, at, 0), mask, x)
		VPXORD(x, flip, x)
		VMOVDQU8_Z(r.of(r.query, at, 0), mask, y)
		vpdpbusd(y, x, acc[1])
		Label("whole")
		VPADDD(acc[0], acc[1], acc[0])
		VPSUBD(excess, acc[0], acc[0])
		half := YMM()
		VEXTRACTI64X4(Imm(1), acc[0], half)
		VPADDD(half, acc[0].AsY(), half)
		sum := sumInts(half)
		MOVL(sum, Mem{Base: r.dst, Index: r.i, Scale: 4})
	})
}

// prefetch fetches memory that is about to be read.
func prefetch() {
	TEXT("prefetchLines", NOSPLIT, "func(from *byte, size int)")
	Pragma("noescape")
	Doc("prefetchLines fetches the cache lines of size bytes.")
	from, size := Load(Param("from"), GP64()), Load(Param("size"), GP64())
	Label("line")
	PREFETCHT0(Mem{Base: from})
	ADDQ(Imm(cacheLine), from)
	SUBQ(Imm(cacheLine), size)
	JG(LabelRef("line"))
	RET()
}

// residualAVX2 multiplies float32 queries with rows that are kept as int8 codes and four
// more bits of each element: element i of a row is, in 32nds of a step, 32·code + 2·bits -
// 15. A row of residuals has a byte for two elements: of each 16 elements the first eight
// are in the low halves of eight bytes, the others in the high ones. The dimension is a
// multiple of 16.
func residualAVX2() {
	TEXT("dotResidualAVX2", NOSPLIT, "func(dst, query *float32, codes *int8, residuals *uint8, ids *uint32, n, dim int)")
	Pragma("noescape")
	Doc("dotResidualAVX2 needs AVX2 and FMA.")
	dst, query := Load(Param("dst"), GP64()), Load(Param("query"), GP64())
	codes, residuals := Load(Param("codes"), GP64()), Load(Param("residuals"), GP64())
	ids, n, dim := Load(Param("ids"), GP64()), Load(Param("n"), GP64()), Load(Param("dim"), GP64())
	acc0, acc1, half, odd, word := YMM(), YMM(), XMM(), YMM(), GP64()
	MOVL(U32(0x0f0f0f0f), word.As32())
	VMOVD(word.As32(), half)
	VPBROADCASTD(half, half)
	MOVL(U32(0x000f000f), word.As32())
	VMOVD(word.As32(), odd.AsX())
	VPBROADCASTD(odd.AsX(), odd)
	i, row, bits, at := GP64(), GP64(), GP64(), GP64()
	x, y, low, high := YMM(), YMM(), XMM(), XMM()
	XORQ(i, i)
	Label("next")
	CMPQ(i, n)
	JGE(LabelRef("done"))
	MOVL(Mem{Base: ids, Index: i, Scale: 4}, row.As32())
	IMULQ(dim, row)
	MOVQ(row, bits)
	SHRQ(Imm(1), bits)
	ADDQ(codes, row)
	ADDQ(residuals, bits)
	VXORPS(acc0, acc0, acc0)
	VXORPS(acc1, acc1, acc1)
	XORQ(at, at)
	Label("elements")
	// Two halves of eight bytes become sixteen, and these words.
	VMOVQ(Mem{Base: bits}, low)
	VPSRLW(Imm(4), low, high)
	VPUNPCKLQDQ(high, low, low)
	VPAND(half, low, low)
	VPMOVZXBW(low, y)
	VPADDW(y, y, y)
	VPMOVSXBW(Mem{Base: row, Index: at, Scale: 1}, x)
	VPSLLW(Imm(5), x, x)
	VPADDW(y, x, x)
	VPSUBW(odd, x, x)
	VPMOVSXWD(x.AsX(), y)
	VCVTDQ2PS(y, y)
	VFMADD231PS(Mem{Base: query, Index: at, Scale: 4}, y, acc0)
	VEXTRACTI128(Imm(1), x, low)
	VPMOVSXWD(low, y)
	VCVTDQ2PS(y, y)
	VFMADD231PS(Mem{Base: query, Index: at, Scale: 4, Disp: 32}, y, acc1)
	ADDQ(Imm(8), bits)
	ADDQ(Imm(16), at)
	CMPQ(at, dim)
	JL(LabelRef("elements"))
	VADDPS(acc0, acc1, acc0)
	sumFloats(acc0, nil)
	VMOVSS(acc0.AsX(), Mem{Base: dst, Index: i, Scale: 4})
	INCQ(i)
	JMP(LabelRef("next"))
	Label("done")
	VZEROUPPER()
	RET()
}
