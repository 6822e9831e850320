package main

import (
	. "github.com/mmcloughlin/avo/build" //nolint:revive // avo's own manner
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	// panelWidth is how many vectors a panel has, and panelRows how many rows are
	// multiplied with it at a time: as many as there are registers for their sums.
	panelWidth = 16
	panelRows  = 6
)

// panelAVX2 multiplies rows with a panel of interleaved vectors, each sum in a lane of its
// own: no sums are added up at the end, and each number of a row is read once for 16
// products.
func panelAVX2() {
	TEXT("dotPanelAVX2", NOSPLIT, "func(dst, rows, panel *float32, n, dim int)")
	Pragma("noescape")
	Doc("dotPanelAVX2 needs AVX2 and FMA.")
	dst, rows, panel := Load(Param("dst"), GP64()), Load(Param("rows"), GP64()), Load(Param("panel"), GP64())
	n, dim := Load(Param("n"), GP64()), Load(Param("dim"), GP64())
	bytes, low, high, at, left := GP64(), GP64(), GP64(), GP64(), GP64()
	MOVQ(dim, bytes)
	SHLQ(Imm(2), bytes)
	acc := make([]reg.VecVirtual, 2*panelRows)
	for i := range acc {
		acc[i] = YMM()
	}
	p0, p1, x := YMM(), YMM(), YMM()
	block := func(name string, count int) {
		for _, a := range acc[:2*count] {
			VXORPS(a, a, a)
		}
		MOVQ(rows, low)
		LEAQ(Mem{Base: bytes, Index: bytes, Scale: 2}, high)
		ADDQ(rows, high)
		MOVQ(panel, at)
		MOVQ(dim, left)
		Label(name)
		VMOVUPS(Mem{Base: at}, p0)
		VMOVUPS(Mem{Base: at, Disp: 32}, p1)
		for i := range count {
			m := Mem{Base: low}
			if i >= 3 {
				m.Base = high
			}
			if i%3 > 0 {
				m.Index, m.Scale = bytes, uint8(i%3)
			}
			VBROADCASTSS(m, x)
			VFMADD231PS(p0, x, acc[2*i])
			VFMADD231PS(p1, x, acc[2*i+1])
		}
		ADDQ(Imm(4), low)
		ADDQ(Imm(4), high)
		ADDQ(Imm(4*panelWidth), at)
		DECQ(left)
		JNZ(LabelRef(name))
		for i, a := range acc[:2*count] {
			VMOVUPS(a, Mem{Base: dst, Disp: 32 * i})
		}
		ADDQ(U32(4*panelWidth*count), dst)
	}
	Label("many")
	CMPQ(n, Imm(panelRows))
	JL(LabelRef("few"))
	block("many_numbers", panelRows)
	LEAQ(Mem{Base: high, Index: bytes, Scale: 2}, rows) // high has gone on by one row
	SUBQ(Imm(panelRows), n)
	JMP(LabelRef("many"))
	Label("few")
	TESTQ(n, n)
	JZ(LabelRef("end"))
	block("one_numbers", 1)
	ADDQ(bytes, rows)
	DECQ(n)
	JMP(LabelRef("few"))
	Label("end")
	VZEROUPPER()
	RET()
}
