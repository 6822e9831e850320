package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo's own manner
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	// panelWidth is how many vectors a panel has.
	panelWidth = 16
	// panelRows and panelRows512 are how many rows are multiplied with it at a time: as
	// many as there are registers for their sums, in threes.
	panelRows    = 6
	panelRows512 = 12
)

// panelAVX2 multiplies rows with a panel of interleaved vectors, each sum in a lane of its
// own: no sums are added up at the end, and each number of a row is read once for 16
// products.
func panelAVX2() {
	p := beginPanel("dotPanelAVX2", "dotPanelAVX2 needs AVX2 and FMA.", panelRows)
	acc := make([]reg.VecVirtual, 2*panelRows)
	for i := range acc {
		acc[i] = YMM()
	}
	p0, p1, x := YMM(), YMM(), YMM()
	p.run(acc, 32, func() {
		VMOVUPS(Mem{Base: p.at}, p0)
		VMOVUPS(Mem{Base: p.at, Disp: 32}, p1)
	}, func(row int, number Mem) {
		VBROADCASTSS(number, x)
		VFMADD231PS(p0, x, acc[2*row])
		VFMADD231PS(p1, x, acc[2*row+1])
	})
}

// panelAVX512 is panelAVX2 with a register for all 16 sums of a row. The sums are the same,
// bit for bit.
func panelAVX512() {
	p := beginPanel("dotPanelAVX512", "dotPanelAVX512 needs AVX512F and AVX512DQ.", panelRows512)
	acc := make([]reg.VecVirtual, panelRows512)
	for i := range acc {
		acc[i] = ZMM()
	}
	p0 := ZMM()
	p.run(acc, 64, func() { VMOVUPS(Mem{Base: p.at}, p0) }, func(row int, number Mem) {
		VFMADD231PS_BCST(number, p0, acc[row])
	})
}

// panelLoop is the loop that the kernels of panels share.
type panelLoop struct {
	dst, rows, n, dim reg.Register
	panel, at, left   reg.Register // at is how far the panel was multiplied, left how much is not
	bytes             reg.Register // of a row
	threes            []reg.Register
	atATime           int // rows
}

func beginPanel(name, doc string, atATime int) *panelLoop {
	TEXT(name, NOSPLIT, "func(dst, rows, panel *float32, n, dim int)")
	Pragma("noescape")
	Doc(doc)
	p := &panelLoop{atATime: atATime, at: GP64(), left: GP64(), bytes: GP64()}
	p.dst, p.rows, p.panel = Load(Param("dst"), GP64()), Load(Param("rows"), GP64()), Load(Param("panel"), GP64())
	p.n, p.dim = Load(Param("n"), GP64()), Load(Param("dim"), GP64())
	for range atATime / 3 {
		p.threes = append(p.threes, GP64()) // the addresses of every third row
	}
	return p
}

// run emits the loop. acc are the sums of all rows in registers of size bytes; load gets the
// next numbers of the panel, and multiply adds what one number of a row gives.
func (p *panelLoop) run(acc []reg.VecVirtual, size int, load func(), multiply func(row int, number Mem)) {
	perRow := len(acc) / p.atATime
	MOVQ(p.dim, p.bytes)
	SHLQ(Imm(2), p.bytes)
	block := func(name string, count int) {
		for _, a := range acc[:perRow*count] {
			VXORPS(a, a, a)
		}
		threes := p.threes[:(count+2)/3]
		MOVQ(p.rows, threes[0])
		for i := range threes[1:] {
			LEAQ(Mem{Base: p.bytes, Index: p.bytes, Scale: 2}, threes[i+1])
			ADDQ(threes[i], threes[i+1])
		}
		MOVQ(p.panel, p.at)
		MOVQ(p.dim, p.left)
		Label(name)
		load()
		for i := range count {
			m := Mem{Base: threes[i/3]}
			if i%3 > 0 {
				m.Index, m.Scale = p.bytes, uint8(i%3)
			}
			multiply(i, m)
		}
		for _, r := range threes {
			ADDQ(Imm(4), r)
		}
		ADDQ(Imm(4*panelWidth), p.at)
		DECQ(p.left)
		JNZ(LabelRef(name))
		for i, a := range acc[:perRow*count] {
			VMOVUPS(a, Mem{Base: p.dst, Disp: size * i})
		}
		ADDQ(U32(4*panelWidth*count), p.dst)
	}
	Label("many")
	CMPQ(p.n, Imm(uint64(p.atATime)))
	JL(LabelRef("few"))
	block("many_numbers", p.atATime)
	LEAQ(Mem{Base: p.threes[len(p.threes)-1], Index: p.bytes, Scale: 2}, p.rows) // it has gone on by one row
	SUBQ(Imm(uint64(p.atATime)), p.n)
	JMP(LabelRef("many"))
	Label("few")
	TESTQ(p.n, p.n)
	JZ(LabelRef("end"))
	block("one_numbers", 1)
	ADDQ(p.bytes, p.rows)
	DECQ(p.n)
	JMP(LabelRef("few"))
	Label("end")
	VZEROUPPER()
	RET()
}

// atLeastAVX2 compares the products of rows with a panel, times a factor of each vector,
// with what each row needs at least.
func atLeastAVX2() {
	TEXT("atLeastAVX2", NOSPLIT, "func(masks *uint16, dots, factors, least *float32, n int)")
	Pragma("noescape")
	Doc("atLeastAVX2 needs AVX2.")
	const notLess = 5 // or unordered
	masks, dots := Load(Param("masks"), GP64()), Load(Param("dots"), GP64())
	factors, least := Load(Param("factors"), GP64()), Load(Param("least"), GP64())
	n := Load(Param("n"), GP64())
	f0, f1, x0, x1, bar := YMM(), YMM(), YMM(), YMM(), YMM()
	low, high := GP32(), GP32()
	VMOVUPS(Mem{Base: factors}, f0)
	VMOVUPS(Mem{Base: factors, Disp: 32}, f1)
	Label("row")
	TESTQ(n, n)
	JZ(LabelRef("end"))
	VBROADCASTSS(Mem{Base: least}, bar)
	VMULPS(Mem{Base: dots}, f0, x0)
	VMULPS(Mem{Base: dots, Disp: 32}, f1, x1)
	VCMPPS(Imm(notLess), bar, x0, x0)
	VCMPPS(Imm(notLess), bar, x1, x1)
	VMOVMSKPS(x0, low)
	VMOVMSKPS(x1, high)
	SHLL(Imm(8), high)
	ORL(high, low)
	MOVW(low.As16(), Mem{Base: masks})
	ADDQ(Imm(2), masks)
	ADDQ(Imm(4), least)
	ADDQ(Imm(4*panelWidth), dots)
	DECQ(n)
	JMP(LabelRef("row"))
	Label("end")
	VZEROUPPER()
	RET()
}

// sparseAVX2 adds what a few numbers of each row give with a panel, whose rows are found
// by a table.
func sparseAVX2() {
	a0, a1, x := YMM(), YMM(), YMM()
	sparse("addSparseAVX2", "addSparseAVX2 needs AVX2 and FMA.", []reg.VecVirtual{a0, a1}, 32, func(value, panel Mem) {
		VBROADCASTSS(value, x)
		VFMADD231PS(panel, x, a0)
		VFMADD231PS(panel.Offset(32), x, a1)
	})
}

// sparseAVX512 is sparseAVX2 with a register for all 16 sums of a row. The sums are the
// same, bit for bit.
func sparseAVX512() {
	a, x := ZMM(), ZMM()
	sparse("addSparseAVX512", "addSparseAVX512 needs AVX512F.", []reg.VecVirtual{a}, 64, func(value, panel Mem) {
		VBROADCASTSS(value, x)
		VFMADD231PS(panel, x, a)
	})
}

// sparse emits the loop over rows and their numbers; acc are the sums of a row in registers
// of size bytes, to which add adds what one number gives.
func sparse(name, doc string, acc []reg.VecVirtual, size int, add func(value, panel Mem)) {
	TEXT(name, NOSPLIT, "func(dst *float32, ends, columns *uint32, values *float32, places *uint32, panel *float32, n int)")
	Pragma("noescape")
	Doc(doc)
	dst, ends, columns := Load(Param("dst"), GP64()), Load(Param("ends"), GP64()), Load(Param("columns"), GP64())
	values, places := Load(Param("values"), GP64()), Load(Param("places"), GP64())
	panel, n := Load(Param("panel"), GP64()), Load(Param("n"), GP64())
	k, end, place := GP64(), GP64(), GP64()
	XORQ(k, k)
	Label("row")
	TESTQ(n, n)
	JZ(LabelRef("end"))
	MOVL(Mem{Base: ends}, end.As32())
	CMPQ(k, end)
	JGE(LabelRef("next"))
	for i, a := range acc {
		VMOVUPS(Mem{Base: dst, Disp: size * i}, a)
	}
	Label("number")
	MOVL(Mem{Base: columns, Index: k, Scale: 4}, place.As32())
	MOVL(Mem{Base: places, Index: place, Scale: 4}, place.As32())
	SHLQ(Imm(6), place) // 4 * panelWidth
	add(Mem{Base: values, Index: k, Scale: 4}, Mem{Base: panel, Index: place, Scale: 1})
	INCQ(k)
	CMPQ(k, end)
	JL(LabelRef("number"))
	for i, a := range acc {
		VMOVUPS(a, Mem{Base: dst, Disp: size * i})
	}
	Label("next")
	ADDQ(Imm(4), ends)
	ADDQ(Imm(4*panelWidth), dst)
	DECQ(n)
	JMP(LabelRef("row"))
	Label("end")
	VZEROUPPER()
	RET()
}
